// The bill as rrplan/costs.py charges it, and what follows for means over episodes. Nothing here
// touches the page: tests run this file on its own.

/** What one unit of the price is charged for: rates times counts, in the order of rrplan/costs.py. */
function units(rates, counts) {
  return rates.simulation * counts.simulations + rates.look * counts.looks +
    rates.decision * counts.decisions + rates.level * counts.levels;
}

/** The mean timed return of a row at a price, under a kind of bill. */
function timedReturn(row, price, bill) {
  return row.untimed - price * units(row.rates[bill], row.counts);
}

/** Of rows with a k, the one that earns most at a price; of equals the one with the smallest k. */
function bestOf(rows, price, bill) {
  let best = null;
  for (const row of rows) {
    const better = best === null || timedReturn(row, price, bill) > timedReturn(best, price, bill) ||
      (timedReturn(row, price, bill) === timedReturn(best, price, bill) && row.k < best.k);
    if (better) best = row;
  }
  return best;
}

/** Prices that the slider stops at: 0, those of the runs, and many between and around them. */
function priceGrid(prices) {
  const positive = prices.filter((price) => price > 0);
  const low = (positive.length ? Math.min(...positive) : 1e-3) / 20;
  const high = (positive.length ? Math.max(...positive) : 1e-3) * 10;
  const steps = 200;
  const grid = [0, ...prices];
  for (let i = 0; i <= steps; i++) {
    grid.push(Number((low * (high / low) ** (i / steps)).toPrecision(3)));
  }
  return [...new Set(grid)].sort((a, b) => a - b);
}

/** The covariance of two of a group's means: untimed returns come first, then bills in units. */
function covariance(group, bill, i, j) {
  const size = 2 * group.rows.length;
  const [low, high] = i < j ? [i, j] : [j, i];
  return group.covariances[bill][low * size - (low * (low - 1)) / 2 + (high - low)];
}

/** The standard error of a weighted sum of timed returns; weights are by place in the group. */
function standardError(group, bill, price, weights) {
  const half = group.rows.length;
  const terms = Object.entries(weights).flatMap(([place, weight]) => [
    [Number(place), weight], [half + Number(place), -price * weight]]);
  let [variance, size] = [0, 0];
  for (const [i, a] of terms) {
    for (const [j, b] of terms) {
      const part = a * b * covariance(group, bill, i, j);
      variance += part;
      size += Math.abs(part);
    }
  }
  // What the digits of the covariances leave of equal rows is no error.
  return variance > 1e-11 * size ? Math.sqrt(variance) : 0;
}

/** The largest group in which all these rows have met the same episodes; undefined if none is. */
function commonGroup(groups, places) {
  return groups.filter((group) => places.every((place) => group.rows.includes(place)))
    .sort((a, b) => b.episodes - a.episodes)[0];
}

/** What one row earns more than another at a price: mean, interval, and whether it is paired. */
function difference(data, first, second, price, bill) {
  const group = commonGroup(data.groups, [first, second]);
  const known = group && group.covariances[bill];
  if (known) {
    const [i, j] = [first, second].map((place) => group.rows.indexOf(place));
    const at = (k) => group.untimed[k] - price * group.units[bill][k];
    const error = i === j ? 0 : standardError(group, bill, price, { [i]: 1, [j]: -1 });
    return interval(at(i) - at(j), error, { paired: true, episodes: group.episodes });
  }
  const [one, other] = [first, second].map((place) => alone(data, place, price, bill));
  const mean = one.mean - other.mean;
  return interval(mean, Math.hypot(one.error, other.error), { paired: false });
}

/** The timed return of a row at a price, with its standard error. */
function alone(data, place, price, bill) {
  const row = data.rows[place];
  const group = data.groups.find((one) => one.episodes === row.episodes && one.rows.includes(place));
  const error = group && group.covariances[bill]
    ? standardError(group, bill, price, { [group.rows.indexOf(place)]: 1 }) : NaN;
  return interval(timedReturn(row, price, bill), error, {});
}

function interval(mean, error, more) {
  return { mean, error, low: mean - 1.959964 * error, high: mean + 1.959964 * error, ...more };
}
