// The document as words that can be clicked and edited in place. User text enters by textContent and value only.
//
// data: pieces [{t, i}] (i null: not a word), scores {word: value} or null, max, selected [word], read (words the model
// reads), editable, decimals, toward (the label's name), label (for screen readers).
// unsigned (values are shares of attention: one hue, neither for nor against).
// next (the word that comes next, or null), titles ({word: what to say of it} or null), held (a selected word stays selected).
// State: selected. Triggers: clicked (word), edited {i, text} where an empty text deletes the word.

const signed = (value, decimals) => (value < 0 ? '\u2212' : '+') + Math.abs(value).toFixed(decimals);

function describe(word, value, data) {
  if (value === undefined) return word;
  if (data.unsigned) return `${word}: ${(100 * value).toFixed(1)} % of the attention`;
  if (value === 0) return `${word}: 0`;
  return `${word}: ${signed(value, data.decimals)}, ${value > 0 ? 'towards' : 'against'} ${data.toward}`;
}

function paint(button, value, data) {
  const strength = value === undefined || !data.max ? 0 : Math.min(1, Math.abs(value) / data.max);
  button.classList.toggle('read', strength >= 0.04 && data.unsigned === true);
  button.classList.toggle('for', strength >= 0.04 && value > 0 && !data.unsigned);
  button.classList.toggle('against', strength >= 0.04 && value < 0);
  button.style.setProperty('--strength', strength.toFixed(3));
  const text = data.titles?.[button.dataset.i] ?? describe(button.textContent, value, data);
  button.title = text;
  button.setAttribute('aria-label', text);
}

// While a word is edited the document is not repainted; `again` does that when the field closes.
function edit(button, word, set, again) {
  const field = Object.assign(document.createElement('input'), { className: 'edit', value: button.textContent });
  field.setAttribute('aria-label', `Another word for ${button.textContent}; empty deletes it, Escape keeps it`);
  field.style.width = `${Math.max(4, button.textContent.length + 2)}ch`;
  let open = true;
  const close = (commit) => {
    if (!open) return;
    open = false;
    const text = field.value.trim();
    field.replaceWith(button);
    button.focus();
    if (commit && text !== button.textContent) set('edited', { i: word, text });
    again();
  };
  field.onkeydown = (event) => {
    if (event.key === 'Enter') close(true);
    if (event.key === 'Escape') close(false);
    event.stopPropagation();
  };
  field.onblur = () => close(true);
  button.replaceWith(field);
  field.focus();
  field.select();
}

// Arrow keys walk through the words; Tab enters and leaves the document as one stop.
function walk(event, box) {
  const steps = { ArrowRight: 1, ArrowLeft: -1 };
  const words = [...box.querySelectorAll('button.w')];
  const at = words.indexOf(event.target);
  if (at < 0 || !(event.key in steps || event.key === 'Home' || event.key === 'End')) return;
  const to = event.key === 'Home' ? 0 : event.key === 'End' ? words.length - 1 : at + steps[event.key];
  if (words[to]) {
    words[at].tabIndex = -1;
    words[to].tabIndex = 0;
    words[to].focus();
    event.preventDefault();
  }
}

function wordButton(piece, data, picked, again, setStateValue, setTriggerValue) {
  const button = Object.assign(document.createElement('button'), { className: 'w', type: 'button', textContent: piece.t });
  button.dataset.i = piece.i;
  button.tabIndex = -1;
  paint(button, data.scores ? data.scores[piece.i] : undefined, data);
  button.setAttribute('aria-pressed', picked.has(piece.i));
  button.classList.toggle('changed', data.changed.includes(piece.i));
  button.classList.toggle('next', data.next === piece.i);
  button.onclick = () => {
    setStateValue('selected', picked.has(piece.i) && !data.held ? [] : [piece.i]);
    setTriggerValue('clicked', piece.i);
  };
  if (data.editable) {
    const open = () => edit(button, piece.i, setTriggerValue, again);
    button.ondblclick = open;
    button.addEventListener('keydown', (event) => { if (event.key === 'F2') open(); });
  }
  return button;
}

// A browser may break a line between a button and what follows it without a space, so that a line would begin with a comma. Whatever
// touches a word is bound to it: what closes to the word before, what opens to the word behind.
function bound(pieces, draw) {
  const fragment = document.createDocumentFragment();
  let opening = '';
  pieces.forEach((piece, at) => {
    if (piece.i !== null) {
      const next = pieces[at + 1];
      const closing = next && next.i === null ? next.t.match(/^\S*/)[0] : '';
      const word = draw(piece);
      if (opening || closing) {
        const run = Object.assign(document.createElement('span'), { className: 'bound' });
        run.append(opening, word, closing);
        fragment.append(run);
      } else fragment.append(word);
      opening = '';
      return;
    }
    const rest = at > 0 ? piece.t.replace(/^\S*/, '') : piece.t;
    opening = at + 1 < pieces.length ? rest.match(/\S*$/)[0] : '';
    fragment.append(rest.slice(0, rest.length - opening.length));
  });
  return fragment;
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let box = parentElement.querySelector('.document');
  if (!box) {
    box = parentElement.appendChild(Object.assign(document.createElement('div'), { className: 'document' }));
    box.setAttribute('role', 'group');
  }
  box.setAttribute('aria-label', data.label);
  box.onkeydown = (event) => walk(event, box);
  box.repaint = () => {
    const focused = parentElement.getRootNode().activeElement?.dataset?.i;
    const picked = new Set(data.selected);
    box.replaceChildren(bound(data.pieces, (piece) => piece.i < data.read
      ? wordButton(piece, data, picked, () => box.repaint(), setStateValue, setTriggerValue)
      : Object.assign(document.createElement('span'), { className: 'unread', textContent: piece.t, title: 'not read by the model' })));
    const again = focused === undefined ? null : box.querySelector(`button[data-i="${focused}"]`);
    const stop = again ?? box.querySelector('button.w');
    if (stop) stop.tabIndex = 0;
    if (again) again.focus({ preventScroll: true });
  };
  if (!box.querySelector('input.edit')) box.repaint();
  return () => {};
}
