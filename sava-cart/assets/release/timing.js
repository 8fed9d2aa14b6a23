// How long requests took by the browser's own account: the page may be busy when an answer comes, and its clock would say
// so. Each request has a number in its address, by which its account finds its sample, whichever comes first.

const UNMATCHED = 100; // of either kind that are remembered: some answers have no account, some accounts no sample
const accounts = new Map();
const unaccounted = new Map();

function remember(map, key, value) {
  map.set(key, value);
  if (map.size > UNMATCHED) map.delete(map.keys().next().value); // the oldest
}

// The latency of the request with this number, if the account came already.
function accountOf(request) {
  const ms = accounts.get(request);
  accounts.delete(request);
  return ms;
}

const observer = typeof PerformanceObserver === "function" && new PerformanceObserver((list) => {
  for (const entry of /** @type {PerformanceResourceTiming[]} */ (list.getEntries())) {
    const [, request] = entry.name.match(/\/release\/sample\?n=(\d+)$/) || [];
    if (!request || !(entry.requestStart > 0 && entry.responseEnd >= entry.requestStart)) continue;
    const ms = entry.responseEnd - entry.requestStart;
    const sample = unaccounted.get(Number(request));
    unaccounted.delete(Number(request));
    if (sample === undefined) remember(accounts, Number(request), ms);
    else if (tally.taken - sample <= KEPT) kept.ms[sample % KEPT] = ms;
  }
  performance.clearResourceTimings(); // they would be kept for nobody
});
if (observer) observer.observe({ type: "resource" });
