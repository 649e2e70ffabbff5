// Where agents think: mean simulations by decision, and by the number of legal actions.

const LEAST = 20; // decisions that a group must have to be shown
const groupings = { decision: 'By decision of the episode', legal_actions: 'By number of legal actions' };
const thinkingFigures = data.runs.map(() => ({}));

function buildThinking() {
  cards('thinking', (run, index) => {
    const telling = Object.keys(groupings).filter((by) => run.thinking.some(
      (group) => group.by === by && group.decisions.filter((count) => count >= LEAST).length > 1));
    if (!telling.length) return el('p', { class: 'note' }, 'No agent of this run decides how long to think.');
    return telling.map((by) => {
      const figure = new Figure('thinking', groupings[by], true);
      thinkingFigures[index][by] = figure;
      return el('div', {}, el('p', { class: 'note' }, groupings[by]), figure.element);
    });
  });
}

function updateThinking() {
  data.runs.forEach((run, index) => {
    for (const [by, figure] of Object.entries(thinkingFigures[index])) {
      const byAgent = new Map();
      for (const group of run.thinking.filter((one) => one.by === by && state.shown.has(one.agent))) {
        byAgent.set(group.agent, [...(byAgent.get(group.agent) ?? []), group]);
      }
      const points = [...byAgent.values()].flatMap(nearest).flatMap((group) => thoughtOf(index, group, by));
      figure.show({ points: [...points, ...fixedLine(index, points)] }, {}, points);
    }
  });
}

function thoughtOf(run, group, by) {
  const row = data.rows.find((one) => one.run === run && one.agent === group.agent);
  if (!row) return [];
  return group.at.map((at, i) => {
    const [mean, error, count] = [group.mean[i], group.error[i], group.decisions[i]];
    const place = by === 'decision' ? at + 1 : at;
    return {
      agent: group.agent, at: place, mean, low: Math.max(0, mean - 2 * error), high: mean + 2 * error, count,
      color: readable(row.style.color), dash: dashOf(row.style), shape: pathOf(row.style),
      name: short(group.agent, 60), value: `${digits(mean, 5)} simulations`, interval: `± ${digits(2 * error, 3)}`,
      note: `${by === 'decision' ? `decision ${place}` : `${place} legal actions`}, of ${count} decisions`,
    };
  }).filter((point) => point.count >= LEAST);
}

function fixedLine(run, points) {
  const best = yardstick(run);
  if (!best || !points.length) return [];
  const ends = [Math.min(...points.map((one) => one.at)), Math.max(...points.map((one) => one.at))];
  return ends.map((at) => ({
    agent: 'best fixed', at, mean: best.k, low: best.k, high: best.k, color: readable(best.style.color),
    dash: [1, 0], shape: pathOf(best.style), name: `best fixed k = ${best.k}`, value: '', interval: '', note: '',
  }));
}
