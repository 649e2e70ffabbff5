// One episode, decision by decision, with the tree of each search to unfold.

const stories = data.runs.flatMap((run, index) => run.stories.map((story) => ({ ...story, run: index })));
let storyFigure = null;

function buildStory() {
  const select = byId('which-story');
  if (!stories.length) {
    byId('told').replaceChildren(el('p', { class: 'note' }, 'No learned agent of these runs has a story.'));
    select.closest('p').remove();
    return;
  }
  stories.forEach((story, place) => {
    const run = several ? `${data.runs[story.run].name}: ` : '';
    const name = `${run}${story.agent}, c = ${story.price}, held-out episode ${story.episode}`;
    select.append(el('option', { value: place, title: name }, short(name, 90)));
  });
  const looks = stories.map((story) => Math.max(...story.decisions.map((one) => one.looks ?? one.asks ?? 0)));
  select.value = looks.indexOf(Math.max(...looks));
  select.addEventListener('change', showStory);
  storyFigure = new Figure('story', 'Simulations of each decision', false);
  showStory();
}

function showStory() {
  const story = stories[byId('which-story').value];
  const run = data.runs[story.run];
  const most = Math.max(...story.decisions.map((one) => one.simulations));
  const thought = story.decisions.reduce((sum, one) => sum + one.simulations, 0);
  const earned = story.decisions.reduce((sum, one) => sum + one.reward, 0);
  const timed = story.timed === undefined ? '' : `, timed ${digits(story.timed, 4)}`;
  const open = story.decisions.findIndex((one) => one.simulations === most);
  byId('told').replaceChildren(
    el('p', {}, `${short(story.agent, 60)}: ${thought} simulations, return ${digits(earned, 4)}${timed}. Of each decision: what the network would have done at once, and what was done after the search. In orange, the search changed its mind.`),
    run.story_note ? el('p', { class: 'note', title: run.story_note }, short(run.story_note, 300)) : '',
    storyFigure.element,
    ...story.decisions.map((one, place) => decisionOf(one, place, most, place === open)));
  drawStory(story);
}

function updateStory() {
  if (storyFigure) drawStory(stories[byId('which-story').value]);
}

function drawStory(story) {
  // Actions stand above the bars where there is room for them; the list below has them all.
  const room = storyFigure.plot.clientWidth / story.decisions.length > 44;
  const points = story.decisions.map((one, place) => ({
    mean_at: place + 1, mean: one.simulations, text: room ? arrow(one) : '', ink: INK[themeName()],
    color: readable(changed(one) ? '#D55E00' : '#0072B2'), name: `decision ${place + 1}`,
    value: `${one.simulations} simulations`, interval: '', note: `action ${arrow(one)}`,
  }));
  storyFigure.show({ points }, {}, points);
}

function changed(one) {
  return one.action !== one.prior_action;
}

function arrow(one) {
  return changed(one) ? `${one.prior_action} → ${one.action}` : `${one.action}`;
}

function decisionOf(one, place, most, open) {
  const summary = el('summary', {},
    `${place + 1}. `, el('span', { class: changed(one) ? 'changed' : null }, `action ${arrow(one)}`),
    `, ${one.simulations} simulations, reward ${digits(one.reward, 4)}`);
  const body = el('div', { class: 'body' });
  const details = el('details', { class: 'decision' }, summary, body);
  const fill = () => { if (!body.childElementCount) body.append(...decisionBody(one, most)); };
  details.addEventListener('toggle', () => { if (details.open) fill(); });
  if (open) { fill(); details.open = true; }
  return details;
}

function decisionBody(one, most) {
  const facts = [
    ['legal actions', one.legal_actions], ['entropy of the prior', `${digits(one.prior_entropy, 3)} nats`],
    ['value by the network', digits(one.raw_value, 4)], ['value after the search', digits(one.search_value, 4)],
    ['looks', one.looks ?? one.asks], ['levels', one.levels],
  ].filter(([, value]) => value !== undefined);
  const left = el('div', {},
    el('dl', {}, ...facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))])),
    one.state === undefined ? null : el('pre', { tabindex: 0, 'aria-label': 'State' }, one.state));
  if (!one.tree) return [left];
  const total = Math.max(1, ...one.tree.map((node) => node.n));
  const tree = el('div', { class: 'tree' }, el('p', { class: 'note' },
    'Search tree. N: visits, Q: value of the action, P: prior, r: reward, V: value of the node below.'),
  branches(one.tree, total, one.action));
  return [left, tree];
}

/** The nodes of a tree as a list; what is below a node is made when it is unfolded. */
function branches(nodes, total, taken) {
  return el('ul', {}, ...nodes.map((node) => {
    const mark = { class: node.a === taken ? 'taken' : null };
    if (!node.c) return el('li', mark, el('span', {}, ...nodeText(node, total)));
    const details = el('details', {}, el('summary', {}, ...nodeText(node, total)));
    details.addEventListener('toggle', () => {
      if (details.open && details.childElementCount === 1) details.append(branches(node.c, total, null));
    });
    return el('li', mark, details);
  }));
}

function nodeText(node, total) {
  const parts = [`N\u00a0${node.n}`, node.q === undefined ? null : `Q\u00a0${digits(node.q, 4)}`,
    `P\u00a0${digits(node.p, 3)}`, node.r === undefined ? null : `r\u00a0${digits(node.r, 4)}`,
    node.v === undefined ? null : `V\u00a0${digits(node.v, 4)}`,
    node.end ? 'end' : null, node.more ? '(seldom visited nodes below are left out)' : null].filter(Boolean);
  const bar = el('span', { class: 'bar', style: `width:${(3 * node.n) / total}rem`, 'aria-hidden': 'true' });
  return [el('b', {}, `action ${node.a}`), node.n ? bar : '', parts.join('  ')];
}
