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

function resetLost() {
  lost = 0;
  outage.n = 0;
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
  s: () => set("look", onStage() ? "instrument" : "stage"), f: fullScreen, q: showCode, c: () => save("csv"), j: () => save("json"), l: copyLink, "?": () => $("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  if ($("code").open && event.key.toLowerCase() !== "q") return;
  const at = event.target instanceof Element ? event.target : document.body;
  if (at.matches("input[type=number], select") || (at.matches("button, input, a") && (event.key === " " || event.key === "Enter"))) return;
  if (event.key === "Escape" && onStage()) leaveStage();
  const action = KEYS[event.key.toLowerCase()];
  if (action) { event.preventDefault(); action(); }
});
const CLICKS = {
  pause, type: KEYS.y, full: fullScreen, csv: KEYS.c, json: KEYS.j, link: copyLink, help: KEYS["?"], stage: KEYS.s, leave: leaveStage, "lost-reset": resetLost,
};
for (const [id, act] of Object.entries(CLICKS)) $(id).addEventListener("click", act);
for (const name of ["rate", "window"]) $(name).addEventListener("input", () => set(name, Number($(name).value)));
for (const name of ["show", "theme"]) $(name).addEventListener("input", () => set(name, $(name).value));
window.addEventListener("hashchange", () => { readSettings(); apply(); });
document.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement) leaveStage(); });
window.addEventListener("resize", drawAnew);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readPalette);
