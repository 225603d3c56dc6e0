// A table whose rows are chosen by a click: candidates of a word, steps of an attack. All text enters by textContent.
//
// data: columns [{name, number}], rows [{cells [text], good, off, title}], current (row or null), label, empty (sentence),
// above [[text, columns]] (headings over the headings), more {title, rows [[text]]} or null (a folded list below), follow (keep the current row in sight). Trigger: chosen (row).

const element = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text ?? '' });

function line(item, index, data, send) {
  const row = element('tr', item.good ? 'good' : '');
  row.title = item.title ?? '';
  row.classList.toggle('off', Boolean(item.off));
  if (index === data.current) row.setAttribute('aria-current', 'true');
  item.cells.forEach((text, column) => {
    const cell = element('td', data.columns[column].number ? 'n' : '');
    if (column === 0) {
      const button = element('button', 'choose', text);
      button.type = 'button';
      button.dataset.row = index;
      button.setAttribute('aria-label', item.title || text);
      cell.append(button);
    } else cell.textContent = text;
    row.append(cell);
  });
  row.onclick = () => send('chosen', index);
  return row;
}

function head(data) {
  const row = element('tr');
  for (const column of data.columns) {
    const cell = element('th', column.number ? 'n' : '', column.name);
    cell.scope = 'col';
    row.append(cell);
  }
  const part = element('thead');
  if (data.above.length) {
    const over = element('tr', 'above');
    for (const [text, columns] of data.above) over.append(Object.assign(element(text ? 'th' : 'td', '', text), text ? { colSpan: columns, scope: 'colgroup' } : { colSpan: columns }));
    part.append(over);
  }
  part.append(row);
  return part;
}

function folded(more, open) {
  const details = element('details', 'more');
  details.open = open;
  details.append(element('summary', '', more.title));
  const list = element('dl');
  for (const [word, reason] of more.rows) list.append(element('dt', '', word), element('dd', '', reason));
  details.append(list);
  return details;
}

export default function ({ data, parentElement, setTriggerValue }) {
  let box = parentElement.querySelector('.box');
  if (!box) box = parentElement.appendChild(element('div', 'box'));
  const root = parentElement.getRootNode();
  const focused = root.activeElement?.dataset?.row;
  const open = Boolean(box.querySelector('details')?.open);
  const scroll = element('div', data.above.length ? 'scroll whole' : 'scroll');
  scroll.tabIndex = -1;
  if (data.rows.length) {
    const table = element('table');
    table.setAttribute('aria-label', data.label);
    const body = element('tbody');
    body.append(...data.rows.map((item, index) => line(item, index, data, setTriggerValue)));
    table.append(head(data), body);
    // Up and down walk through the rows, so that Tab passes the whole table in one stop.
    table.onkeydown = (event) => {
      const buttons = [...table.querySelectorAll('button.choose')];
      const at = buttons.indexOf(event.target) + ({ ArrowDown: 1, ArrowUp: -1 }[event.key] ?? NaN);
      if (!buttons[at]) return;
      buttons.forEach((button, index) => { button.tabIndex = index === at ? 0 : -1; });
      buttons[at].focus();
      event.preventDefault();
    };
    const stop = Number(focused ?? data.current ?? 0);
    table.querySelectorAll('button.choose').forEach((button, index) => { button.tabIndex = index === stop ? 0 : -1; });
    scroll.append(table);
  } else scroll.append(element('p', 'empty', data.empty));
  const top = box.querySelector('.scroll')?.scrollTop ?? 0;
  box.replaceChildren(scroll);
  if (data.more) box.append(folded(data.more, open));
  scroll.scrollTop = data.follow ? 0 : top;
  if (data.follow) {
    const current = scroll.querySelector('tr[aria-current]');
    if (current) scroll.scrollTop = Math.max(0, current.offsetTop - scroll.clientHeight + 2 * current.offsetHeight);
  }
  if (focused !== undefined) box.querySelector(`button.choose[data-row="${focused}"]`)?.focus({ preventScroll: true });
  return () => {};
}
