// A table whose columns sort. A page says in `state.sort` by which, and draws again in updateTable().

/** Fill a place with rows of cells; a cell is what its column sorts by, and its text. */
function drawSorted(place, columns, rows) {
  const { column, down } = state.sort;
  const sorted = rows.map((row, before) => ({ ...row, before })).sort((a, b) =>
    compareCells(a.cells[column][0], b.cells[column][0], down) || a.before - b.before);
  const head = el('tr', {}, ...columns.map((one) => el('th', {
    scope: 'col', class: one.text ? 'text' : null,
    'aria-sort': one.name === column ? (down ? 'descending' : 'ascending') : 'none',
  }, el('button', { type: 'button', 'data-column': one.name, onclick: () => sortBy(one) }, one.title))));
  const body = sorted.map(({ cells, attributes }) => tableRow(columns.map((one) => el('td', {
    class: one.text ? `text${one.whole ? ' whole' : ''}` : null, title: one.text ? cells[one.name][1] : null,
    'data-value': cells[one.name][0] ?? '',
  }, cells[one.name][1])), attributes));
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.column : null;
  place.replaceChildren(el('table', {}, el('thead', {}, head), el('tbody', {}, ...body)));
  if (focused) place.querySelector(`[data-column="${focused}"]`)?.focus();
}

/** What is missing comes last, whichever way a column is sorted. */
function compareCells(a, b, down) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === 'string' ? a.localeCompare(b, 'en', { numeric: true }) : a - b;
  return down ? -order : order;
}

function sortBy(column) {
  const same = state.sort.column === column.name;
  state.sort = { column: column.name, down: same ? !state.sort.down : !column.text };
  updateTable();
}
