// Any two agents compared, and runs side by side.

const chosenPair = [null, null];

function buildPairs() {
  const selects = [0, 1].map((which) => el('select', {
    'aria-label': which ? 'Second agent' : 'First agent', id: `pair-${which}`,
    onchange: (event) => { chosenPair[which] = Number(event.target.value); updatePairs(); },
  }));
  byId('two').append(
    el('div', { class: 'pick' }, selects[0], el('span', {}, 'less'), selects[1]),
    el('output', { class: 'answer', id: 'pair-answer', 'aria-live': 'polite' }));
  for (const row of data.rows) {
    selects.forEach((select) => select.append(
      el('option', { value: row.place, title: nameOf(row) }, short(nameOf(row), 90))));
  }
  const learned = data.rows.filter((row) => row.family === 'learned');
  const best = yardstick(0);
  chosenPair[0] = (learned.find((row) => row.agent === 'stopper') ?? learned[0] ?? data.rows[0]).place;
  chosenPair[1] = best?.place ?? 0;
  selects.forEach((select, which) => { select.value = chosenPair[which]; });
}

function updatePairs() {
  const [first, second] = chosenPair;
  const found = difference(data, first, second, state.price, state.bill);
  const how = found.paired ? `paired on ${found.episodes.toLocaleString('en')} episodes` : 'not paired: other episodes';
  byId('pair-answer').textContent =
    `Timed return at c = ${state.price}: ${inFull(found)}, ${how}.`;
  if (several) updateSide();
}

/** Agents that more than one run has: what they earn in each, and how the later differ from the first. */
function updateSide() {
  const byAgent = new Map();
  for (const row of rowsNow(null)) {
    const key = JSON.stringify([row.agent, row.k, row.depth]);
    byAgent.set(key, [...(byAgent.get(key) ?? []), row]);
  }
  const best = data.runs.map((_, run) => yardstick(run)).filter(Boolean);
  const shared = [best, ...[...byAgent.values()].filter((rows) => rows.length > 1 && rows[0].agent !== 'fixed'),
    ...[...byAgent.values()].filter((rows) => rows.length > 1 && rows[0].agent === 'fixed')];
  const head = ['agent', ...data.runs.map((run) => short(run.name, 24)), ...data.runs.slice(1).map(
    (run) => `${short(run.name, 24)} less ${short(data.runs[0].name, 24)}`)];
  const body = shared.map((rows, place) => {
    const of = (run) => rows.find((row) => row.run === run);
    const label = place === 0 ? `best fixed k (${rows.map((row) => row.k).join(', ')})`
      : rows[0].agent === 'fixed' ? `fixed k = ${rows[0].k}${rows[0].depth === null ? '' : `, depth ≤ ${rows[0].depth}`}`
        : rows[0].agent;
    return tableRow([
      el('td', { class: 'text', title: label }, label),
      ...data.runs.map((_, run) => (of(run) ? plusMinus(timedNow(of(run))) : '–')),
      ...data.runs.slice(1).map((_, later) => {
        const [one, other] = [of(later + 1), of(0)];
        if (!one || !other) return '–';
        const found = difference(data, one.place, other.place, state.price, state.bill);
        return `${inFull(found)}${found.paired ? '' : ' unpaired'}`;
      }),
    ]);
  });
  byId('side').replaceChildren(
    el('h3', {}, 'Runs side by side'),
    el('p', {}, 'Timed returns of agents that several runs have. Differences are paired by episode where the runs met the same episodes, as they do with one environment, seed and number of training seeds.'),
    el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Runs side by side' },
      el('table', {}, el('thead', {}, el('tr', {}, ...head.map((name) => el('th', { scope: 'col' }, name)))),
        el('tbody', {}, ...body))));
}
