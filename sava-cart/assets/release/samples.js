// Samples: the last ones, in columns that are made once and written over, so that memory does not grow.

/** @returns {Record<string, any>} */
const newColumns = () => Object.fromEntries(Object.entries({
  t: Float64Array, ms: Float64Array, storefront: String, storefrontPod: String, storefrontError: String,
  product: String, productPod: String, api: String, productMs: Float64Array, productError: String, etag: String, own: Uint8Array,
}).map(([name, column]) => [name, column === String ? new Array(KEPT).fill("") : new column(KEPT)]));
let kept = newColumns();
let paused = false;
let pausedAt = 0;
let inFlight = 0;
let requests = 0;
let previewed = ""; // the release that the last sample was a preview of
let nextAt = performance.now();
let answered = [];
const seenProductSamples = new Set();

/** What is played instead of samples that are taken, if a recording is. @type {any} */
let playback = null;

const now = () => (playback ? playback.at : paused ? pausedAt : Date.now());

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
    if (!paused && !playback) for (const mark of said.marks || []) hear(mark);
  } catch (thrown) {
    const error = /** @type {Error} */ (thrown);
    sample.storefrontError = error.name === "TimeoutError" ? "no answer in time" : error.message.startsWith("status") ? error.message : "no answer";
  }
  const account = accountOf(request);
  sample.ms = account ?? performance.now() - start;
  inFlight -= 1;
  answered.push(performance.now());
  if (paused || playback) return;
  if (account === undefined) remember(unaccounted, request, tally.taken);
  keep(sample, tally.taken % KEPT);
  count();
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

function keep(sample, place) {
  for (const name in kept) kept[name][place] = typeof sample[name] === "string" ? theOne(sample[name]) : sample[name];
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
  if (!paused && !playback) {
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
  let low = Math.max(0, tally.taken - KEPT);
  let high = tally.taken;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (kept.t[middle % KEPT] < t) low = middle + 1; else high = middle;
  }
  return low;
}

// When "now" began: five seconds before the end, or earlier where those would be too few samples for a share.
function beginOfNow(lane, end) {
  let n = 0;
  for (let i = tally.taken - 1; i >= Math.max(0, tally.taken - KEPT); i -= 1) {
    const place = i % KEPT;
    if (kept.t[place] > end || !inLane(lane, place)) continue;
    n += 1;
    if (n === NOW_SAMPLES) return Math.min(end - NOW_MS, kept.t[place]);
  }
  return 0;
}

// The places of a lane's samples from then to the end of what is shown.
function* places(lane, start, end = Infinity) {
  for (let i = firstSince(start); i < tally.taken; i += 1) if (kept.t[i % KEPT] <= end && inLane(lane, i % KEPT)) yield i % KEPT;
}
