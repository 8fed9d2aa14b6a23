// Which releases are slower than another: not by chance, and by so much that it matters.

const JUDGED = 40; // samples of either release at least
const LEVEL = 0.001; // of chance, twice in a row, each time of new samples
const MEMORY_MS = 300000; // longer ago, the machine may have been another

function watchSlowness() {
  const t = now();
  for (const lane of LANES) {
    const { slower, releases } = tally.memory[lane];
    for (const name of releases.keys()) {
      const known = slower.get(name) || { since: 0, before: false, is: false };
      slower.set(name, known);
      const latencies = latenciesSince(lane, Math.max(known.since, t - MEMORY_MS), t);
      const mine = latencies.get(name) || [];
      const [best] = [...latencies].filter(([other, of]) => other !== name && of.length >= JUDGED).map(([, of]) => of).sort((a, b) => percentile(a, 0.5) - percentile(b, 0.5));
      if (mine.length < JUDGED || !best) continue;
      const [p50, bestP50] = [percentile(mine, 0.5), percentile(best, 0.5)];
      const found = p50 > Math.max(1.5 * bestP50, bestP50 + 5) && chanceOfHigher(mine, best) < LEVEL;
      const times = p50 / bestP50;
      if (found && known.before && !known.is) happened("!", `${SAID[lane]} ${name} is ${times < 9.95 ? times.toFixed(1) : Math.round(times)} times slower`, lane, t);
      slower.set(name, { since: t, before: found, is: found && (known.is || known.before) });
    }
  }
}

// Sorted, by release; what failed has none.
function latenciesSince(lane, since, end) {
  const latencies = new Map();
  for (const place of places(lane, since, end)) {
    const name = releaseIn(lane, place);
    if (name === NOBODY || errorIn(lane, place)) continue;
    if (!latencies.has(name)) latencies.set(name, []);
    latencies.get(name).push(latencyIn(lane, place));
  }
  for (const of of latencies.values()) of.sort(numbers);
  return latencies;
}

// The one-sided chance, by the rank test of Mann and Whitney, that `mine` are so much higher than `others` if both are
// alike; both are sorted. Asymptotic, with the correction for continuity and for ties.
function chanceOfHigher(mine, others) {
  const [m, n] = [mine.length, others.length];
  let [i, j, above, ties] = [0, 0, 0, 0];
  while (i < m) {
    const value = mine[i];
    const mineBefore = i;
    while (j < n && others[j] < value) {
      const one = others[j];
      const first = j;
      while (j < n && others[j] === one) j += 1;
      ties += (j - first) ** 3 - (j - first);
    }
    const below = j;
    while (j < n && others[j] === value) j += 1;
    while (i < m && mine[i] === value) i += 1;
    above += (i - mineBefore) * (below + (j - below) / 2);
    const same = i - mineBefore + j - below;
    ties += same ** 3 - same;
  }
  const deviation = Math.sqrt(((m * n) / 12) * (m + n + 1 - ties / ((m + n) * (m + n - 1))));
  return deviation > 0 ? upperTail((above - (m * n) / 2 - 0.5) / deviation) : 1;
}

// What lies above z in the normal distribution: Abramowitz and Stegun, 26.2.17, whose error is below 7.5e-8.
function upperTail(z) {
  if (z < 0) return 1 - upperTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI) * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
}
