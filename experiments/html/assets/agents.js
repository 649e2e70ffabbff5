// Agents to switch on and off. A page says in `state.shown` which are on.

const stylesOfAgents = new Map();

/** A box for each agent: `known` have a name, a help and a style each. */
function buildAgents(known) {
  const field = byId('agents');
  for (const { agent, help, style } of known) {
    stylesOfAgents.set(agent, style);
    field.append(el('label', { title: `${agent}: ${help}` },
      el('input', {
        type: 'checkbox', checked: state.shown.has(agent), 'data-agent': agent,
        onchange: (event) => {
          if (event.target.checked) state.shown.add(agent); else state.shown.delete(agent);
          update();
        },
      }), glyph(style), el('span', {}, agent)));
  }
  field.hidden = !known.length;
}

/** Draw the markers again, in the colours of another theme. */
function drawAgents() {
  document.querySelectorAll('#agents label').forEach((label) => {
    const style = stylesOfAgents.get(label.querySelector('input').dataset.agent);
    label.querySelector('svg').replaceWith(glyph(style));
  });
}
