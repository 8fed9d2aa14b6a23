// Figures of a span: the one that is shown, or the last seconds.

const percentile = (sorted, share) => (sorted.length ? sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] : NaN);
const numbers = (a, b) => a - b;

function figuresOf(lane, start, end) {
  const releases = new Map();
  const pods = new Map();
  const flows = new Map();
  let n = 0;
  let earliest = end;
  for (const place of places(lane, start, end)) {
    n += 1;
    earliest = Math.min(earliest, kept.t[place]);
    const name = releaseIn(lane, place);
    const failed = errorIn(lane, place) ? 1 : 0;
    let r = releases.get(name);
    if (!r) releases.set(name, (r = { name, n: 0, errors: 0, latencies: [], pods: new Map() }));
    r.n += 1;
    r.errors += failed;
    if (!failed) r.latencies.push(latencyIn(lane, place));
    const pod = podIn(lane, place);
    if (pod) {
      const p = pods.get(pod) || { n: 0, errors: 0 };
      p.n += 1;
      p.errors += failed;
      pods.set(pod, p);
    }
    if (lane === "product") {
      const [storefront, api] = [kept.storefront[place], kept.api[place]];
      const key = `${storefront}\n${name}`;
      const flow = flows.get(key) || { storefront, product: name, n: 0, errors: 0, apis: new Set() };
      flow.n += 1;
      flow.errors += failed;
      if (api) flow.apis.add(api);
      flows.set(key, flow);
    }
  }
  for (const r of releases.values()) {
    r.latencies.sort(numbers);
    r.share = r.n / n;
  }
  for (const p of pods.values()) p.share = p.n / n;
  return { n, seconds: Math.max(1, (end - earliest) / 1000), releases, pods, flows };
}
