// What the page shows, and what is chosen on it.

data.rows.forEach((row, place) => { row.place = place; });
const bills = ['simulations', 'operations', 'seconds'].filter(
  (kind) => data.rows.every((row) => row.rates[kind]));
const grid = priceGrid(data.runs.flatMap((run) => run.prices));
const CHOSEN = ['rule', 'learned', 'ceiling'];

const state = {
  price: firstPrice(),
  bill: bills.includes(data.runs[0].bill) ? data.runs[0].bill : bills[0],
  shown: new Set(),
  allPrices: false,
  sort: { column: 'timed', down: true },
};

function firstPrice() {
  const prices = data.runs.flatMap((run) => run.prices);
  return prices.length ? Math.min(...prices) : grid[0];
}

/** Rows of a run, or of all runs. */
function rowsOf(run) {
  return data.rows.filter((row) => run === null || row.run === run);
}

/** The rows of fixed k without a limit of depth, by k. */
function fixedRows(run) {
  return rowsOf(run).filter((row) => row.agent === 'fixed' && row.depth === null)
    .sort((a, b) => a.k - b.k);
}

/** How far two prices are apart: by their ratio; 0 is farther from all others, and from the least least. */
function apart(a, b) {
  return a === b ? 0 : a > 0 && b > 0 ? Math.abs(Math.log(a / b)) : 1e6 + Math.abs(a - b);
}

/** Of things with a price of their own, those made for the price nearest to the one chosen. */
function nearest(things) {
  const least = Math.min(...things.map((one) => (one.price === null ? 0 : apart(one.price, state.price))));
  return things.filter((one) => one.price === null || apart(one.price, state.price) === least);
}

/** The rows of a run at the chosen price: of each agent, those made for the nearest of its prices. */
function rowsNow(run) {
  const byAgent = new Map();
  for (const row of rowsOf(run)) {
    const key = `${row.run} ${row.agent}`;
    byAgent.set(key, [...(byAgent.get(key) ?? []), row]);
  }
  return [...byAgent.values()].flatMap(nearest).sort((a, b) => a.place - b.place);
}

/** What results.json tells of a row at the chosen price, if it tells it under the chosen bill. */
function toldOf(row) {
  const entry = row.told.find((one) => one.price === state.price);
  if (!entry) return null;
  const own = data.runs[row.run].bill === state.bill;
  const timed = entry.timed_by?.[state.bill] ?? (own ? entry.timed : null);
  return timed ? { ...entry, timed, own } : null;
}

/** A row's timed return: as results.json tells it, else worked out from its counts. */
function timedNow(row) {
  const told = toldOf(row);
  if (told) return fromTold(told.timed);
  return alone(data, row.place, state.price, state.bill);
}

function untimedOf(row) {
  return fromTold(row.told[0].untimed);
}

function fromTold(estimate) {
  return { mean: estimate.mean, low: estimate.ci95[0], high: estimate.ci95[1] };
}

/** The best k of a run at the chosen price: on validation episodes, and on the episodes shown. */
function bestK(run) {
  const rows = fixedRows(run);
  const validation = data.runs[run].validation;
  const shown = bestOf(rows, state.price, state.bill);
  const known = validation.length && validation[0].rates[state.bill];
  const chosen = known ? bestOf(validation, state.price, state.bill) : null;
  const told = data.runs[run].best_fixed.find((one) => one.price === state.price);
  const own = data.runs[run].bill === state.bill;
  const k = told && own ? told.k : chosen ? chosen.k : null;
  return { validation: k, shown: shown ? shown.k : null };
}

/** The row of the best fixed k, which agents are measured by. */
function yardstick(run) {
  const { validation, shown } = bestK(run);
  return fixedRows(run).find((row) => row.k === (validation ?? shown));
}

function nameOf(row, withRun = several) {
  const depth = row.depth === null ? '' : `, depth ≤ ${row.depth}`;
  const own = row.agent === 'fixed' ? `fixed k = ${row.k}${depth}` : row.agent;
  const made = row.price === null ? '' : ` for c = ${row.price}`;
  return `${withRun ? `${data.runs[row.run].name}: ` : ''}${own}${made}`;
}
