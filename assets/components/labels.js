// The ranked labels, and a search over all labels that is answered by the server as one types.
//
// data: groups [{title, rows: [{id, rank, name, score, bar, count, mark, pinned}]}], chosen (id or null), found
// (rows or null), query (what `found` answers), total, unit, bars (how they are read). bar: where it begins and ends on a track from 0 to 1
// whose middle is marked. Triggers: chosen (id), pinned (id), query (text).
// Names enter by textContent only.

const GLYPHS = { head: '\u25cf', torso: '\u25d0', tail: '\u25cb' };
const element = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text ?? '' });

function row(item, data, send) {
  const line = element('li', 'row');
  const pick = element('button', 'pick');
  pick.type = 'button';
  pick.dataset.id = item.id;
  pick.setAttribute('aria-current', item.id === data.chosen);
  pick.setAttribute('aria-label', `${item.name}, rank ${item.rank}, ${data.unit} ${item.score}, ${item.count} training documents, ${item.mark}`);
  const bar = element('span', 'bar');
  const [from, to] = item.bar;
  bar.style.setProperty('--from', from);
  bar.style.setProperty('--to', to);
  bar.classList.toggle('below', item.below);
  bar.title = data.bars;
  const mark = element('span', 'mark', `${GLYPHS[item.mark]} ${item.mark}`);
  mark.title = 'head: 100 or more training documents; torso: 20 to 99; tail: fewer';
  const facts = element('span', 'facts');
  facts.append(element('span', 'count', `${item.count} in training`), mark);
  pick.append(element('span', 'rank', item.rank), element('span', 'name', item.name), element('span', 'score', item.score), bar, facts);
  pick.onclick = () => send('chosen', item.id);
  const pin = element('button', 'pin', item.pinned ? '\u2605' : '\u2606');
  pin.type = 'button';
  pin.title = item.pinned ? 'Unpin' : 'Pin: keep this label in sight';
  pin.setAttribute('aria-label', `${item.pinned ? 'Unpin' : 'Pin'} ${item.name}`);
  pin.setAttribute('aria-pressed', item.pinned);
  pin.onclick = () => send('pinned', item.id);
  line.append(pick, pin);
  return line;
}

function buildSearch(parent) {
  const search = element('div', 'search');
  const field = Object.assign(element('input', 'query'), { type: 'search', autocomplete: 'off', spellcheck: false });
  field.setAttribute('role', 'combobox');
  field.setAttribute('aria-autocomplete', 'list');
  field.setAttribute('aria-controls', 'found');
  const list = element('ul', 'found');
  list.id = 'found';
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', 'Labels found');
  list.hidden = true;
  search.append(field, list);
  parent.append(search, element('div', 'groups'));
  return { field, list };
}

function option(item, choose) {
  const line = element('li', 'option');
  line.setAttribute('role', 'option');
  line.setAttribute('aria-selected', 'false');
  line.id = `option-${item.id}`;
  line.append(element('span', 'name', item.name), element('span', 'facts', `rank ${item.rank} \u00b7 ${item.count} in training \u00b7 ${GLYPHS[item.mark]} ${item.mark}`));
  line.onpointerdown = (event) => { event.preventDefault(); choose(item.id); };
  return line;
}

function fillFound(field, list, data, send) {
  const wanted = field.value.trim();
  const show = wanted !== '' && data.found !== null && data.query === wanted;
  list.hidden = !show;
  field.setAttribute('aria-expanded', show);
  if (!show) return;
  const choose = (id) => { field.value = ''; list.hidden = true; field.setAttribute('aria-expanded', false); send('chosen', id); };
  list.replaceChildren(...data.found.map((item) => option(item, choose)));
  if (!data.found.length) list.append(element('li', 'none', 'No label has these words in its name.'));
  let at = -1;
  field.onkeydown = (event) => {
    const options = [...list.querySelectorAll('.option')];
    if (event.key === 'Escape') { list.hidden = true; field.setAttribute('aria-expanded', false); }
    if (event.key === 'Enter' && options.length) choose(data.found[Math.max(at, 0)].id);
    if (!options.length || !['ArrowDown', 'ArrowUp'].includes(event.key)) return;
    event.preventDefault();
    at = (at + (event.key === 'ArrowDown' ? 1 : -1) + options.length) % options.length;
    options.forEach((line, i) => line.setAttribute('aria-selected', i === at));
    field.setAttribute('aria-activedescendant', options[at].id);
    options[at].scrollIntoView({ block: 'nearest' });
  };
}

export default function ({ data, parentElement, setTriggerValue }) {
  let field = parentElement.querySelector('.query');
  let list = parentElement.querySelector('ul.found');
  if (!field) ({ field, list } = buildSearch(parentElement));
  field.placeholder = `Search all ${data.total} labels`;
  field.setAttribute('aria-label', field.placeholder);
  let timer;
  field.oninput = () => {
    clearTimeout(timer);
    list.hidden = true;
    if (field.value.trim()) timer = setTimeout(() => setTriggerValue('query', field.value.trim()), 180);
  };
  field.onblur = () => { list.hidden = true; };
  fillFound(field, list, data, setTriggerValue);
  const groups = parentElement.querySelector('.groups');
  const active = parentElement.getRootNode().activeElement;
  const focused = active?.classList.contains('pick') ? active.dataset.id : null;
  groups.replaceChildren(...data.groups.map((group) => {
    const section = element('section', 'group');
    const rows = element('ol', 'rows');
    rows.append(...group.rows.map((item) => row(item, data, setTriggerValue)));
    section.append(element('h3', 'title', group.title), rows);
    return section;
  }), ...(data.groups.some((group) => group.rows.length) ? [element('p', 'reading', data.bars)] : []));
  if (focused) groups.querySelector(`.pick[data-id="${focused}"]`)?.focus({ preventScroll: true });
  return () => clearTimeout(timer);
}
