// A figure: Vega draws it; the arrow keys go from point to point and read its numbers out.

const figures = [];

class Figure {
  constructor(name, label, cursor) {
    this.spec = data.figures[name];
    this.cursor = cursor; // names of the fields that say where a point stands
    this.given = { sets: {}, params: {}, points: [] };
    this.at = -1;
    this.plot = el('div', { class: 'plot' });
    this.readout = el('output', { class: 'readout', 'aria-live': 'polite' });
    this.element = el('div', {
      class: 'figure', tabindex: 0, role: 'group', 'data-figure': name,
      'aria-label': `${label}. Arrow keys go from point to point.`,
      onkeydown: (event) => this.key(event),
      onblur: () => this.go(-1),
    }, this.plot, this.readout);
    figures.push(this);
  }

  /** Draw from the start: at first, and in another theme. */
  async draw() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const made = await vegaEmbed(this.plot, this.spec, {
      actions: false, renderer: 'svg', mode: 'vega-lite', config: figureConfig(), tooltip: { theme: 'custom' },
      logLevel: 1, // errors alone: of an empty set of data Vega would warn that it has no extent
    });
    if (turn !== this.turn) { made.finalize(); return; }
    this.old?.finalize();
    this.old = made;
    this.view = made.view;
    await this.refresh();
  }

  /** Show data sets, set parameters, and take the points that the keyboard goes to. */
  show(sets, params, points) {
    this.given = { sets, params, points };
    if (this.at >= points.length) this.at = -1;
    return this.view ? this.refresh() : Promise.resolve();
  }

  async refresh() {
    const { sets, params } = this.given;
    for (const [name, rows] of Object.entries(sets)) this.view.data(name, rows.map((row) => ({ ...row })));
    for (const [name, value] of Object.entries(params)) this.view.signal(name, value);
    this.mark();
    await this.view.runAsync();
  }

  key(event) {
    const last = this.given.points.length - 1;
    const to = { ArrowRight: Math.min(last, this.at + 1), ArrowLeft: Math.max(0, this.at - 1), Home: 0, End: last,
      Escape: -1 }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.go(to);
  }

  go(place) {
    this.at = place;
    const point = this.given.points[place];
    this.readout.textContent = point ? describe(point) : '';
    if (!this.view) return;
    this.mark();
    this.view.runAsync();
  }

  mark() {
    if (!this.cursor) return;
    const point = this.given.points[this.at];
    this.view.data('cursor', point ? [{ ...point, color: INK[themeName()] }] : []);
  }
}

function describe(point) {
  const simulations = point.simulations === undefined || typeof point.simulations !== 'string'
    ? '' : `${point.simulations} simulations an episode`;
  return [point.name, [point.value, point.interval].filter(Boolean).join(' '), simulations, point.note]
    .filter(Boolean).join('; ');
}

/** Put labels at least so far apart, in the units of the axis, each near where it belongs. */
function spread(labels, gap, low, high) {
  const sorted = [...labels].sort((a, b) => b.at - a.at);
  let above = Infinity;
  for (const label of sorted) { label.at = Math.min(label.at, above - gap, high); above = label.at; }
  let below = -Infinity;
  for (const label of sorted.reverse()) { label.at = Math.max(label.at, below + gap, low); below = label.at; }
  return sorted;
}

/** A card for each run, with the run's name where there are several. */
function cards(section, build) {
  const place = document.querySelector(`#${section} .cards`);
  data.runs.forEach((run, index) => {
    const made = build(run, index);
    if (!made) return;
    const elements = Array.isArray(made) ? made : [made];
    elements.forEach((element) => place.append(el('div', { class: 'card' },
      several ? el('h3', { title: run.name }, short(run.name, 60)) : null, element)));
  });
}
