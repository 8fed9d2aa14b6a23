"use strict";
(() => {
// The release view: samples who serves, and draws it. Nothing is fetched but `release/sample`, relative to the page.

const $ = (id) => document.getElementById(id);
const KEPT = 36000; // samples in memory: twelve minutes at 50 a second
const IN_FLIGHT = 6; // connections that browsers open to one host
const PATIENCE_MS = 5000;
const LANES = ["storefront", "product"];
const SHAPES = [
  ["M5 5h30v30H5z", 0], // 1.x: square
  ["M20 3a17 17 0 0 1 0 34 17 17 0 0 1 0-34z", 1], // 2.x: circle
  ["M20 1 36.5 10.500v19L20 39 3.500 29.500v-19z", 2], // 3.x: hexagon
  ["M20 2 38.500 36h-37z", 3], // bad on purpose: triangle
  ["M20 1 39 20 20 39 1 20z", 4],
  ["M14 2h12v12h12v12H26v12H14V26H2V14h12z", 5],
  ["M20 2l5 12 13 1-10 8 3 13-11-7-11 7 3-13-10-8 13-1z", 6],
  ["M2 7l5-5 13 13L33 2l5 5-13 13 13 13-5 5-13-13L7 38l-5-5 13-13z", 7], // nobody
];
const NOBODY = "no answer";
const compatibility = JSON.parse($("compatibility").textContent || "{}");

// --- settings: kept in the address, so that a link brings them along ---

const settings = { rate: 10, window: 60, show: "both", theme: "auto", large: false, meant: {} };

function readSettings() {
  const given = new URLSearchParams(location.hash.slice(1));
  const number = (name, least, most) => {
    const value = Number(given.get(name));
    if (given.has(name) && value >= least && value <= most) settings[name] = value;
  };
  number("rate", 1, 50);
  number("window", 10, 600);
  if (["both", ...LANES].includes(given.get("show"))) settings.show = given.get("show");
  if (["auto", "light", "dark"].includes(given.get("theme"))) settings.theme = given.get("theme");
  settings.large = given.get("large") === "1";
  for (const [name, value] of given) {
    const [, lane, release] = name.match(/^meant\.(storefront|product)\.(.{1,40})$/) || [];
    if (lane && value !== "" && Number(value) >= 0 && Number(value) <= 100) settings.meant[`${lane}.${release}`] = Number(value);
  }
}

function writeSettings() {
  const wanted = new URLSearchParams({ rate: settings.rate, window: settings.window });
  if (settings.show !== "both") wanted.set("show", settings.show);
  if (settings.theme !== "auto") wanted.set("theme", settings.theme);
  if (settings.large) wanted.set("large", "1");
  for (const [name, value] of Object.entries(settings.meant)) wanted.set(`meant.${name}`, value);
  history.replaceState(null, "", `#${wanted}`);
}

// --- releases: a shape and a colour each, by the major version, the same in every page ---

const styles = { storefront: new Map(), product: new Map() };

function styleOf(lane, release) {
  const given = styles[lane];
  if (!given.has(release)) {
    const taken = new Set(given.values());
    const major = Number.parseInt(release, 10);
    const first = release === NOBODY ? 7 : release.includes("-") ? 3 : major >= 1 && major <= 3 ? major - 1 : 4;
    const free = [first, 4, 5, 6, 3, 0, 1, 2].find((place) => !taken.has(place));
    given.set(release, free === undefined ? first : free);
  }
  return given.get(release);
}

const natural = new Intl.Collator("en", { numeric: true });
const byVersion = (a, b) => (a === NOBODY) - (b === NOBODY) || natural.compare(a.split("-")[0], b.split("-")[0]) || (b.includes("-") - a.includes("-")) || natural.compare(a, b);

// --- samples: the last ones, in columns that are made once and written over, so that memory does not grow ---

const kept = Object.fromEntries(Object.entries({
  t: Float64Array, ms: Float64Array, storefront: String, storefrontPod: String, storefrontError: String,
  product: String, productPod: String, api: String, productMs: Float64Array, productError: String, etag: String, own: Uint8Array,
}).map(([name, column]) => [name, column === String ? new Array(KEPT).fill("") : new column(KEPT)]));
let taken = 0; // samples ever kept: number i is in place i % KEPT
let paused = false;
let pausedAt = 0;
let inFlight = 0;
let nextAt = performance.now();
let answered = [];
let lostSince = Date.now();
let lost = 0;
const seenProductSamples = new Set();

const now = () => (paused ? pausedAt : Date.now());

async function take() {
  inFlight += 1;
  const start = performance.now();
  const sample = { t: Date.now(), ms: 0, storefront: NOBODY, storefrontPod: "", storefrontError: "", product: "", productPod: "", api: "", productMs: 0, productError: "", etag: "", own: false };
  try {
    const response = await fetch("release/sample", { cache: "no-store", headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) });
    sample.storefront = response.headers.get("X-Sava-Release") || NOBODY;
    sample.storefrontPod = response.headers.get("X-Sava-Instance") || "";
    if (!response.ok) throw new Error(`status ${response.status}`);
    const said = await response.json();
    sample.storefront = said.storefront.release;
    sample.storefrontPod = said.storefront.instance;
    readProduct(sample, said.product);
  } catch (error) {
    sample.storefrontError = error.name === "TimeoutError" ? "no answer in time" : error.message.startsWith("status") ? error.message : "no answer";
  }
  sample.ms = performance.now() - start;
  inFlight -= 1;
  answered.push(performance.now());
  if (!paused) add(sample);
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
  if (sample.t >= lostSince) lost += (sample.storefrontError ? 1 : 0) + (sample.own && sample.productError ? 1 : 0);
  for (const lane of LANES) watch(lane, place);
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

// The places of a lane's samples from then to the end of what is shown.
function* places(lane, start, end = Infinity) {
  for (let i = firstSince(start); i < taken; i += 1) if (kept.t[i % KEPT] <= end && inLane(lane, i % KEPT)) yield i % KEPT;
}

// --- events ---

const events = [];
const SAID = { storefront: "Store front", product: "Product service" };
const newMemory = () => ({ releases: new Map(), pods: new Map(), tags: new Map(), lastError: 0, failing: false, slow: new Set() });
const memory = { storefront: newMemory(), product: newMemory() };

function happened(mark, text, lane, t) {
  events.push({ t, mark, lane });
  if (events.length > 300) events.splice(0, 100);
  const line = element("li");
  line.append(element("time", "", clock(t)), element("i", "+↻✓".includes(mark) ? "" : "bad", mark), element("span", "", text));
  $("events").prepend(line);
  while ($("events").childElementCount > 100) $("events").lastElementChild.remove();
}

function watch(lane, place) {
  if (!inLane(lane, place)) return;
  const known = memory[lane];
  const release = releaseIn(lane, place);
  const pod = podIn(lane, place);
  const error = errorIn(lane, place);
  const t = kept.t[place];
  if (release !== NOBODY) {
    const isNew = !known.releases.has(release);
    known.releases.set(release, t);
    const cell = known.pods.get(pod);
    if (isNew) happened("+", `${SAID[lane]} ${release} first seen${pod ? `, on ${pod}` : ""}`, lane, t);
    else if (!cell && pod) happened("+", `${SAID[lane]} ${release}: pod ${pod} joined`, lane, t);
    else if (cell && cell.gone) happened("✓", `Pod ${pod} of ${release} is back`, lane, t);
    if (pod) known.pods.set(pod, { release, t: cell ? Math.max(t, cell.t) : t, gone: false, share: cell && cell.share });
  }
  if (error) {
    if (!known.failing) happened("!", `${SAID[lane]}: errors began (${error}${release === NOBODY ? "" : `, ${release}`})`, lane, t);
    known.failing = true;
    known.lastError = t;
  }
  const etag = kept.etag[place];
  if (lane === "product" && etag) {
    const key = `${release} ${kept.api[place]}`;
    const tags = known.tags.get(key) || [];
    if (tags.length && !tags.includes(etag)) happened("↻", `Product service ${release}: another catalog`, lane, t);
    if (!tags.includes(etag)) known.tags.set(key, [...tags.slice(-4), etag]);
  }
}

// What did not come is judged by what was to be expected: a pod with share p of the samples that is missing from
// n of them in a row is there with a chance of (1 - p)^n only.
function watchAbsence(figures) {
  const t = Date.now();
  for (const lane of LANES) {
    const known = memory[lane];
    if (known.failing && t - known.lastError > 8000) {
      known.failing = false;
      happened("✓", `${SAID[lane]}: no errors for 8 s`, lane, t);
    }
    for (const [pod, cell] of known.pods) {
      if (cell.gone) { if (t - cell.t > 300000) known.pods.delete(pod); continue; }
      const before = figures[lane].pods.get(pod);
      // None of its samples may be in the span any more, or may never have been while the page was in the background.
      cell.share = before ? before.share : cell.share || 1 / known.pods.size;
      // Samples that began only just now it may answer yet.
      const r = figures[lane].releases.get(cell.release);
      const patience = (r && percentile(r.latencies, 0.95)) || 0;
      const missed = countAnswered(lane, cell.t, t - patience);
      if (missed > 8 && t - cell.t > 700 + patience && missed * Math.log(1 - Math.min(cell.share, 0.99)) < Math.log(0.001)) {
        cell.gone = true;
        happened("−", `Pod ${pod} of ${cell.release} is gone`, lane, cell.t);
      }
    }
    const fast = [...figures[lane].releases.values()].filter((r) => r.recent.length >= 8);
    for (const r of fast) {
      const others = fast.filter((o) => o !== r);
      const best = Math.min(...others.map((o) => o.recentP50));
      const isSlow = others.length > 0 && r.recentP50 > 3 * best && r.recentP50 - best > 30;
      if (isSlow && !known.slow.has(r.name)) happened("!", `${SAID[lane]} ${r.name} is ${Math.round(r.recentP50 / best)} times slower`, lane, t);
      if (isSlow) known.slow.add(r.name); else if (others.length > 0) known.slow.delete(r.name);
    }
  }
}

function countAnswered(lane, after, end) {
  let n = 0;
  for (const place of places(lane, after + 1, end)) if (releaseIn(lane, place) !== NOBODY) n += 1;
  return n;
}

// --- figures of the span that is shown ---

const percentile = (sorted, share) => (sorted.length ? sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] : NaN);
const numbers = (a, b) => a - b;

function figuresOf(lane) {
  const end = now();
  const span = settings.window * 1000;
  const start = end - span;
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
    if (!r) releases.set(name, (r = { name, n: 0, errors: 0, latencies: [], recent: [], pods: new Map() }));
    r.n += 1;
    r.errors += failed;
    if (!failed) r.latencies.push(latencyIn(lane, place));
    if (kept.t[place] > end - 3000) r.recent.push(latencyIn(lane, place));
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
    r.recent.sort(numbers);
    r.recentP50 = percentile(r.recent, 0.5);
  }
  for (const p of pods.values()) p.share = p.n / n;
  return { n, seconds: Math.max(1, Math.min(span, end - earliest) / 1000), releases, pods, flows };
}

// --- words ---

const clock = (t) => new Date(t).toTimeString().slice(0, 8);
const percent = (share) => { const p = share * 100; return p > 0 && p < 9.95 ? p.toFixed(1) : p > 99.5 && p < 100 ? "99.9" : String(Math.round(p)); };
const millis = (ms) => (Number.isNaN(ms) ? "–" : ms < 9.95 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
const shortPod = (pod) => (pod.length > 18 ? `…${pod.slice(-16)}` : pod);

// Half the width of Wilson's interval at 95 %: how far the share that is seen can be from the true one by chance.
function halfWidth(share, n) {
  const z = 1.96;
  return (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
}

function meantOf(lane, release) {
  const value = settings.meant[`${lane}.${release}`];
  return value === undefined ? null : value / 100;
}

// --- the cards of the releases ---

const SVG = "http://www.w3.org/2000/svg";
function svg(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}
function shapeIcon(lane, release) {
  const icon = svg("svg", { viewBox: "0 0 40 40", "aria-hidden": "true" });
  icon.append(svg("path", { d: SHAPES[styleOf(lane, release)][0], fill: "currentColor" }));
  return icon;
}
function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}
function put(node, text) { if (node.textContent !== text) node.textContent = text; }

const cards = { storefront: new Map(), product: new Map() };

function makeCard(lane, release) {
  const card = element("li", "card");
  card.style.setProperty("--mine", `var(--c${SHAPES[styleOf(lane, release)][1]})`);
  const [share, value, error] = [element("p", "share"), element("span", "", "–"), element("i")];
  share.append(value, element("small", "", "%"), error);
  const name = element("div", "name");
  name.append(shapeIcon(lane, release), element("span", "", release));
  const meant = element("label", "meant");
  const input = Object.assign(element("input"), { type: "number", min: "0", max: "100", step: "any", placeholder: "%", ariaLabel: `Share in percent that is meant for ${SAID[lane]} ${release}` });
  const verdict = element("output");
  const known = meantOf(lane, release);
  if (known !== null) input.value = String(known * 100);
  input.addEventListener("input", () => {
    const wanted = Number(input.value);
    const key = `${lane}.${release}`;
    if (input.value === "" || !(wanted >= 0 && wanted <= 100)) delete settings.meant[key]; else settings.meant[key] = wanted;
    writeSettings();
    dirty = true;
  });
  meant.append("meant", input, verdict);
  if (release !== NOBODY) name.append(meant);
  const list = element("dl");
  const figures = {};
  for (const term of ["rate", "p50", "p95", "p99", "errors"]) {
    const pair = element("div");
    figures[term] = element("dd", "", "–");
    pair.append(element("dt", "", term), figures[term]);
    list.append(pair);
  }
  const pods = element("div", "pods");
  card.append(share, name, list, pods);
  return { card, value, error, meant, verdict, figures, pods, cells: new Map() };
}

function showCards(lane, figures) {
  const list = $(lane).querySelector(".cards");
  const names = new Set([...figures.releases.keys(), ...memory[lane].releases.keys()]);
  const order = [...names].sort(byVersion).reverse();
  for (const [name, made] of cards[lane]) if (!names.has(name)) { made.card.remove(); cards[lane].delete(name); }
  order.forEach((name, place) => {
    let made = cards[lane].get(name);
    if (!made) cards[lane].set(name, (made = makeCard(lane, name)));
    if (list.children[place] !== made.card) list.insertBefore(made.card, list.children[place] || null);
    const r = figures.releases.get(name) || { n: 0, errors: 0, latencies: [], share: 0 };
    made.card.classList.toggle("gone-release", r.n === 0);
    put(made.value, figures.n ? percent(r.share) : "–");
    put(made.error, figures.n ? `±${(halfWidth(r.share, figures.n) * 100).toFixed(1)} of ${figures.n}` : "");
    put(made.figures.rate, `${(r.n / figures.seconds).toFixed(1)}/s`);
    for (const share of [50, 95, 99]) put(made.figures[`p${share}`], millis(percentile(r.latencies, share / 100)));
    put(made.figures.errors, r.errors ? `${r.errors} (${percent(r.errors / r.n)} %)` : "0");
    made.figures.errors.classList.toggle("some", r.errors > 0);
    const meant = meantOf(lane, name);
    if (meant === null || !figures.n) {
      put(made.verdict, "");
      made.meant.classList.remove("off");
    } else {
      const spread = 3.3 * Math.sqrt((meant * (1 - meant)) / figures.n); // 999 of 1000: it is judged over and over
      const inside = Math.abs(r.share - meant) <= spread + 0.5 / figures.n;
      put(made.verdict, inside ? "✓ within chance" : "✗ not by chance");
      made.meant.classList.toggle("off", !inside);
    }
    showPods(lane, name, made, figures);
  });
}

function showPods(lane, release, made, figures) {
  const names = [...memory[lane].pods].filter(([, cell]) => cell.release === release).map(([pod]) => pod).sort(natural.compare).slice(0, 24);
  for (const [pod, cell] of made.cells) if (!names.includes(pod)) { cell.remove(); made.cells.delete(pod); }
  for (const pod of names) {
    const known = memory[lane].pods.get(pod);
    let cell = made.cells.get(pod);
    if (!cell) {
      cell = element("span", "pod");
      cell.title = pod;
      cell.append(element("b", "", shortPod(pod)), element("span"));
      made.cells.set(pod, cell);
      made.pods.append(cell);
    }
    cell.classList.toggle("gone", known.gone);
    const seen = figures.pods.get(pod);
    put(cell.lastChild, known.gone ? `gone ${Math.round((now() - known.t) / 1000)} s` : seen ? `${percent(seen.share)} %${seen.errors ? `, ${seen.errors} errors` : ""}` : "");
  }
}

// --- the journey: browser, store fronts, product service, with the live split ---

function showJourney(storefront, product) {
  const box = $("journey");
  box.replaceChildren();
  const colour = (lane, release) => `var(--c${SHAPES[styleOf(lane, release)][1]})`;
  const HEIGHT = 236;
  const stack = (entries) => {
    const gap = 16;
    const least = 30;
    const room = HEIGHT - 34 - gap * Math.max(0, entries.length - 1) - least * entries.length;
    let y = 30;
    return new Map(entries.map(([name, share]) => {
      const h = least + room * share;
      const place = { y, h, share, used: 0, given: 0 };
      y += h + gap;
      return [name, place];
    }));
  };
  const sorted = (figures) => [...figures.releases.values()].filter((r) => r.n).sort((a, b) => byVersion(b.name, a.name)).map((r) => [r.name, r.share]);
  const left = stack(sorted(storefront));
  const right = stack(sorted(product));
  // As wide as its place is for its height, within limits, so that its type is as large as can be.
  const width = Math.max(490, Math.min(600, (box.clientWidth / box.clientHeight) * 240 || 0));
  box.setAttribute("viewBox", `0 0 ${width} 240`);
  // Where the browser ends, and where the store fronts and the products stand.
  const X = [58, 88 + (width - 490) * 0.45, 266 + (width - 490)];
  const WIDTH = { storefront: 112, product: 142 };
  const text = (x, y, words, attributes) => box.append(svg("text", { x, y, fill: "var(--ink)", "font-size": 18, ...attributes }, words));
  const defs = svg("defs", {});
  const hatch = svg("pattern", { id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  hatch.append(svg("rect", { width: 3, height: 7, fill: "var(--sheet)" }));
  defs.append(hatch);
  box.append(defs);
  const ribbon = (x1, y1, h1, x2, y2, h2, from, to, errors) => {
    const c = (x1 + x2) / 2;
    const id = `g${box.childElementCount}`;
    const fade = svg("linearGradient", { id, gradientUnits: "userSpaceOnUse", x1, x2, y1: 0, y2: 0 });
    fade.append(svg("stop", { offset: "0", "stop-color": from }), svg("stop", { offset: "1", "stop-color": to }));
    defs.append(fade);
    const d = `M${x1} ${y1}C${c} ${y1} ${c} ${y2} ${x2} ${y2}v${h2}C${c} ${y2 + h2} ${c} ${y1 + h1} ${x1} ${y1 + h1}z`;
    box.append(svg("path", { d, fill: `url(#${id})`, opacity: 0.42 }));
    if (errors) box.append(svg("path", { d, fill: "url(#hatch)", opacity: 0.9 }));
  };
  for (const [x, words] of [[6, "browser"], [X[1], "store front"], [X[2], "product service"]]) text(x, 18, words, { fill: "var(--soft)", "font-size": 17 });
  const node = (lane, x, place, release, failed) => {
    const middle = place.y + place.h / 2;
    box.append(
      svg("rect", { x, y: place.y, width: WIDTH[lane], height: place.h, rx: 8, fill: colour(lane, release) }),
      svg("path", { d: SHAPES[styleOf(lane, release)][0], fill: "var(--sheet)", transform: `translate(${x + 9} ${middle - 8}) scale(.4)` }),
      svg("text", { x: x + 31, y: middle + 6, "font-size": 17, "font-weight": 750, fill: "var(--sheet)" }, release.length > 13 ? `${release.slice(0, 12)}…` : release),
    );
    text(x + WIDTH[lane] + 8, middle + 6, `${percent(place.share)} %${failed ? " ✗" : ""}`, { "font-weight": 800, "paint-order": "stroke", stroke: "var(--sheet)", "stroke-width": 5, "stroke-linejoin": "round" });
  };
  const total = HEIGHT - 34;
  let y = 30;
  for (const [release, place] of left) {
    const share = total * place.share;
    const r = storefront.releases.get(release);
    ribbon(X[0], y, share, X[1], place.y, place.h, "var(--soft)", colour("storefront", release), r.errors > 0);
    y += share;
  }
  const flows = [...product.flows.values()].sort((a, b) => byVersion(b.product, a.product));
  const sums = { storefront: new Map(), product: new Map() };
  for (const f of flows) for (const lane of LANES) sums[lane].set(f[lane], (sums[lane].get(f[lane]) || 0) + f.n);
  for (const f of flows) {
    const from = left.get(f.storefront);
    const to = right.get(f.product);
    if (!from || !to) continue;
    const h1 = (from.h * f.n) / sums.storefront.get(f.storefront);
    const h2 = (to.h * f.n) / sums.product.get(f.product);
    ribbon(X[1] + WIDTH.storefront, from.y + from.given, h1, X[2], to.y + to.used, h2, colour("storefront", f.storefront), colour("product", f.product), f.errors > 0);
    from.given += h1;
    to.used += h2;
  }
  box.append(svg("rect", { x: 6, y: 30, width: X[0] - 6, height: total, rx: 8, fill: "var(--well)", stroke: "var(--soft)" }));
  text(3 + X[0] / 2, 30 + total / 2 + 6, `${(storefront.n / storefront.seconds).toFixed(0)}/s`, { "text-anchor": "middle", "font-weight": 750 });
  for (const [release, place] of left) node("storefront", X[1], place, release, storefront.releases.get(release).errors > 0);
  for (const [release, place] of right) node("product", X[2], place, release, product.releases.get(release).errors > 0);
  box.setAttribute("aria-label", flows.length ? `Journey: ${flows.map((f) => `store front ${f.storefront} to product ${f.product} ${percent(f.n / product.n)} %`).join("; ")}` : "Journey: no samples yet");
}

function showGrid(storefront, product) {
  const rows = [...new Set([...storefront.releases.keys(), ...memory.storefront.releases.keys()])].filter((r) => r !== NOBODY).sort(byVersion);
  const columns = [...new Set([...product.releases.keys(), ...memory.product.releases.keys()])].filter((r) => r !== NOBODY).sort(byVersion);
  const table = $("grid");
  const head = element("tr");
  const heading = (lane, release, scope) => {
    const cell = element("th");
    cell.scope = scope;
    cell.style.setProperty("--mine", `var(--c${SHAPES[styleOf(lane, release)][1]})`);
    cell.append(shapeIcon(lane, release), release, element("small", "", scope === "col" ? "product" : "store front"));
    return cell;
  };
  head.append(element("td"), ...columns.map((release) => heading("product", release, "col")));
  const body = rows.map((row) => {
    const line = element("tr");
    line.append(heading("storefront", row, "row"));
    for (const column of columns) {
      const flow = product.flows.get(`${row}\n${column}`);
      const known = (compatibility[row] || {})[column];
      const cell = element("td", flow && flow.errors ? "bad" : "");
      const apis = flow ? [...flow.apis].sort().join(", ") : "";
      cell.append(element("b", "", flow ? apis || "✗" : known && known.api ? `(${known.api})` : "–"));
      if (flow) cell.append(element("small", "", `${percent(flow.n / product.n)} %${flow.errors ? `, ${flow.errors} errors` : ""}`));
      if (known) cell.append(element("small", "", known.note));
      line.append(cell);
    }
    return line;
  });
  table.replaceChildren(head, ...body);
}

// --- the pictures: dots by latency above, shares below, on one time axis ---

let palette = [];
let ink = {};
let sprites = new Map();
let dirty = true;
const stages = {};

function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(name).trim();
  palette = SHAPES.map((_, i) => value(`--c${i}`));
  ink = { ink: value("--ink"), soft: value("--soft"), grid: value("--grid"), line: value("--line"), sheet: value("--sheet"), bad: value("--bad"), font: value("--font") };
  sprites = new Map();
  drawAnew();
}

function drawAnew() {
  dirty = true;
  last.draw = 0;
}

function sprite(lane, release, failed, size, ratio) {
  const key = `${lane}|${release}|${failed}|${size}|${ratio}`;
  let canvas = sprites.get(key);
  if (canvas) return canvas;
  const [path, colour] = SHAPES[styleOf(lane, release)];
  const side = Math.ceil((size + 8) * ratio);
  canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.translate(4, 4);
  pen.scale(size / 40, size / 40);
  const shape = new Path2D(path);
  pen.fillStyle = failed ? ink.sheet : palette[colour];
  pen.fill(shape);
  if (failed) {
    pen.save();
    pen.clip(shape);
    pen.strokeStyle = palette[colour];
    pen.lineWidth = 5;
    for (let x = -40; x < 80; x += 11) { pen.beginPath(); pen.moveTo(x, 44); pen.lineTo(x + 44, 0); pen.stroke(); }
    pen.restore();
  }
  pen.strokeStyle = failed ? ink.bad : ink.sheet;
  pen.lineWidth = failed ? 6 : 1.5;
  pen.stroke(shape);
  sprites.set(key, canvas);
  return canvas;
}

function fit(lane) {
  const canvas = $(lane).querySelector("canvas");
  const { clientWidth: w, clientHeight: h } = canvas;
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [width, height] = [Math.round(w * ratio), Math.round(h * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height }); // which empties it
  const unit = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return (stages[lane] = { canvas, pen: canvas.getContext("2d"), ratio, w, h, unit });
}

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

const ERRORS = Symbol("errors");

const areas = {};

// Along the tops of some [x, base, top], and from there back along the bases.
function stretch(points) {
  const tops = new Path2D();
  for (const [x, , top] of points) tops.lineTo(x, top);
  const whole = new Path2D(tops);
  for (const [x, base] of points.toReversed()) whole.lineTo(x, base);
  return { tops, whole };
}

function draw(lane) {
  const { pen, ratio, w, h, unit } = stages[lane];
  const end = now();
  const span = settings.window * 1000;
  const left = unit * 3.1;
  const right = w - unit;
  const x = (t) => right - ((end - t) / span) * (right - left);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, w, h);
  const split = Math.round(h * 0.6);
  const foot = h - unit * 1.3;
  pen.font = `${unit * 0.88}px ${ink.font}`;
  pen.textBaseline = "middle";
  pen.textAlign = "right";

  // Latency: logarithmic, from 1 ms to 5 s.
  const top = unit * 0.8;
  const low = split - unit * 0.9;
  const y = (ms) => low - (Math.log10(Math.min(5000, Math.max(1, ms))) / Math.log10(5000)) * (low - top);
  pen.strokeStyle = ink.grid;
  pen.fillStyle = ink.soft;
  pen.lineWidth = 1;
  for (const [ms, label] of [[1, "1 ms"], [10, "10"], [100, "100"], [1000, "1 s"]]) {
    const at = Math.round(y(ms)) + 0.5;
    pen.beginPath(); pen.moveTo(left, at); pen.lineTo(right, at); pen.stroke();
    pen.fillText(label, left - unit * 0.4, at);
  }

  // Shares.
  const area = areas[lane];
  const ceiling = split + unit * 0.5;
  const tall = foot - ceiling;
  pen.save();
  pen.beginPath();
  pen.rect(left, 0, right - left, h);
  pen.clip();
  if (area) {
    const base = new Float64Array(area.bins.length);
    for (const name of area.names) {
      const [, colour] = SHAPES[styleOf(lane, name)];
      pen.fillStyle = palette[colour];
      let run = [];
      const flush = () => {
        const ends = run.length === 1 ? [-3, 3].map((by) => [run[0][0] + by, run[0][1], run[0][2]]) : run;
        run = [];
        if (!ends.length) return;
        const { tops, whole } = stretch(ends);
        pen.globalAlpha = 0.86;
        pen.fill(whole);
        pen.globalAlpha = 1;
        pen.strokeStyle = ink.sheet;
        pen.lineWidth = 2;
        pen.stroke(tops);
      };
      area.bins.forEach((bin, i) => {
        if (!bin.n) return flush();
        const share = (bin.by.get(name) || 0) / bin.n;
        run.push([Math.min(right, x(bin.t)), foot - base[i] * tall, foot - (base[i] + share) * tall]);
        base[i] += share;
      });
      flush();
    }
    drawMeant(lane, area, pen, x, foot, tall, unit);
  }
  // Events.
  pen.textAlign = "left";
  let lastMark = -100;
  for (const event of events) {
    if (event.lane !== lane || event.t < end - span || event.t > end) continue;
    const at = Math.round(x(event.t)) + 0.5;
    pen.setLineDash([3, 4]);
    pen.strokeStyle = event.mark === "!" || event.mark === "−" ? ink.bad : ink.soft;
    pen.lineWidth = 1.5;
    pen.beginPath(); pen.moveTo(at, unit * 0.9); pen.lineTo(at, foot); pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = pen.strokeStyle;
    pen.font = `800 ${unit * 0.95}px ${ink.font}`;
    lastMark = Math.max(at + 4, lastMark + unit * 0.8);
    pen.fillText(event.mark, lastMark, unit * 0.7);
  }
  // Dots: the rarest release is drawn last, so that nothing covers a small canary; then errors, and larger.
  const from = end - span - 500;
  // In whole pixels: a sprite is kept for each size.
  const size = Math.round(Math.max(7, Math.min(unit * 0.9, (right - left) / Math.sqrt(Math.max(1, taken - firstSince(from))) / 1.8)));
  for (const layer of area ? [...area.commonest, ERRORS] : []) {
    for (const place of places(lane, from, end)) {
      const failed = Boolean(errorIn(lane, place));
      if (failed ? layer !== ERRORS : layer !== releaseIn(lane, place)) continue;
      const age = end - kept.t[place] - kept.ms[place];
      const pop = paused || still.matches ? 1 : 1 + 0.9 * Math.max(0, 1 - age / 260);
      const image = sprite(lane, releaseIn(lane, place), failed, failed ? Math.round(size * 1.45) : size, ratio);
      const drawn = (image.width / ratio) * pop;
      pen.drawImage(image, x(kept.t[place]) - drawn / 2, y(latencyIn(lane, place)) - drawn / 2, drawn, drawn);
    }
  }
  pen.restore();
  pen.fillStyle = ink.soft;
  pen.font = `${unit * 0.88}px ${ink.font}`;
  pen.textAlign = "right";
  for (const share of [0, 50, 100]) pen.fillText(`${share} %`, left - unit * 0.4, Math.max(ceiling + unit * 0.3, Math.min(foot, foot - (share / 100) * tall)));
  const ticks = w < unit * 34 ? 3 : 6;
  const step = settings.window / ticks;
  for (let i = 0; i <= ticks; i += 1) {
    pen.textAlign = i === 0 ? "right" : i === ticks ? "left" : "center";
    const ago = Math.round(step * i);
    pen.fillText(ago === 0 ? "now" : ago % 60 === 0 ? `−${ago / 60} min` : `−${ago} s`, right - ((right - left) * i) / ticks, h - unit * 0.5);
  }
}

// The share that is meant: a dashed line where the border of the areas should be, and around it the range that
// 95 of 100 samples of that size would fall into.
function drawMeant(lane, area, pen, x, foot, tall, unit) {
  const { names } = area;
  const said = names.map((name) => meantOf(lane, name)).filter((meant) => meant !== null);
  // Where all but one are said, the rest is that one's.
  const rest = said.length > 0 && said.length === names.length - 1 ? 1 - said.reduce((a, b) => a + b) : null;
  let sum = 0;
  for (const [i, name] of names.entries()) {
    const meant = meantOf(lane, name) ?? rest;
    if (meant === null || meant < 0) return;
    sum += meant;
    if (sum > 1.0001 || (i > 0 && i === names.length - 1)) return; // the top of the stack is no border
    const spread = (n) => 1.96 * Math.sqrt((sum * (1 - sum)) / n);
    const band = area.bins.filter((bin) => bin.n > 0).map((bin) => [x(bin.t), foot - Math.max(0, sum - spread(bin.n)) * tall, foot - Math.min(1, sum + spread(bin.n)) * tall]);
    if (!band.length) return;
    pen.globalAlpha = 0.34;
    pen.fillStyle = ink.sheet;
    pen.fill(stretch(band).whole);
    pen.globalAlpha = 1;
    pen.strokeStyle = ink.ink;
    pen.lineWidth = 2.5;
    pen.setLineDash([9, 6]);
    pen.beginPath();
    pen.moveTo(band[0][0], foot - sum * tall);
    pen.lineTo(band[band.length - 1][0], foot - sum * tall);
    pen.stroke();
    pen.setLineDash([]);
    pen.textAlign = "left";
    pen.font = `700 ${unit * 0.8}px ${ink.font}`;
    pen.strokeStyle = ink.sheet;
    pen.lineWidth = 4;
    const words = `${percent(sum)} % meant`;
    const at = Math.max(unit * 3.4, Math.min(band[0][0] + 6, x(now()) - pen.measureText(words).width - 6));
    pen.strokeText(words, at, foot - sum * tall - unit * 0.7);
    pen.fillStyle = ink.ink;
    pen.fillText(words, at, foot - sum * tall - unit * 0.7);
  }
}

// --- the clockwork ---

const still = window.matchMedia("(prefers-reduced-motion: reduce)");
const last = { draw: 0, figures: 0, journey: 0, said: 0 };
const shown = () => LANES.filter((lane) => settings.show === "both" || settings.show === lane);

function frame(at) {
  requestAnimationFrame(frame);
  const first = stages[shown()[0]];
  // As often as the picture moves by half a pixel; twice a second for those who want no motion.
  const pace = still.matches ? 500 : Math.max(14, first ? (settings.window * 500) / Math.max(1, first.w) / 2 : 14);
  if (at - last.figures > 250) {
    last.figures = at;
    const figures = { storefront: figuresOf("storefront"), product: figuresOf("product") };
    if (!paused) watchAbsence(figures);
    for (const lane of LANES) {
      areas[lane] = sharesOf(lane);
      showCards(lane, figures[lane]);
      const words = [...figures[lane].releases.values()].sort((a, b) => byVersion(a.name, b.name)).map((r) => `${r.name} ${percent(r.share)} %, ${r.errors} errors, median ${millis(percentile(r.latencies, 0.5))}`).join("; ");
      if (at - last.said > 2000) $(lane).querySelector("canvas").setAttribute("aria-label", `${SAID[lane]}, last ${settings.window} seconds: ${words || "no samples yet"}`);
    }
    if (at - last.said > 2000) last.said = at;
    if (at - last.journey > 500 && dirty) {
      last.journey = at;
      for (const show of [showJourney, showGrid]) show(figures.storefront, figures.product);
    }
    showState();
  }
  if (at - last.draw < pace || (paused && !dirty)) return;
  last.draw = at;
  for (const lane of shown()) { fit(lane); draw(lane); }
  if (paused) dirty = false;
}

function showState() {
  const at = performance.now();
  answered = answered.filter((t) => t > at - 2000);
  const rate = answered.length / 2;
  const slow = !paused && rate < settings.rate * 0.75 && at > 4000;
  $("state").className = `state ${paused ? "" : slow ? "slow" : "live"}`;
  put($("pulse"), paused ? "paused" : slow ? `${rate.toFixed(rate < 10 ? 1 : 0)}/s of ${settings.rate}: answers are slow` : `live, ${Math.round(rate)}/s`);
  put($("lost-count"), String(lost));
  put($("lost-since"), `since ${clock(lostSince)}`);
  $("lost").classList.toggle("some", lost > 0);
}

function apply() {
  document.documentElement.dataset.theme = settings.theme;
  document.documentElement.classList.toggle("large", settings.large);
  for (const lane of LANES) $(lane).hidden = !shown().includes(lane);
  $("rate").value = settings.rate;
  put($("rate-out"), `${settings.rate}/s`);
  $("window").value = String(settings.window);
  $("show").value = settings.show;
  $("theme").value = settings.theme;
  $("type").setAttribute("aria-pressed", String(settings.large));
  readPalette();
  writeSettings();
}

function set(name, value) {
  settings[name] = value;
  apply();
}

const say = (words) => put($("said"), words);

function pause() {
  paused = !paused;
  pausedAt = Date.now();
  put($("pause"), paused ? "Go on" : "Pause");
  dirty = true;
}

function save(kind) {
  const rows = [...places("storefront", 0)].map((i) => ({
    time: new Date(kept.t[i]).toISOString(), storefrontRelease: kept.storefront[i], storefrontInstance: kept.storefrontPod[i],
    storefrontError: kept.storefrontError[i], latencyMs: Number(kept.ms[i].toFixed(2)), productRelease: kept.product[i],
    productInstance: kept.productPod[i], apiVersion: kept.api[i], productError: kept.productError[i],
    productLatencyMs: kept.productMs[i], productSampleIsOwn: kept.own[i] === 1,
  }));
  // A cell that begins like a formula would be one in a spreadsheet.
  const cell = (value) => { const text = String(value).replace(/^[=+\-@\t\r]/, "'$&"); return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; };
  const text = kind === "csv"
    ? [Object.keys(rows[0] || {}), ...rows.map(Object.values)].map((row) => `${row.map(cell).join(",")}\r\n`).join("")
    : JSON.stringify(rows, null, 1);
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([text], { type: kind === "csv" ? "text/csv" : "application/json" }));
  link.download = `sava-samples-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  say(`${rows.length} samples saved as ${kind.toUpperCase()}`);
}

async function copyLink() {
  writeSettings();
  try { await navigator.clipboard.writeText(location.href); say("Link copied"); put($("link"), "Copied"); } catch { put($("link"), "See address"); }
  setTimeout(() => put($("link"), "Link"), 2000);
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen(); else document.documentElement.requestFullscreen?.();
}

function resetLost() {
  lost = 0;
  lostSince = Date.now();
  say("Counting lost requests from now");
}

const next = (list, value) => list[(list.indexOf(value) + 1) % list.length];
const faster = (by) => set("rate", Math.max(1, Math.min(50, settings.rate + by * (settings.rate + by > 10 ? 5 : 1))));
const KEYS = {
  " ": pause, "+": () => faster(1), "=": () => faster(1), "-": () => faster(-1),
  w: () => set("window", next([30, 60, 120, 300, 600], settings.window)),
  1: () => set("show", "both"), 2: () => set("show", "storefront"), 3: () => set("show", "product"),
  r: resetLost, t: () => set("theme", next(["auto", "light", "dark"], settings.theme)), y: () => set("large", !settings.large),
  f: fullScreen, c: () => save("csv"), j: () => save("json"), l: copyLink, "?": () => $("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  const at = event.target;
  if (at.matches("input[type=number], select") || (at.matches("button, input, a") && (event.key === " " || event.key === "Enter"))) return;
  const action = KEYS[event.key.toLowerCase()];
  if (action) { event.preventDefault(); action(); }
});
const CLICKS = {
  pause, type: KEYS.y, full: fullScreen, csv: KEYS.c, json: KEYS.j, link: copyLink, help: KEYS["?"], "lost-reset": resetLost,
};
for (const [id, act] of Object.entries(CLICKS)) $(id).addEventListener("click", act);
for (const name of ["rate", "window"]) $(name).addEventListener("input", () => set(name, Number($(name).value)));
for (const name of ["show", "theme"]) $(name).addEventListener("input", () => set(name, $(name).value));
window.addEventListener("hashchange", () => { readSettings(); apply(); });
window.addEventListener("resize", drawAnew);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readPalette);

for (const id of ["tools", "lost", "below"]) $(id).hidden = false;
$("made").hidden = true;
readSettings();
apply();
sampler();
requestAnimationFrame(frame);
})();
