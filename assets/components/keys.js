// Keys for the page: data.keys {key name: what it asks for}. Trigger: pressed (what). A key counts where no field takes text,
// no widget uses it and nothing else has used it up. Enter on a button is that button's, but for the words of a document.

const TYPED = 'input, textarea, select, [contenteditable="true"], [role="combobox"], [role="slider"], [role="tab"], [role="radio"]';

export default function ({ data, setTriggerValue }) {
  const listen = (event) => {
    const what = data.keys[event.key] ?? data.keys[event.key.toLowerCase()];
    if (!what || event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const [target] = event.composedPath();
    if (target.matches?.(TYPED)) return;
    const word = target.matches?.('button.w[aria-pressed="true"]');
    if (event.key === 'Enter' && !word && target.closest?.('button, a, summary')) return;
    if (document.querySelector('[role="dialog"], [data-testid="stPopoverBody"]')) return;
    event.preventDefault();
    setTriggerValue('pressed', what);
  };
  // A button's own click follows keydown, so that preventDefault here keeps Enter from clicking the word again.
  document.addEventListener('keydown', listen, false);
  return () => document.removeEventListener('keydown', listen, false);
}
