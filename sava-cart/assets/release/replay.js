// A recording, played: its samples are in the columns all at once, and counted at the time of their answers. The tally is
// copied now and then, so that going back is to go on from the copy before.

const STEP_MS = 250; // so often it is judged who is gone, as in the live view
const STEPS = 40; // from one copy of the tally to the next
const SPEEDS = [0.5, 1, 2, 4, 8, 16];
const SKIP_MS = 5000;
/** Columns and tally of the live view meanwhile. @type {any} */
let live = null;

function play({ samples, ...recording }) {
  if (!playback && !isFile()) live = { kept, tally };
  unaccounted.clear();
  kept = newColumns();
  samples.forEach(keep);
  tally = newTally();
  tally.lostSince = recording.lostSince;
  playback = { ...recording, at: recording.from, goal: recording.from, speed: 1, copies: [structuredClone(tally)] };
  put($("replay-name"), `${recording.title ? `${recording.title}, ` : ""}${new Date(recording.from).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })}`);
  $("place").max = String(recording.end - recording.from);
  setPaused(false);
  showAnew();
  $("place").focus();
}

function goLive() {
  if (!live) return;
  ({ kept, tally } = live);
  playback = live = null;
  setPaused(false);
  showAnew();
  $("open").focus();
}

function showAnew() {
  document.documentElement.classList.toggle("replaying", Boolean(playback));
  $("replay").hidden = !playback;
  $("live").hidden = !live;
  for (const lane of LANES) ranks[lane].clear();
  listEvents();
  drawAnew();
}

// Goes to the moment that is wanted, or as far as there is time for.
function goTo(goal) {
  if (goal < playback.at) {
    const n = Math.floor((goal - playback.from) / (STEP_MS * STEPS));
    tally = structuredClone(playback.copies[n]);
    playback.at = playback.from + tally.steps * STEP_MS;
    listEvents();
    drawAnew();
  }
  const enough = performance.now() + 30;
  while (performance.now() < enough) {
    const next = playback.from + (tally.steps + 1) * STEP_MS;
    countUntil(Math.min(next, goal));
    if (next > goal) break;
    tally.steps += 1;
    watchAbsence(inLanes((lane) => figuresOf(lane, next - settings.window * 1000, next)));
    if (tally.steps % 4 === 0) watchSlowness();
    if (tally.steps % STEPS === 0) playback.copies[tally.steps / STEPS] ??= structuredClone(tally);
  }
  dirty = true;
}

function countUntil(t) {
  playback.at = t;
  while (tally.taken < playback.n && playback.answered[tally.taken] <= t) count();
  for (const mark of playback.marks.slice(tally.marks.length)) if (mark.t <= t) marked(mark);
}

// A frame of the browser later.
function playOn(passed) {
  if (!paused) seek(playback.goal + Math.min(passed, STEP_MS) * playback.speed);
  if (playback.at !== playback.goal) goTo(playback.goal);
  if (!paused && playback.at === playback.end) setPaused(true);
  const seconds = (ms) => `${Math.floor(ms / 60000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`;
  const place = playback.goal - playback.from;
  const words = `${seconds(place)} of ${seconds(playback.end - playback.from)}`;
  if (Number($("place").value) !== place) $("place").value = String(place);
  if ($("place-out").textContent !== words) $("place").setAttribute("aria-valuetext", words);
  put($("place-out"), words);
}

function seek(t) {
  playback.goal = Math.max(playback.from, Math.min(playback.end, t));
}

function setSpeed(speed) {
  playback.speed = speed;
  $("speed").value = String(speed);
}

const isFile = () => $("recording").textContent !== "";

async function openFile(file) {
  try {
    if (file.size > MAX_FILE_BYTES) throw new Error(`it has ${Math.ceil(file.size / (1 << 20))} MB; ${MAX_FILE_BYTES >> 20} are the most`);
    play(readRecording(await file.text()));
  } catch (error) {
    put($("refusal"), `${file.name}: ${/** @type {Error} */ (error).message}.`);
    if (!$("refused").open) $("refused").showModal();
  }
}
