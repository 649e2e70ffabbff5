// Untimed return against simulations an episode.

const frontFigures = [];

function buildFront() {
  cards('front', (run, index) => {
    const figure = new Figure('front', 'Untimed return against simulations an episode', true);
    frontFigures[index] = figure;
    return figure.element;
  });
}

function updateFront() {
  data.runs.forEach((_, run) => {
    const fixed = fixedRows(run).map((row) => pointOf(row, true));
    const others = rowsOf(run)
      .filter((row) => row.agent !== 'fixed' && state.shown.has(row.agent))
      .map((row) => pointOf(row, false));
    const made = others.filter((point) => point.made !== null);
    const lines = [...fixed, ...made].map((point) => ({
      agent: point.agent, simulations: point.simulations, mean: point.mean, color: point.color, dash: point.dash,
    }));
    frontFigures[run].show({ points: [...fixed, ...others], lines }, {}, [...fixed, ...others]);
  });
}

function pointOf(row, fixed) {
  const { mean, low, high } = untimedOf(row);
  const thought = fromTold(row.told[0].simulations);
  return {
    ...tip(row, 'untimed', mean, low, high),
    agent: row.agent, fixed, made: row.price, text: `${row.k}`, mean, low, high,
    simulations: thought.mean, left: thought.low, right: thought.high,
    note: `${digits(thought.mean, 5)} simulations an episode ${bracket(thought.low, thought.high, 4)}`,
    color: readable(row.style.color), dash: fixed ? [1, 0] : dashOf(row.style), shape: pathOf(row.style),
  };
}
