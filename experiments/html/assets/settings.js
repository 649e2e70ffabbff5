// How each run was made.

/** A card of each run; `about` says what it was made of. */
function buildSettings(about) {
  cards('settings', (run) => el('div', {},
    el('p', {}, 'Commands that make this run again, and show it otherwise:'),
    el('pre', { tabindex: 0, 'aria-label': 'Commands' }, el('code', {}, run.commands.join('\n'))),
    el('p', {}, `Seed ${valueOf(run, 'seed')}, ${about(run)}`),
    fold('Versions', run.versions),
    fold('All settings', run.settings)));
}

function valueOf(run, name) {
  return run.settings.find(([known]) => known === name)?.[1] ?? '–';
}

function fold(title, pairs) {
  return el('details', {}, el('summary', {}, title),
    el('dl', {}, ...pairs.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])));
}
