// The controls, and what follows from them.

function showControls() {
  showPrice();
  byId('best').textContent = data.runs.map((run, index) => {
    const name = several ? `${short(run.name, 30)}: ` : '';
    const [best, fixed] = ['optimum', 'fixed'].map((rank) => ranked(index, state.price, rank));
    if (!best) return `${name}has no numbers at this cost.`;
    return `${name}Optimum ${digits(best.timed.mean)}; best fixed number of computations: ${fixed.k}, which earns ${digits(fixed.timed.mean)}.`;
  }).join(' ');
}

function updateAll() {
  updateLines();
  updateTable();
}

const seeds = (run) => `${run.seeds} training seed${run.seeds === 1 ? '' : 's'}`;
buildHeader('which computation is worth its cost?', (run) =>
  `${short(run.title, 120)}. ${seeds(run)} of the trained policy. Costs are in ${short(run.unit, 60)}.`);
buildPrice();
buildTheme();
buildAgents([...new Map(data.rows.map((row) => [row.agent, row])).values()]);
buildLines();
buildSettings((run) => `${seeds(run)}. Policies take the ${run.acting}.`);
showControls();
applyTheme();

// For tests, and for whoever looks at the page's numbers from the browser's console.
window.rrplan = { data, state, grid, setPrice, figures };
