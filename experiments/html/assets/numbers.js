// What the page holds, and numbers as text.

const data = JSON.parse(document.getElementById('data').textContent);
const several = data.runs.length > 1;

function digits(number, count = 7) {
  if (number === null || !Number.isFinite(number)) return '–';
  return String(Number(number.toPrecision(count)));
}

function bracket(low, high, count = 5) {
  return Number.isFinite(low) ? `[${digits(low, count)}, ${digits(high, count)}]` : '';
}

function signed(number, count) {
  return `${number > 0 ? '+' : ''}${digits(number, count)}`;
}

/** Places after the point that show so many digits of an interval's half. */
function placesOf(half, count) {
  return Math.min(6, Math.max(0, count - 1 - Math.floor(Math.log10(half))));
}

/** A difference with its sign and its interval. */
function inFull(estimate) {
  const half = (estimate.high - estimate.low) / 2;
  if (!(half > 0)) return signed(estimate.mean, 3);
  if (half < 5e-6) return `${signed(estimate.mean, 2)} [${signed(estimate.low, 2)}, ${signed(estimate.high, 2)}]`;
  const places = placesOf(half, 2);
  const text = (number) => `${number > 0 ? '+' : ''}${number.toFixed(places)}`;
  return `${text(estimate.mean)} [${text(estimate.low)}, ${text(estimate.high)}]`;
}

function plusMinus(estimate, count = 2) {
  const half = (estimate.high - estimate.low) / 2;
  if (!(half > 0)) return digits(estimate.mean, 5);
  const places = placesOf(half, count);
  return `${estimate.mean.toFixed(places)} ±${half.toFixed(places)}`;
}

function short(text, most = 40) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
