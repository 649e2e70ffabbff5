// Untimed and timed return over k, a pair of figures for each run.

const returnFigures = data.runs.map(() => ({}));

function buildReturns() {
  cards('returns', (run, index) => ['untimed', 'timed'].map((kind) => {
    const label = `${kind === 'timed' ? 'Timed' : 'Untimed'} ${short(run.label, 80)}`;
    const figure = new Figure(kind, `${label} over k`, true);
    returnFigures[index][kind] = figure;
    return el('div', {}, el('p', { class: 'note' }, label), figure.element);
  }));
}

function curveOf(run, kind) {
  return fixedRows(run).map((row) => {
    const { mean, low, high } = kind === 'timed' ? timedNow(row) : untimedOf(row);
    return { k: row.k, mean, low, high, color: readable(row.style.color), ...tip(row, kind, mean, low, high) };
  });
}

function acrossOf(run, kind) {
  return rowsNow(run)
    .filter((row) => row.agent !== 'fixed' && state.shown.has(row.agent) && row.family !== 'fixed')
    .map((row) => {
      const { mean, low, high } = kind === 'timed' ? timedNow(row) : untimedOf(row);
      return { row, mean, low, high, color: readable(row.style.color), dash: dashOf(row.style),
        ...tip(row, kind, mean, low, high) };
    });
}

function tip(row, kind, mean, low, high) {
  const fewer = row.episodes < data.runs[row.run].episodes ? `on the first ${row.episodes} episodes` : '';
  const stands = row.told.find((one) => one.replaced);
  return {
    name: short(nameOf(row, false), 80), value: `${kind} ${digits(mean)}`, interval: bracket(low, high),
    simulations: digits(row.simulations, 5),
    note: [fewer, stands ? `fixed k = ${stands.replaced.k} stands in` : ''].filter(Boolean).join(', '),
  };
}

function marksOf(run, curve) {
  const { validation, shown } = bestK(run);
  const mark = (k, shape, note) => {
    const point = curve.find((one) => one.k === k);
    return point ? { ...point, color: INK[themeName()], shape, note } : null;
  };
  return [
    mark(validation, 'circle', 'best k on validation episodes'),
    mark(shown, 'diamond', 'highest on these episodes'),
  ].filter(Boolean);
}

/** The ends of the y axis: room for the peaks, even where long searches earn far less. */
function endsOf(parts, kind) {
  const all = parts.flatMap(({ curve, across }) => [...curve, ...across]);
  const lows = all.map((one) => (Number.isFinite(one.low) ? one.low : one.mean));
  const highs = all.map((one) => (Number.isFinite(one.high) ? one.high : one.mean));
  let [least, most] = [Math.min(...lows), Math.max(...highs)];
  if (kind === 'timed') {
    const timed = parts.flatMap(({ curve }) => curve.map((one) => one.mean));
    const untimed = data.runs.flatMap((_, run) => fixedRows(run).map((row) => row.untimed));
    const gained = Math.max(...untimed) - Math.min(...untimed);
    const height = Math.max(3 * gained, (Math.max(...timed) - Math.min(...timed)) / 5);
    least = Math.max(least, Math.max(...timed) - height);
  }
  const pad = 0.05 * (most - least) || 0.01 * Math.abs(most) || 1;
  return { least: least - pad, most: most + pad };
}

function updateReturns() {
  for (const kind of ['untimed', 'timed']) {
    const parts = data.runs.map((_, run) => ({ curve: curveOf(run, kind), across: acrossOf(run, kind) }));
    const ends = endsOf(parts, kind);
    parts.forEach(({ curve, across }, run) => {
      const best = marksOf(run, curve);
      const height = data.figures[kind].height;
      const gap = (13 / height) * (ends.most - ends.least);
      const labels = spread(across.map((one) => ({
        at: one.mean + 0.6 * gap, color: one.color, text: short(one.row.agent, 24), ground: CARD[themeName()],
      })), gap, ends.least + gap, ends.most - 0.5 * gap);
      const plain = across.map(({ row, ...rest }) => rest);
      const points = [...curve, ...best, ...plain.map((one) => ({ ...one, k: curve[0]?.k ?? 0 }))];
      returnFigures[run][kind].show({ curve, across: plain, best, labels }, ends, points);
    });
  }
}
