// The table of policies at the chosen cost.

const columns = [
  { name: 'policy', title: 'policy', text: true },
  several ? { name: 'run', title: 'run', text: true } : null,
  { name: 'value', title: 'value' },
  { name: 'score', title: 'score' },
  { name: 'fixed', title: 'less best fixed' },
  { name: 'optimum', title: 'less optimum' },
  { name: 'computations', title: 'computations' },
  { name: 'payoff', title: 'payoff' },
  { name: 'seeds', title: 'seeds' },
  { name: 'setting', title: 'chosen for c', text: true, whole: true },
].filter(Boolean);

function cellsOf(row) {
  const [value, score] = [estimate(row.timed), estimate(row.score)];
  const less = (rank) => {
    const other = ranked(row.run, row.price, rank);
    const apart = value.mean - other.timed.mean;
    return [apart, Math.abs(apart) < 1e-12 ? '0' : signed(apart, 4)];
  };
  return {
    policy: [row.agent, row.agent],
    run: [data.runs[row.run].name, data.runs[row.run].name],
    value: [value.mean, exactly(value)],
    score: score ? [score.mean, exactly(score)] : [null, '–'],
    fixed: less('fixed'),
    optimum: less('optimum'),
    computations: [row.simulations.mean, exactly(estimate(row.simulations), 2)],
    payoff: [row.untimed.mean, exactly(estimate(row.untimed))],
    seeds: row.trained ? [row.seeds, String(row.seeds)] : [null, ''],
    setting: [row.setting, row.setting],
  };
}

/** An exact number, or the mean over training seeds with half of its interval. */
function exactly(found, places = 5) {
  return found.high > found.low ? plusMinus(found) : found.mean.toFixed(places);
}

function updateTable() {
  const rows = data.rows.filter((row) => row.price === state.price);
  drawSorted(document.querySelector('#table .scroll'), columns, rows.map((row) => ({
    cells: cellsOf(row), attributes: { class: row.rank === 'fixed' ? 'best' : null } })));
  const trained = rows.some((row) => row.trained);
  byId('table-note').textContent = [
    `At c = ${digits(state.price, 6)}. Bold: the best fixed number of computations.`,
    trained ? '± is half of the 95% interval over training seeds.' : 'No policy was trained for this cost.',
    'Score: a dash where computing cannot gain anything. These are the numbers of results.json.',
  ].join(' ');
}
