// Recordings: samples in a file, as docs/recordings.md has it; and the same inside a page that plays it without a server.

const FORMAT = "sava-recording";
const VERSION = 1;
const MAX_FILE_BYTES = 64 << 20;
const MAX_TEXT = 300; // characters of a name, an error, a mark
const MAX_MARKS = 1000;
const LONGEST_MS = 86400000;
// The page as it came, before anything in it has changed.
const PRISTINE = document.documentElement.outerHTML;

/** The fields of a sample in a file, and the columns that they are of. @type {[string, string][]} */
const FIELDS = [
  ["time", "t"], ["storefrontRelease", "storefront"], ["storefrontInstance", "storefrontPod"], ["storefrontError", "storefrontError"],
  ["latencyMs", "ms"], ["productRelease", "product"], ["productInstance", "productPod"], ["apiVersion", "api"],
  ["productError", "productError"], ["productLatencyMs", "productMs"], ["productSampleIsOwn", "own"], ["productEtag", "etag"],
];
const iso = (t) => new Date(t).toISOString();

function rows() {
  const end = playback ? playback.n : tally.taken;
  const value = (column, place) => {
    const it = kept[column][place];
    return column === "t" ? iso(it) : column === "own" ? it === 1 : column === "ms" ? Number(it.toFixed(2)) : it;
  };
  return Array.from({ length: Math.min(end, KEPT) }, (_, i) => {
    const place = (end - Math.min(end, KEPT) + i) % KEPT;
    return Object.fromEntries(FIELDS.map(([field, column]) => [field, value(column, place)]));
  });
}

// One sample a line, so that a file can be read, cut and compared.
function recordingOf(samples) {
  const said = { format: FORMAT, version: VERSION, title: playback ? playback.title : "", lostSince: iso(playback ? playback.lostSince : tally.lostSince), until: iso(playback ? playback.end : now()), marks: (playback || tally).marks.map(({ t, text }) => ({ time: iso(t), text })) };
  return `${JSON.stringify(said).slice(0, -1)},"samples":[\n${samples.map((sample) => JSON.stringify(sample)).join(",\n")}\n]}\n`;
}

// A policy lets the page of a file ask nobody, and nothing in the data ends the element that they are in.
function pageOf(recording) {
  const data = recording.replaceAll("<", "\\u003c");
  const edits = [
    [/<section class="made"[^]*?<\/section>/, ""],
    ['<meta name="policy-of-a-file"', '<meta http-equiv="Content-Security-Policy"'],
    [/(<script type="application\/json" id="recording">)[^]*?(?=<\/script>)/, (/** @type {string} */ _, /** @type {string} */ tag) => tag + data],
  ];
  return `<!DOCTYPE html>\n${edits.reduce((page, [from, to]) => page.replace(/** @type {any} */ (from), /** @type {any} */ (to)), PRISTINE)}\n`;
}

// What a file has: the columns of its samples, in the order of their answers, and what is said of the whole. It throws
// what is wrong, in words that follow the name of the file.
function readRecording(text) {
  const fail = (what) => { throw new Error(what); };
  if (/^\s*</.test(text)) text = new DOMParser().parseFromString(text, "text/html").getElementById("recording")?.textContent || fail("it is a page without a recording in it");
  let said;
  try { said = JSON.parse(text); } catch (error) { fail(`it is not JSON: ${/** @type {Error} */ (error).message}`); }
  const quoted = (value) => { const json = JSON.stringify(value) ?? "missing"; return json.length > 60 ? `${json.slice(0, 60)}…` : json; };
  if (said === null || said.format !== FORMAT) fail(`its "format" is not "${FORMAT}"`);
  if (said.version !== VERSION) fail(`its version is ${quoted(said.version)}; this view reads version ${VERSION}`);
  const texts = (where, value) => (typeof value === "string" && value.length <= MAX_TEXT ? value : fail(`${where} is ${quoted(value)} and not a text of up to ${MAX_TEXT} letters`));
  const time = (where, value) => {
    const t = typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? Date.parse(value) : NaN;
    return Number.isNaN(t) ? fail(`${where} is ${quoted(value)} and not a time such as "2026-01-31T12:00:00.000Z"`) : t;
  };
  const list = (name, least, most) => (Array.isArray(said[name]) && said[name].length >= least && said[name].length <= most ? said[name] : fail(`its "${name}" are no list of ${least} to ${most}`));
  const read = (column, where, value) => {
    if (column === "t") return time(where, value);
    if (column === "own") return typeof value === "boolean" ? value : fail(`${where} is ${quoted(value)} and neither true nor false`);
    if (kept[column] instanceof Float64Array) return Number.isFinite(value) && value >= 0 ? value : fail(`${where} is ${quoted(value)} and not a number of milliseconds`);
    return texts(where, value);
  };
  let latest = -Infinity;
  const samples = list("samples", 1, KEPT).map((sample, i) => {
    if (typeof sample !== "object" || sample === null) fail(`sample ${i + 1} is ${quoted(sample)}`);
    const columns = Object.fromEntries(FIELDS.map(([field, column]) => [column, read(column, `${field} of sample ${i + 1}`, sample[field])]));
    // They are found by their time, in the order of their answers, which is nearly that of their beginnings.
    if (columns.t < latest - 2 * PATIENCE_MS) fail(`sample ${i + 1} began long before those that stand before it`);
    latest = Math.max(latest, columns.t);
    return columns;
  });
  const marks = list("marks", 0, MAX_MARKS).map((mark, i) => ({ t: time(`time of mark ${i + 1}`, mark?.time), text: texts(`text of mark ${i + 1}`, mark?.text) })).sort((a, b) => a.t - b.t);
  const from = samples.reduce((least, { t }) => Math.min(least, t), Infinity);
  // When each was answered, at the latest after the one before.
  let last = from;
  const answered = samples.map(({ t, ms }) => (last = Math.max(last, Math.ceil(t + ms))));
  const end = Math.max(last, time('its "until"', said.until));
  if (end - from > LONGEST_MS) fail(`it is ${Math.round((end - from) / 3600000)} hours long; ${LONGEST_MS / 3600000} are the most`);
  return { title: texts('its "title"', said.title), lostSince: time('its "lostSince"', said.lostSince), samples, answered, marks, from, end, n: samples.length };
}
