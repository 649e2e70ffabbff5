// The table of agents at the chosen price.

function columnsNow() {
  const depths = data.rows.some((row) => row.depth !== null);
  const gap = data.rows.some((row) => row.told.some((entry) => entry.gap_closed));
  return [
    { name: 'agent', title: 'agent', text: true },
    several ? { name: 'run', title: 'run', text: true } : null,
    depths ? { name: 'depth', title: 'depth' } : null,
    { name: 'timed', title: 'timed' },
    { name: 'gain', title: 'less best fixed k' },
    gap ? { name: 'gap', title: 'gap closed' } : null,
    { name: 'untimed', title: 'untimed' },
    { name: 'simulations', title: 'simulations' },
    { name: 'looks', title: 'looks' },
    { name: 'made', title: 'made for c' },
  ].filter(Boolean);
}

/** The numbers of a row at the chosen price: what each column sorts by, and its text. */
function cellsOf(row, best) {
  const told = toldOf(row);
  const timed = timedNow(row);
  const untimed = untimedOf(row);
  const gain = told?.own && told.difference ? fromTold(told.difference)
    : best ? difference(data, row.place, best.place, state.price, state.bill) : null;
  const gap = told?.own && told.gap_closed ? fromTold(told.gap_closed) : null;
  const thought = fromTold(row.told[0].simulations);
  const stands = told?.replaced ? '†' : '';
  const label = row.agent === 'fixed' ? `fixed k = ${row.k}` : row.agent;
  const percent = gap && [gap.mean, gap.low, gap.high].map((share) => Math.round(100 * share));
  return {
    agent: [label, `${label}${stands}`],
    run: [data.runs[row.run].name, data.runs[row.run].name],
    depth: [row.depth, row.depth === null ? '' : String(row.depth)],
    made: [row.price, row.price === null ? 'any' : String(row.price)],
    timed: [timed.mean, plusMinus(timed)],
    gain: gain ? [gain.mean, inFull(gain)] : [null, '–'],
    gap: gap ? [gap.mean, `${percent[0]}% [${percent[1]}, ${percent[2]}]`] : [null, '–'],
    untimed: [untimed.mean, plusMinus(untimed)],
    simulations: [thought.mean, plusMinus(thought)],
    looks: [row.counts.looks, digits(row.counts.looks, 3)],
  };
}

function updateTable() {
  const columns = columnsNow();
  const best = data.runs.map((_, run) => yardstick(run));
  const rows = (state.allPrices ? rowsOf(null) : rowsNow(null)).map((row) => ({ row, cells: cellsOf(row, best[row.run]) }));
  drawSorted(document.querySelector('#table .scroll'), columns, rows.map(({ row, cells }) => ({
    cells, attributes: { class: best[row.run] === row ? 'best' : null, 'data-place': row.place } })));
  byId('table-note').textContent = tableNote(rows);
}

function tableNote(rows) {
  const told = rows.some(({ row }) => toldOf(row)?.own);
  const fewer = rows.find(({ row }) => row.episodes < data.runs[row.run].episodes);
  const replaced = rows.some(({ row }) => toldOf(row)?.replaced);
  return [
    `At c = ${state.price}, ${state.bill} charged. ± is half of the 95% interval. Bold: the best fixed k.`,
    'Less best fixed k is paired by episode. Looks: answers an episode to how long to think.',
    told ? 'These are the numbers of results.json.'
      : 'Between the prices of a run, means are worked out from the counts, intervals from standard errors.',
    fewer ? `${fewer.row.agent} is on the first ${fewer.row.episodes} episodes only.` : '',
    replaced ? '† The best fixed k stands in, as the agent earned less than it on validation episodes.' : '',
  ].filter(Boolean).join(' ');
}
