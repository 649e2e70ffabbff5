// What every page has: its header, the price, the theme. A page has `state.price`, `grid`, the prices
// that the slider stops at, showControls(), what is told beside it, and updateAll(), all the rest.

/** The heading, a line about each run, and what is warned of. */
function buildHeader(question, about) {
  const { env } = data.runs[0];
  byId('title').append(el('span', { title: env }, short(env, 80)), `: ${question}`);
  const named = (run, text) => `${several ? `${short(run.name, 60)}: ` : ''}${text}`;
  byId('about').append(...data.runs.flatMap((run) => [
    el('p', {}, named(run, about(run))),
    run.options && run.options !== 'none'
      ? el('p', { class: 'note', title: run.options }, named(run, `with ${short(run.options, 160)}`)) : '']));
  byId('warnings').append(...data.runs.flatMap((run) => run.warnings.map(
    (line) => el('p', { class: 'warning' }, named(run, line)))));
}

/** The slider, and a button for each of the prices of the runs. */
function buildPrice() {
  const slider = byId('price');
  slider.max = grid.length - 1;
  slider.addEventListener('input', () => setPrice(grid[slider.value]));
  byId('controls').addEventListener('submit', (event) => event.preventDefault());
  for (const price of [...new Set(data.runs.flatMap((run) => run.prices))].sort((a, b) => a - b)) {
    byId('stops').append(el('button', {
      type: 'button', 'data-price': price, onclick: () => setPrice(price) }, `c = ${digits(price, 6)}`));
  }
}

function setPrice(price) {
  state.price = price;
  update();
}

function showPrice() {
  const place = grid.indexOf(state.price);
  const slider = byId('price');
  slider.value = place < 0 ? grid.findIndex((price) => price > state.price) : place;
  slider.setAttribute('aria-valuetext', `c = ${digits(state.price, 6)}`);
  byId('price-shown').textContent = `c = ${digits(state.price, 6)}`;
  for (const button of byId('stops').children) {
    button.setAttribute('aria-pressed', String(Number(button.dataset.price) === state.price));
  }
}

let waiting = false;
function update() {
  showControls();
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; updateAll(); });
}

function buildTheme() {
  byId('theme').addEventListener('click', () => {
    chosenTheme = themes[(themes.indexOf(chosenTheme) + 1) % themes.length];
    applyTheme();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', applyTheme);
}

async function applyTheme() {
  document.documentElement.dataset.theme = themeName();
  byId('theme').textContent = `Theme: ${chosenTheme}`;
  drawAgents();
  updateAll();
  await Promise.all(figures.map((figure) => figure.draw()));
  document.documentElement.dataset.ready = themeName();
}
