// What the samples in the columns add up to, counted in the order of their answers. It is data alone, so that a copy of it
// is a moment of a recording.

const RECENT = 2000; // places of a lane's last samples, for the wall

const newMemory = () => ({ releases: new Map(), pods: new Map(), tags: new Map(), lastError: 0, failing: false, slower: new Map() });
/** @returns {any} */
const newTally = () => ({
  taken: 0, // samples ever counted: number i is in place i % KEPT
  counted: { storefront: 0, product: 0 }, // of each lane
  recent: { storefront: new Array(RECENT), product: new Array(RECENT) },
  lost: 0,
  lostSince: Date.now(),
  // Requests without an answer since the last one that had one: lost, unless the shop has closed. Where it opens again, it
  // was an outage, and they count.
  outage: { n: 0, since: 0, last: 0 },
  memory: { storefront: newMemory(), product: newMemory() },
  events: [],
  marks: [],
  steps: 0, // of a recording, which have been judged
});
let tally = newTally();

const isClosed = () => tally.outage.n > 0 && tally.outage.last - tally.outage.since >= CLOSED_MS;
const lostSoFar = () => tally.lost + (isClosed() ? 0 : tally.outage.n);

// Counts the sample that is next in the columns.
function count() {
  const place = tally.taken % KEPT;
  tally.taken += 1;
  const { outage, lostSince } = tally;
  const t = kept.t[place];
  // Also one that was cut within its answer.
  if (kept.storefront[place] === NOBODY || kept.storefrontError[place].startsWith("no answer")) {
    if (!outage.n) outage.since = t;
    outage.last = Math.max(outage.last, t + kept.ms[place]);
    if (t >= lostSince) outage.n += 1;
  } else {
    // One that began before the outage may end within it.
    if (t > outage.since) {
      tally.lost += outage.n;
      outage.n = 0;
    }
    if (t >= lostSince) tally.lost += (kept.storefrontError[place] ? 1 : 0) + (kept.own[place] && kept.productError[place] ? 1 : 0);
  }
  for (const lane of LANES) {
    if (inLane(lane, place)) {
      tally.recent[lane][tally.counted[lane] % RECENT] = place;
      tally.counted[lane] += 1;
    }
    watch(lane, place);
  }
  dirty = true;
}

// Counts lost requests from now.
function resetLost() {
  if (playback) { say("The count is that of the recording"); return; }
  tally.lost = 0;
  tally.outage.n = 0;
  tally.lostSince = Date.now();
  say("Counting lost requests from now");
}
