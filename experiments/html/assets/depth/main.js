// The controls, and what follows from them.

function buildBill() {
  const select = byId('bill');
  select.append(...bills.map((kind) => el('option', { value: kind }, kind)));
  select.value = state.bill;
  select.addEventListener('change', () => { state.bill = select.value; update(); });
  byId('bill-choice').hidden = bills.length < 2;
}

/** Learned agents and the ceiling are shown at first; where there are none, rules. */
function firstShown() {
  const known = new Map(data.rows.filter((row) => row.agent !== 'fixed').map((row) => [row.agent, row]));
  const agents = [...known.values()];
  const on = ['learned', 'ceiling'];
  const chosen = agents.filter((row) => on.includes(row.family));
  const shown = chosen.length ? chosen : agents.filter((row) => row.family === 'rule');
  shown.forEach((row) => state.shown.add(row.agent));
  return agents;
}

function showControls() {
  showPrice();
  byId('best').textContent = data.runs.map((run, index) => {
    const { validation, shown } = bestK(index);
    const name = several ? `${short(run.name, 30)}: ` : '';
    const chosen = validation === null ? '' : `Best k on validation episodes: ${validation}. `;
    return `${name}${chosen}Highest on these episodes: k = ${shown}.`;
  }).join(' ');
}

function updateAll() {
  updateReturns();
  updateFront();
  updateThinking();
  updateTable();
  updatePairs();
  updateStory();
}

const count = (number) => number.toLocaleString('en');
buildHeader('how long should an agent think?', (run) =>
  `${count(run.episodes)} held-out episodes, ${run.seeds} training seed${run.seeds === 1 ? '' : 's'}. ${run.caption}`);
buildPrice();
buildBill();
buildTheme();
buildAgents(firstShown());
buildReturns();
buildFront();
buildThinking();
byId('all-prices').addEventListener('change', (event) => { state.allPrices = event.target.checked; updateTable(); });
buildPairs();
buildStory();
buildSettings((run) => `${run.seeds} training seed${run.seeds === 1 ? '' : 's'}, ${count(run.episodes)} held-out episodes. Acting by ${run.acting}.`);
showControls();
applyTheme();

// For tests, and for whoever looks at the page's numbers from the browser's console.
window.rrplan = { data, state, grid, units, timedReturn, bestK, difference, setPrice, rowsNow, figures };
