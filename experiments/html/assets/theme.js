// Light and dark, and colours that can be read on either.

const CARD = { light: '#f7f7f5', dark: '#1f2226' };
const INK = { light: '#1b1b1b', dark: '#ececec' };
const themes = ['auto', 'light', 'dark'];
let chosenTheme = 'auto';

function dark() {
  if (chosenTheme !== 'auto') return chosenTheme === 'dark';
  return matchMedia('(prefers-color-scheme: dark)').matches;
}

function themeName() {
  return dark() ? 'dark' : 'light';
}

function channels(color) {
  return [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
}

function luminance(color) {
  const [r, g, b] = channels(color).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/** A colour moved towards the ink until it stands out from the ground. */
function readable(color, least = 4.5) {
  if (!/^#[0-9a-f]{6}$/i.test(color)) return INK[themeName()];
  let found = color;
  for (let share = 0; share <= 1 && contrast(found, CARD[themeName()]) < least; share += 0.05) {
    const ink = channels(dark() ? '#ffffff' : '#000000');
    const mixed = channels(color).map((value, i) => Math.round(value * (1 - share) + ink[i] * share));
    found = `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
  }
  return found;
}

function figureConfig() {
  const ink = INK[themeName()];
  const soft = dark() ? '#b2b5b9' : '#555555';
  const line = dark() ? '#33383f' : '#e4e4e0';
  const font = 'system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif';
  return {
    background: 'transparent', font,
    view: { stroke: null },
    axis: {
      labelColor: ink, titleColor: ink, gridColor: line, domainColor: soft, tickColor: soft,
      labelFontSize: 12, titleFontSize: 12, titleFontWeight: 'normal', titlePadding: 6,
    },
    text: { color: ink },
  };
}
