// The stage: what is seen from the last row. A wall of shapes, one for each sample as it comes; above it the releases that
// serve now, below it their shares. Only what is new is drawn, so that 50 samples a second need no graphics card.

const BRICK = 40; // pixels of a shape and
const STEP = 54; // of its place, on a screen of 1920 by 1080
const POP_MS = 260;
const FAREWELL_MS = 10000; // a release whose pods are all gone is shown so long, dark
const LAMPS = 40; // pods of a release, here and in its card

const walls = inLanes(() => ({ drawn: 0, key: "", popping: /** @type {[number, number][]} */ ([]), head: [0, 0], full: /** @type {string | undefined} */ (undefined) }));
const plates = inLanes(() => new Map());
const onStage = () => settings.look === "stage";
const ofPage = (/** @type {string} */ lane) => $(`${lane}-wall`);

// A shape with an edge that tells it from the page, whatever its colour; a failed one is crossed out in white.
function brick(release, failed, size, ratio) {
  const key = `brick|${release}|${failed}|${size}|${ratio}`;
  let canvas = sprites.get(key);
  if (canvas) return canvas;
  canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.ceil(size * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(canvas.width / 40, canvas.height / 40);
  const shape = new Path2D(pathOf(release));
  pen.fillStyle = drawnColour(release);
  pen.fill(shape);
  pen.strokeStyle = ink.ink;
  pen.lineWidth = 1;
  pen.stroke(shape);
  if (failed) {
    for (const [colour, width] of [["#000", 9], ["#fff", 5]]) {
      Object.assign(pen, { strokeStyle: colour, lineWidth: width });
      pen.beginPath(); pen.moveTo(4, 4); pen.lineTo(36, 36); pen.moveTo(36, 4); pen.lineTo(4, 36); pen.stroke();
    }
  }
  sprites.set(key, canvas);
  return canvas;
}

// Draws the samples that came since the last time, line by line, and over from the top; those that are new a little larger.
function drawWall(lane) {
  const wall = walls[lane];
  const canvas = ofPage(lane).querySelector("canvas");
  const { clientWidth: w, clientHeight: h } = canvas;
  if (!w || !h) return;
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const scale = Math.max(0.5, Math.min(innerWidth / 1920, innerHeight / 1080));
  const [columns, rows] = [Math.max(1, Math.floor(w / (STEP * scale))), Math.max(1, Math.floor(h / (STEP * scale)))];
  const [wide, high] = [w / columns, h / rows];
  const key = `${w} ${h} ${ratio}`;
  const pen = canvas.getContext("2d");
  const cells = columns * rows;
  const count = tally.counted[lane];
  const known = wall.drawn;
  if (wall.key !== key) {
    Object.assign(canvas, { width: Math.round(w * ratio), height: Math.round(h * ratio) }); // which empties it
    Object.assign(wall, { key, drawn: 0, popping: [] });
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const lay = (number, larger) => {
    const place = tally.recent[lane][number % RECENT];
    const [x, y] = [(number % columns) * wide, (Math.floor(number / columns) % rows) * high];
    pen.clearRect(x, y, wide, high);
    if (number === count - 1) wall.head = [x + wide / 2, y + high / 2];
    if (place === undefined) return;
    const image = brick(releaseIn(lane, place), Boolean(errorIn(lane, place)), BRICK * scale, ratio);
    const size = Math.min(BRICK * scale * larger, wide, high);
    pen.drawImage(image, x + (wide - size) / 2, y + (high - size) / 2, size, size);
  };
  const at = performance.now();
  wall.drawn = Math.max(wall.drawn, count - cells + 1, count - RECENT, 0);
  for (; wall.drawn < count; wall.drawn += 1) {
    lay(wall.drawn, 1);
    if (!still.matches && wall.drawn >= known) wall.popping.push([wall.drawn, at]);
    // The place that is next is empty: there the wall grows.
    const next = wall.drawn + 1;
    pen.clearRect((next % columns) * wide, (Math.floor(next / columns) % rows) * high, wide, high);
  }
  wall.popping = wall.popping.filter(([number, since]) => {
    const age = at - since;
    if (count - number < cells) lay(number, age < POP_MS ? 1 + 0.35 * (1 - age / POP_MS) : 1);
    return age < POP_MS;
  });
}

// A ring from the last shape, when a release has come to have all: not for the one that had all from the beginning.
function watchFlood(lane, current) {
  const wall = walls[lane];
  if (current.n < NOW_SAMPLES) return;
  const before = wall.full;
  const [name, others] = current.releases.keys();
  wall.full = others === undefined && name !== NOBODY ? name : "";
  if (!wall.full || before === undefined || wall.full === before || still.matches) return;
  const ring = element("i", "flood");
  ring.style.setProperty("--mine", colourOf(name));
  [ring.style.left, ring.style.top] = wall.head.map((at) => `${at}px`);
  ring.addEventListener("animationend", () => ring.remove());
  ofPage(lane).querySelector(".bricks")?.append(ring);
}

const severalIn = (lane, figures) => [...figures[lane].releases.keys()].filter((name) => name !== NOBODY).length > 1;

// A lane whose span has one release is a line, if the other has more or both have one and this is the store front's.
function isFolded(lane, figures) {
  if (shown().length === 1 || severalIn(lane, figures)) return false;
  return lane === "storefront" || severalIn("storefront", figures);
}

function showWalls(figures, current, isToSay) {
  for (const lane of LANES) {
    const page = ofPage(lane);
    page.hidden = !shown().includes(lane);
    page.classList.toggle("folded", isFolded(lane, figures));
    showPlates(lane, current[lane], isToSay);
    watchFlood(lane, current[lane]);
  }
  fitPlates();
  put($("wall-lost"), String(lostSoFar()));
  $("wall-lost").parentElement.classList.toggle("some", lostSoFar() > 0);
  showMark();
  put($("wall-state"), $("pulse").textContent);
  $("wall-state").hidden = !paused && !isClosed();
}

// As large as it can be for the whole to be on the screen: most stages need nothing smaller.
function fitPlates() {
  const wall = $("wall");
  const key = `${innerWidth} ${innerHeight} ${wall.querySelectorAll(".lane-wall:not([hidden], .folded) :is(.plate, .lamps i)").length} ${wall.querySelectorAll(".folded").length}`;
  if (wall.dataset.fits === key) return;
  wall.dataset.fits = key;
  // Before anything is much smaller, the bars go: the plates say the same.
  for (const [isDense, least] of /** @type {[boolean, number][]} */ ([[false, 0.95], [true, 0.3]])) {
    wall.classList.toggle("dense", isDense);
    for (let size = 1; size >= least; size -= 0.05) {
      wall.style.setProperty("--k", String(size));
      if (wall.scrollHeight <= wall.clientHeight) return;
    }
  }
}

function showPlates(lane, current, isToSay) {
  const page = ofPage(lane);
  const [list, bar] = [page.querySelector(".plates"), page.querySelector(".share-bar")];
  const since = now() - FAREWELL_MS;
  const named = new Set(current.releases.keys());
  for (const cell of tally.memory[lane].pods.values()) if (cell.gone && cell.t > since) named.add(cell.release);
  for (const [name, made] of plates[lane]) if (!named.has(name)) { made.plate.remove(); made.part.remove(); plates[lane].delete(name); }
  const order = [...named].sort((a, b) => byVersion(b, a));
  order.forEach((name, place) => {
    let made = plates[lane].get(name);
    if (!made) plates[lane].set(name, (made = makePlate(name)));
    for (const [of, node] of [[list, made.plate], [bar, made.part]]) if (of.children[place] !== node) of.insertBefore(node, of.children[place] || null);
    const share = (current.releases.get(name) || { share: 0 }).share;
    put(made.share, percent(share));
    made.plate.classList.toggle("gone", share === 0);
    made.part.style.flexGrow = String(share);
    for (const node of [made.plate, made.part]) {
      node.style.setProperty("--mine", colourOf(name));
      node.style.setProperty("--on", inkOn(name));
    }
    const pods = [...tally.memory[lane].pods.values()].filter((cell) => cell.release === name && (!cell.gone || cell.t > since)).slice(0, LAMPS);
    const lamps = pods.map((cell) => (cell.gone ? "gone" : "")).join();
    if (made.lamps.dataset.are !== lamps) {
      made.lamps.dataset.are = lamps;
      made.lamps.replaceChildren(...pods.map((cell) => element("i", cell.gone ? "gone" : "")));
    }
  });
  const columns = innerWidth < 700 ? 2 : order.length > 4 ? Math.ceil(order.length / 2) : order.length;
  list.style.setProperty("--columns", String(Math.max(1, Math.min(order.length, columns))));
  list.classList.toggle("crowded", order.length > 4);
  const words = order.map((name) => { const r = current.releases.get(name) || { share: 0, errors: 0 }; return `${name} ${percent(r.share)} %, ${r.errors} errors`; }).join("; ");
  const label = `Samples, one by one. ${SAID[lane]}, last seconds: ${words || "no samples yet"}; ${lostSoFar()} lost`;
  const canvas = page.querySelector("canvas");
  if (isToSay || !canvas.ariaLabel) canvas.ariaLabel = label;
}

function makePlate(release) {
  const bad = isBad(release) ? " hatched" : "";
  const [plate, part] = [element("li", `plate${bad}`), element("i", `part${bad}`)];
  const share = element("b");
  const name = element("span", "named");
  // A long name may break before its suffix.
  name.append(shapeIcon(release), ...release.split(/(?=-)/).map((piece) => element("span", "", piece)));
  const lamps = element("span", "lamps");
  const big = element("span", "big");
  big.append(share, "%");
  plate.append(big, lamps, name);
  const label = element("span");
  label.append(shapeIcon(release), release);
  part.append(label);
  return { plate, part, share, lamps };
}
