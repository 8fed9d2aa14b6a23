// What keys, buttons and fields do.

function apply() {
  document.documentElement.dataset.theme = settings.theme;
  document.documentElement.classList.toggle("on-stage", onStage());
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

function setPaused(is) {
  paused = is;
  pausedAt = Date.now();
  put($("pause"), is ? "Go on" : "Pause");
  put($("play"), is ? "Play" : "Pause");
  dirty = true;
}

function pause() {
  if (paused && playback && playback.goal === playback.end) seek(playback.from);
  setPaused(!paused);
}

const TYPES = { csv: "text/csv", json: "application/json", html: "text/html" };

function save(kind) {
  const samples = rows();
  // A cell that begins like a formula would be one in a spreadsheet.
  const cell = (value) => { const text = String(value).replace(/^[=+\-@\t\r]/, "'$&"); return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; };
  const text = kind === "csv"
    ? [Object.keys(samples[0] || {}), ...samples.map(Object.values)].map((row) => `${row.map(cell).join(",")}\r\n`).join("")
    : kind === "json" ? recordingOf(samples) : pageOf(recordingOf(samples));
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([text], { type: TYPES[kind] }));
  link.download = `sava-${kind === "csv" ? "samples" : "recording"}-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  say(`${samples.length} samples saved as ${kind.toUpperCase()}`);
}

async function copyLink() {
  writeSettings();
  try { await navigator.clipboard.writeText(location.href); say("Link copied"); put($("link"), "Copied"); } catch { put($("link"), "See address"); }
  setTimeout(() => put($("link"), "Link"), 2000);
}

// The whole screen is for an audience: it opens the stage, and with it the stage is left.
function fullScreen() {
  if (document.fullscreenElement) {
    document.exitFullscreen();
    return;
  }
  set("look", "stage");
  document.documentElement.requestFullscreen?.();
}

const leaveStage = () => set("look", "instrument");

const next = (list, value) => list[(list.indexOf(value) + 1) % list.length];
const faster = (by) => {
  if (playback) setSpeed(SPEEDS[SPEEDS.indexOf(playback.speed) + by] ?? playback.speed);
  else set("rate", Math.max(1, Math.min(50, settings.rate + by * (settings.rate + by > 10 ? 5 : 1))));
};
const skip = (by) => { if (playback) seek(playback.goal + by); };
const KEYS = {
  " ": pause, "+": () => faster(1), "=": () => faster(1), "-": () => faster(-1),
  w: () => set("window", next([30, 60, 120, 300, 600], settings.window)),
  1: () => set("show", "both"), 2: () => set("show", "storefront"), 3: () => set("show", "product"),
  r: resetLost, t: () => set("theme", next(["auto", "light", "dark"], settings.theme)), y: () => set("large", !settings.large),
  s: () => set("look", onStage() ? "instrument" : "stage"), f: fullScreen, q: showCode, c: () => save("csv"), j: () => save("json"),
  h: () => save("html"), o: () => $("file").click(), arrowleft: () => skip(-SKIP_MS), arrowright: () => skip(SKIP_MS),
  d: () => setMark(WORDS.d), g: () => setMark(WORDS.g), b: () => setMark(WORDS.b), m: askForWord, l: copyLink, "?": () => $("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open || $("refused").open || $("ask").open) return;
  if ($("code").open && event.key.toLowerCase() !== "q") return;
  const at = event.target instanceof Element ? event.target : document.body;
  if (at.matches("input[type=number], select") || (at.matches("button, a") && (event.key === " " || event.key === "Enter"))) return;
  if (event.key.startsWith("Arrow") && (!playback || at.matches("input, .log, .scroll"))) return;
  if (event.key === "Escape") (onStage() ? leaveStage : goLive)();
  const action = KEYS[event.key.toLowerCase()];
  if (action) { event.preventDefault(); action(); }
});
const CLICKS = {
  pause, type: KEYS.y, full: fullScreen, csv: KEYS.c, json: KEYS.j, html: KEYS.h, open: KEYS.o, play: pause, live: goLive, deployed: KEYS.d, released: KEYS.g, "rolled-back": KEYS.b, "mark-word": askForWord, link: copyLink, help: KEYS["?"], stage: KEYS.s, leave: leaveStage, "lost-reset": resetLost,
};
for (const [id, act] of Object.entries(CLICKS)) $(id).addEventListener("click", act);
for (const name of ["rate", "window"]) $(name).addEventListener("input", () => set(name, Number($(name).value)));
$("place").addEventListener("input", () => seek(playback.from + Number($("place").value)));
$("speed").addEventListener("input", () => setSpeed(Number($("speed").value)));
$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  $("file").value = ""; // so that the same can be chosen again
  if (file) openFile(file);
});
$("ask").addEventListener("submit", () => { const text = $("word").value.trim(); if (text) setMark(text); });
// A file may be dropped anywhere; what is no file, such as a text, is dropped as ever.
const brings = (event) => event.dataTransfer?.types.includes("Files");
const showTarget = (is) => document.documentElement.classList.toggle("dropping", is);
window.addEventListener("dragover", (event) => { if (brings(event)) { event.preventDefault(); showTarget(true); } });
window.addEventListener("dragleave", (event) => { if (!event.relatedTarget) showTarget(false); });
window.addEventListener("drop", (event) => {
  showTarget(false);
  if (!brings(event)) return;
  event.preventDefault();
  openFile(event.dataTransfer?.files[0]);
});
for (const name of ["show", "theme"]) $(name).addEventListener("input", () => set(name, $(name).value));
window.addEventListener("hashchange", () => { readSettings(); apply(); });
document.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement) leaveStage(); });
window.addEventListener("resize", drawAnew);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readPalette);
