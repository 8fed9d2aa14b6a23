// Samples: the last ones, in columns that are made once and written over, so that memory does not grow.

/** @type {Record<string, any>} */
const kept = Object.fromEntries(Object.entries({
  t: Float64Array, ms: Float64Array, storefront: String, storefrontPod: String, storefrontError: String,
  product: String, productPod: String, api: String, productMs: Float64Array, productError: String, etag: String, own: Uint8Array,
}).map(([name, column]) => [name, column === String ? new Array(KEPT).fill("") : new column(KEPT)]));
const RECENT = 2000; // places of a lane's last samples, for the wall
const recent = { storefront: new Array(RECENT), product: new Array(RECENT) };
const counted = { storefront: 0, product: 0 }; // samples of the lane ever
let taken = 0; // samples ever kept: number i is in place i % KEPT
let paused = false;
let pausedAt = 0;
let inFlight = 0;
let requests = 0;
let previewed = ""; // the release that the last sample was a preview of
let nextAt = performance.now();
let answered = [];
let lostSince = Date.now();
let lost = 0;
// Requests without an answer since the last one that had one: lost, unless the shop has closed. Where it opens again, it
// was an outage, and they count.
const outage = { n: 0, since: 0, last: 0 };
const isClosed = () => outage.n > 0 && outage.last - outage.since >= CLOSED_MS;
const lostSoFar = () => lost + (isClosed() ? 0 : outage.n);
const seenProductSamples = new Set();

const now = () => (paused ? pausedAt : Date.now());

async function take() {
  inFlight += 1;
  const start = performance.now();
  const request = (requests += 1);
  const sample = { t: Date.now(), ms: 0, storefront: NOBODY, storefrontPod: "", storefrontError: "", product: "", productPod: "", api: "", productMs: 0, productError: "", etag: "", own: false };
  try {
    const response = await fetch(`release/sample?n=${request}`, { cache: "no-store", headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) });
    sample.storefront = response.headers.get("X-Sava-Release") || NOBODY;
    sample.storefrontPod = response.headers.get("X-Sava-Instance") || "";
    if (!response.ok) throw new Error(`status ${response.status}`);
    const said = await response.json();
    sample.storefront = said.storefront.release;
    sample.storefrontPod = said.storefront.instance;
    previewed = said.preview || "";
    readProduct(sample, said.product);
  } catch (thrown) {
    const error = /** @type {Error} */ (thrown);
    sample.storefrontError = error.name === "TimeoutError" ? "no answer in time" : error.message.startsWith("status") ? error.message : "no answer";
  }
  const account = accountOf(request);
  sample.ms = account ?? performance.now() - start;
  inFlight -= 1;
  answered.push(performance.now());
  if (paused) return;
  if (account === undefined) remember(unaccounted, request, taken);
  add(sample);
}

function readProduct(sample, product) {
  // Slow samples come after faster ones that began later, so each number is remembered, and not the last alone.
  const key = `${sample.storefrontPod} ${product.sample}`;
  sample.own = !seenProductSamples.has(key);
  seenProductSamples.add(key);
  if (seenProductSamples.size > 2000) seenProductSamples.delete(seenProductSamples.values().next().value); // the oldest
  sample.product = product.release || NOBODY;
  sample.productPod = product.instance || "";
  sample.api = product.apiVersion || "";
  sample.productMs = product.latencyMs;
  sample.productError = product.error || "";
  sample.etag = product.etag || "";
}

function add(sample) {
  const place = taken % KEPT;
  for (const name in kept) kept[name][place] = typeof sample[name] === "string" ? theOne(sample[name]) : sample[name];
  taken += 1;
  // Also one that was cut within its answer.
  if (sample.storefront === NOBODY || sample.storefrontError.startsWith("no answer")) {
    if (!outage.n) outage.since = sample.t;
    outage.last = Math.max(outage.last, sample.t + sample.ms);
    if (sample.t >= lostSince) outage.n += 1;
  } else {
    // One that began before the outage may end within it.
    if (sample.t > outage.since) {
      lost += outage.n;
      outage.n = 0;
    }
    if (sample.t >= lostSince) lost += (sample.storefrontError ? 1 : 0) + (sample.own && sample.productError ? 1 : 0);
  }
  for (const lane of LANES) {
    if (inLane(lane, place)) {
      recent[lane][counted[lane] % RECENT] = place;
      counted[lane] += 1;
    }
    watch(lane, place);
  }
  dirty = true;
}

// Each answer brings its own copies of the same few words: one of each is kept.
const vocabulary = new Map();
function theOne(word) {
  if (!vocabulary.has(word)) {
    if (vocabulary.size >= 500) vocabulary.clear();
    vocabulary.set(word, word);
  }
  return vocabulary.get(word);
}

// A turn every 1/rate seconds; where answers are so slow that all connections are taken, turns are dropped.
function sampler() {
  const at = performance.now();
  if (!paused) {
    if (at - nextAt > 500) nextAt = at;
    while (nextAt <= at) {
      nextAt += 1000 / settings.rate;
      if (inFlight < IN_FLIGHT) take();
    }
  }
  setTimeout(sampler, Math.max(4, Math.min(nextAt - performance.now(), 100)));
}

const inLane = (lane, place) => lane === "storefront" || (kept.own[place] === 1 && kept.product[place] !== "");
const releaseIn = (lane, place) => kept[lane][place];
const podIn = (lane, place) => kept[`${lane}Pod`][place];
const errorIn = (lane, place) => kept[`${lane}Error`][place];
const latencyIn = (lane, place) => (lane === "storefront" ? kept.ms : kept.productMs)[place];

// The number of the first sample since then, by binary search: they are in the order of their answers, nearly that of
// their starts.
function firstSince(t) {
  let low = Math.max(0, taken - KEPT);
  let high = taken;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (kept.t[middle % KEPT] < t) low = middle + 1; else high = middle;
  }
  return low;
}

// When "now" began: five seconds before the end, or earlier where those would be too few samples for a share.
function beginOfNow(lane, end) {
  let n = 0;
  for (let i = taken - 1; i >= Math.max(0, taken - KEPT); i -= 1) {
    const place = i % KEPT;
    if (kept.t[place] > end || !inLane(lane, place)) continue;
    n += 1;
    if (n === NOW_SAMPLES) return Math.min(end - NOW_MS, kept.t[place]);
  }
  return 0;
}

// The places of a lane's samples from then to the end of what is shown.
function* places(lane, start, end = Infinity) {
  for (let i = firstSince(start); i < taken; i += 1) if (kept.t[i % KEPT] <= end && inLane(lane, i % KEPT)) yield i % KEPT;
}
