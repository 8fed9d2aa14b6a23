// Events.

const SAID = { storefront: "Store front", product: "Product service" };
const LISTED = 100;
const SHORT = 20; // letters of a mark that is written into the picture

function happened(mark, text, lane, t, isBad = !"+↻✓".includes(mark)) {
  const event = { t, mark, text, lane, isBad };
  tally.events.push(event);
  if (tally.events.length > 300) tally.events.splice(0, 100);
  $("events").prepend(lineOf(event));
  while ($("events").childElementCount > LISTED) $("events").lastElementChild.remove();
}

function lineOf({ t, mark, text, isBad }) {
  const line = element("li");
  line.append(element("time", "", clock(t)), element("i", isBad ? "bad" : "", mark), element("span", "", text));
  return line;
}

const listEvents = () => $("events").replaceChildren(...tally.events.slice(-LISTED).reverse().map(lineOf));

// The marks of a lane's events from then to the end: those of a kind that are within a second are one, such as "+9". What
// is of no lane has its words, if they are short.
function marksOf(lane, start, end) {
  const marks = [];
  for (const { t, mark: sign, text, isBad, lane: of } of tally.events) {
    const mark = of || text.length > SHORT ? sign : text;
    if ((of && of !== lane) || t < start || t > end) continue;
    const known = marks.find((other) => other.mark === mark && other.isBad === isBad && Math.abs(t - other.t) < 1000);
    if (known) known.n += 1; else marks.push({ t, mark, isBad, n: 1 });
  }
  return marks;
}

function watch(lane, place) {
  if (!inLane(lane, place)) return;
  const known = tally.memory[lane];
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
  const t = now();
  for (const lane of LANES) {
    const known = tally.memory[lane];
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
        // A pod that nobody missed was retired, as the old ones of each rollout are.
        cell.retired = ![...places(lane, cell.t - 1000, t)].some((place) => errorIn(lane, place));
        happened("−", `Pod ${pod} of ${cell.release} is gone${cell.retired ? ": retired, no request failed" : ""}`, lane, cell.t, !cell.retired);
      }
    }
  }
}

// A release is gone when all its pods are, and nothing came of it lately; or when the span shows none of it any more.
function isGone(lane, release, figures, current) {
  if (!figures.releases.has(release)) return true;
  const pods = [...tally.memory[lane].pods.values()].filter((cell) => cell.release === release);
  return !current.releases.has(release) && pods.length > 0 && pods.every((cell) => cell.gone);
}

function countAnswered(lane, after, end) {
  let n = 0;
  for (const place of places(lane, after + 1, end)) if (releaseIn(lane, place) !== NOBODY) n += 1;
  return n;
}
