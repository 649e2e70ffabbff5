// Score, value and computations over the cost, three figures for each run.

const KINDS = {
  score: { label: 'Score', of: (row) => row.score },
  value: { label: 'Value: payoff less the cost of computations', of: (row) => row.timed },
  computations: { label: 'Computations an episode', of: (row) => row.simulations },
};
const lineFigures = data.runs.map(() => ({}));

function buildLines() {
  cards('lines', (run, index) => Object.entries(KINDS).map(([kind, { label }]) => {
    const figure = new Figure(kind, `${label}, over the cost`, true);
    lineFigures[index][kind] = figure;
    return el('div', {}, el('p', { class: 'note' }, label), figure.element);
  }));
}

/** The points of a kind that have a number; a cost of 0 has no place on the axis. */
function pointsOf(run, kind) {
  return rowsOf(run)
    .filter((row) => row.price > 0 && KINDS[kind].of(row) !== null && state.shown.has(row.agent))
    .sort((a, b) => a.agent.localeCompare(b.agent) || a.price - b.price)
    .map((row) => {
      const { mean, low, high } = estimate(KINDS[kind].of(row));
      const seeds = row.trained && row.scores ? `${row.seeds} training seeds, least score ${digits(Math.min(...row.scores), 4)}` : '';
      return {
        line: row.agent, price: row.price, mean, low, high, trained: row.trained,
        color: readable(row.style.color), dash: dashOf(row.style), shape: pathOf(row.style),
        name: nameOf(row), value: `${kind} ${digits(mean)}`, interval: high > low ? bracket(low, high) : '',
        note: [`c = ${digits(row.price, 4)}`, seeds].filter(Boolean).join('; '),
      };
    });
}

/** The ends of the y axis: from a little below stopping at once to the best. */
function endsOf(run, kind, points) {
  if (kind === 'score') return { least: -0.05, most: 1.05 };
  const means = points.map((one) => one.mean);
  const most = Math.max(...means, 0);
  if (kind === 'computations') return { least: -0.03 * most, most: 1.06 * most || 1 };
  const bounds = rowsOf(run).filter((row) => row.price > 0 && row.rank).map((row) => row.timed.mean);
  const [low, high] = [Math.min(...bounds), Math.max(...bounds)];
  const pad = 0.06 * (high - low) || 0.01 * Math.abs(high) || 1;
  return { least: low - pad, most: high + pad };
}

function updateLines() {
  data.runs.forEach((_, run) => {
    for (const [kind, figure] of Object.entries(lineFigures[run])) {
      const points = pointsOf(run, kind);
      const ends = endsOf(run, kind, points);
      const chosen = state.price > 0 ? [{ price: state.price, color: INK[themeName()] }] : [];
      const within = points.filter((one) => one.mean >= ends.least && one.mean <= ends.most);
      figure.show({ points, chosen }, ends, within);
    }
  });
}
