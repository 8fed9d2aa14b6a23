// Shares over time.

// The shares over time, in bins that stand still while the picture moves.
function sharesOf(lane) {
  const size = Math.max(500, (settings.window * 1000) / 80);
  const end = now();
  const first = Math.floor((end - settings.window * 1000) / size) - 1;
  const bins = Array.from({ length: Math.floor(end / size) - first + 1 }, () => ({ n: 0, by: new Map() }));
  for (const place of places(lane, first * size, end)) {
    const bin = bins[Math.floor(kept.t[place] / size) - first];
    if (!bin) continue;
    const name = releaseIn(lane, place);
    bin.n += 1;
    bin.by.set(name, (bin.by.get(name) || 0) + 1);
  }
  const names = [...new Set(bins.flatMap((bin) => [...bin.by.keys()]))].sort(byVersion).reverse();
  // Each bin is smoothed with its neighbours until it holds enough for a share to mean something.
  const smooth = bins.map((_, i) => {
    let n = 0;
    const by = new Map();
    for (let reach = 0; reach <= 4 && n < 40; reach += 1) {
      for (const j of reach ? [i - reach, i + reach] : [i]) {
        const bin = bins[j];
        if (!bin || (reach && bins[i].n === 0)) continue;
        n += bin.n;
        for (const [name, count] of bin.by) by.set(name, (by.get(name) || 0) + count);
      }
    }
    return { t: (first + i + 0.5) * size, n, by };
  });
  const count = (name) => bins.reduce((n, bin) => n + (bin.by.get(name) || 0), 0);
  const commonest = names.map((name) => [count(name), name]).sort(([a], [b]) => b - a).map(([, name]) => name);
  return { names, commonest, bins: smooth };
}
