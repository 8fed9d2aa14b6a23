// Marks: a word at a moment, in both lanes. A presenter sets them, who has the key; every view is told of them with its
// samples. A scene's steps are such marks in its recording.

const WORDS = { d: "deployed", g: "released", b: "rolled back" };
const SENDINGS = 8; // each over a new connection, so that other pods of the store front have it, should one go
const SENDING_MS = 250;
const SHOWN_MS = 6000; // on the stage
const heard = new Set();
let presenterKey = "";

function marked(mark) {
  tally.marks.push(mark);
  if (tally.marks.length > MAX_MARKS) tally.marks.shift();
  happened("◆", mark.text, "", mark.t, false);
}

// The same mark comes with many samples, and from several pods.
function hear({ id, text, ageMs }) {
  if (heard.has(id)) return;
  heard.add(id);
  if (heard.size > 500) heard.delete(heard.values().next().value); // the oldest
  marked({ t: Date.now() - ageMs, text });
}

async function setMark(text) {
  if (!presenterKey || playback) return;
  const [id, begun] = [`${Date.now()}-${Math.random()}`.slice(0, 40), performance.now()];
  const answers = new Set();
  for (let i = 0; i < SENDINGS; i += 1) {
    const ageMs = Math.round(performance.now() - begun);
    try {
      const { status } = await fetch("release/marks", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key: presenterKey, id, text, ageMs }), signal: AbortSignal.timeout(PATIENCE_MS) });
      answers.add(status);
      if (status === 204) hear({ id, text, ageMs });
    } catch { answers.add(0); }
    const refusal = { 403: "another key", 404: "this shop has no presenter's key", 429: "too many marks", 400: "no such word" };
    const [status] = answers;
    put($("presenter-state"), answers.has(204) ? `marked: ${text}` : `not marked: ${refusal[status] || "no answer"}`);
    await new Promise((go) => { setTimeout(go, SENDING_MS); });
  }
}

function askForWord() {
  if (!presenterKey) return;
  $("word").value = "";
  $("ask").showModal();
}

// The last mark, on the stage for a while.
function showMark() {
  const mark = tally.marks[tally.marks.length - 1];
  const isNew = mark && mark.text.length <= SHORT && now() - mark.t < SHOWN_MS && now() >= mark.t;
  put($("wall-mark"), isNew ? mark.text : "");
}
