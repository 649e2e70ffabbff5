// The controls, and what follows from them.

function buildHeader() {
  const first = data.runs[0];
  byId('title').textContent = `${first.env}${first.options === 'none' || !first.options ? '' : ` (${first.options})`}: how long should an agent think?`;
  const counts = data.runs.map((run) => `${several ? `${run.name}: ` : ''}${run.episodes.toLocaleString('en')} held-out episodes, ${run.seeds} training seed${run.seeds === 1 ? '' : 's'}. ${run.caption}`);
  byId('about').append(...counts.map((text) => el('p', {}, text)));
  byId('warnings').append(...data.runs.flatMap((run) => run.warnings.map(
    (line) => el('p', { class: 'warning' }, `${several ? `${run.name}: ` : ''}${line}`))));
}

function buildControls() {
  const slider = byId('price');
  slider.max = grid.length - 1;
  slider.addEventListener('input', () => setPrice(grid[slider.value]));
  byId('controls').addEventListener('submit', (event) => event.preventDefault());
  for (const price of [...new Set(data.runs.flatMap((run) => run.prices))].sort((a, b) => a - b)) {
    byId('stops').append(el('button', {
      type: 'button', 'data-price': price, onclick: () => setPrice(price) }, `c = ${price}`));
  }
  const select = byId('bill');
  select.append(...bills.map((kind) => el('option', { value: kind }, kind)));
  select.value = state.bill;
  select.addEventListener('change', () => { state.bill = select.value; update(); });
  byId('bill-choice').hidden = bills.length < 2;
  byId('all-prices').addEventListener('change', (event) => { state.allPrices = event.target.checked; updateTable(); });
  byId('theme').addEventListener('click', () => {
    chosenTheme = themes[(themes.indexOf(chosenTheme) + 1) % themes.length];
    applyTheme();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', applyTheme);
}

function buildAgents() {
  const field = byId('agents');
  const known = new Map(data.rows.filter((row) => row.agent !== 'fixed').map((row) => [row.agent, row]));
  const on = ['learned', 'ceiling'];
  for (const row of known.values()) {
    if (on.includes(row.family)) state.shown.add(row.agent);
  }
  if (!state.shown.size) known.forEach((row) => { if (row.family === 'rule') state.shown.add(row.agent); });
  known.forEach((row, agent) => field.append(el('label', { title: `${agent}: ${row.help}` },
    el('input', {
      type: 'checkbox', checked: state.shown.has(agent), 'data-agent': agent,
      onchange: (event) => {
        if (event.target.checked) state.shown.add(agent); else state.shown.delete(agent);
        update();
      },
    }), glyph(row.style), el('span', {}, agent))));
  field.hidden = !known.size;
}

function setPrice(price) {
  state.price = price;
  update();
}

function showControls() {
  const place = grid.indexOf(state.price);
  const slider = byId('price');
  slider.value = place < 0 ? grid.findIndex((price) => price > state.price) : place;
  slider.setAttribute('aria-valuetext', `c = ${state.price}`);
  byId('price-shown').textContent = `c = ${state.price}`;
  for (const button of byId('stops').children) {
    button.setAttribute('aria-pressed', String(Number(button.dataset.price) === state.price));
  }
  byId('best').textContent = data.runs.map((run, index) => {
    const { validation, shown } = bestK(index);
    const name = several ? `${short(run.name, 30)}: ` : '';
    const chosen = validation === null ? '' : `best k on validation episodes: ${validation}. `;
    const text = `${chosen}Highest on these episodes: k = ${shown}.`;
    return name + text[0].toUpperCase() + text.slice(1);
  }).join(' ');
}

let waiting = false;
function update() {
  showControls();
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; updateAll(); });
}

function updateAll() {
  updateReturns();
  updateFront();
  updateThinking();
  updateTable();
  updatePairs();
}

async function applyTheme() {
  document.documentElement.dataset.theme = themeName();
  byId('theme').textContent = `Theme: ${chosenTheme}`;
  document.querySelectorAll('#agents label').forEach((label) => {
    const row = data.rows.find((one) => one.agent === label.querySelector('input').dataset.agent);
    label.querySelector('svg').replaceWith(glyph(row.style));
  });
  updateAll();
  if (storyFigure) drawStory(stories[byId('which-story').value]);
  await Promise.all(figures.map((figure) => figure.draw()));
  document.documentElement.dataset.ready = themeName();
}

buildHeader();
buildControls();
buildAgents();
buildReturns();
buildFront();
buildThinking();
buildPairs();
buildStory();
buildSettings();
showControls();
applyTheme();

// For tests, and for whoever looks at the page's numbers from the browser's console.
window.rrplan = { data, state, grid, units, timedReturn, bestK, difference, setPrice, rowsNow, figures };
