// What is chosen on the page. Costs are those of the data: nothing between them is guessed.

const grid = [...new Set(data.rows.map((row) => row.price))].sort((a, b) => a - b);

const state = {
  price: Math.min(...data.runs.flatMap((run) => run.prices)),
  shown: new Set(data.rows.filter((row) => row.rank !== 'nothing').map((row) => row.agent)),
  sort: { column: 'value', down: true },
};

function rowsOf(run) {
  return data.rows.filter((row) => row.run === run);
}

/** The row of a run at a cost with this rank: the optimum, doing nothing, the best fixed number. */
function ranked(run, price, rank) {
  return rowsOf(run).find((row) => row.price === price && row.rank === rank);
}

function estimate(told) {
  return told && { mean: told.mean, low: told.ci95[0], high: told.ci95[1] };
}

function nameOf(row) {
  if (row.k === null) return row.agent;
  return `${row.agent}, ${row.k} computation${row.k === 1 ? '' : 's'}`;
}
