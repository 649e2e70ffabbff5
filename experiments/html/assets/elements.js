// Elements of the page. Text is always set as text, so that no name can become markup.

function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

/** A row of a table: what is no element becomes a cell. */
function tableRow(cells, attributes = {}) {
  return el('tr', attributes, ...cells.map((cell) =>
    (cell instanceof Node && ['TD', 'TH'].includes(cell.nodeName) ? cell : el('td', {}, cell))));
}

// Markers: a path in the square from -1 to 1, for Vega and for the list of agents alike.
const PATHS = {
  o: 'M-.9,0A.9,.9,0,1,0,.9,0A.9,.9,0,1,0,-.9,0Z',
  s: 'M-.8,-.8H.8V.8H-.8Z',
  '^': 'M0,-1L.95,.8H-.95Z',
  v: 'M0,1L.95,-.8H-.95Z',
  '>': 'M1,0L-.8,.95V-.95Z',
  '<': 'M-1,0L.8,.95V-.95Z',
  D: 'M0,-1L1,0L0,1L-1,0Z',
  d: 'M0,-1L.65,0L0,1L-.65,0Z',
  P: 'M-.35,-1H.35V-.35H1V.35H.35V1H-.35V.35H-1V-.35H-.35Z',
  '+': 'M-.18,-1H.18V-.18H1V.18H.18V1H-.18V.18H-1V-.18H-.18Z',
  X: 'M-1,-.6L-.6,-1L0,-.4L.6,-1L1,-.6L.4,0L1,.6L.6,1L0,.4L-.6,1L-1,.6L-.4,0Z',
  x: 'M-1,-.8L-.8,-1L0,-.2L.8,-1L1,-.8L.2,0L1,.8L.8,1L0,.2L-.8,1L-1,.8L-.2,0Z',
  '*': 'M0,-1L.25,-.32L.95,-.31L.4,.12L.59,.81L0,.42L-.59,.81L-.4,.12L-.95,-.31L-.25,-.32Z',
  h: 'M0,-1L.87,-.5V.5L0,1L-.87,.5V-.5Z',
  p: 'M0,-1L.95,-.31L.59,.81L-.59,.81L-.95,-.31Z',
  8: 'M-.4,-.95H.4L.95,-.4V.4L.4,.95H-.4L-.95,.4V-.4Z',
};

function pathOf(style) {
  return PATHS[style.marker] ?? PATHS.o;
}

function dashOf(style) {
  const line = style.linestyle;
  const known = { '--': [6, 4], ':': [2, 2], '-.': [6, 2, 2, 2] };
  return Array.isArray(line) ? line[1].map((part) => 1.4 * part) : known[line] ?? [1, 0];
}

function glyph(style) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  for (const [name, value] of Object.entries({
    viewBox: '-1.2 -1.2 2.4 2.4', width: 14, height: 14, 'aria-hidden': 'true' })) svg.setAttribute(name, value);
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', pathOf(style));
  path.setAttribute('fill', readable(style.color));
  svg.append(path);
  return svg;
}
