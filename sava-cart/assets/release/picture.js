// The pictures: dots by latency above, shares below, on one time axis.

const palette = new Map();
let ink = {};
const inks = new Map();
let sprites = new Map();
let dirty = true;
const stages = {};

function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(name).trim();
  for (const property of SIGNS.flatMap((sign) => sign.colours)) palette.set(property, value(property));
  ink = { ink: value("--ink"), soft: value("--soft"), grid: value("--grid"), line: value("--line"), sheet: value("--sheet"), bad: value("--bad"), font: value("--font") };
  sprites = new Map();
  drawAnew();
}

// As colourOf, of colours that are known, for a canvas knows no custom properties.
function drawnColour(release) {
  const { colour, tint } = styleOf(release);
  return mixed(palette.get(colour), ink.ink, tint);
}

/** @returns {any} */
const newCanvas = () => document.createElement("canvas");

// Black or white, whichever is read better upon the colour of a release: 4.5:1 at least (WCAG 2.2, 1.4.3).
function inkOn(release) {
  const colour = drawnColour(release);
  if (!inks.has(colour)) {
    const pen = newCanvas().getContext("2d");
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    inks.set(colour, 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff");
  }
  return inks.get(colour);
}

// Stripes of the page across the colour of a release that is bad on purpose.
function hatching(pen) {
  const tile = newCanvas();
  tile.width = tile.height = 12;
  const stripe = tile.getContext("2d");
  stripe.strokeStyle = ink.sheet;
  stripe.lineWidth = 3;
  for (const x of [-12, 0, 12]) { stripe.beginPath(); stripe.moveTo(x - 2, 14); stripe.lineTo(x + 14, -2); stripe.stroke(); }
  return pen.createPattern(tile, "repeat");
}

function drawAnew() {
  dirty = true;
  last.draw = last.figures = 0;
  for (const lane of LANES) walls[lane].key = "";
}

function sprite(release, failed, size, ratio) {
  const key = `${release}|${failed}|${size}|${ratio}`;
  let canvas = sprites.get(key);
  if (canvas) return canvas;
  const colour = drawnColour(release);
  const side = Math.ceil((size + 8) * ratio);
  canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.translate(4, 4);
  pen.scale(size / 40, size / 40);
  const shape = new Path2D(pathOf(release));
  pen.fillStyle = failed ? ink.sheet : colour;
  pen.fill(shape);
  if (failed) {
    pen.save();
    pen.clip(shape);
    pen.strokeStyle = colour;
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

const ERRORS = Symbol("errors");

const areas = {};
/** From and to which latency the axis of a lane goes. @type {Record<string, [number, number]>} */
const axes = {};

// Whole decades: from the fastest to three times what all but one of 100 take, and two at least.
/** @returns {any} */
function axisOf(figures) {
  const latencies = [...figures.releases.values()].map((r) => r.latencies).filter((of) => of.length);
  if (!latencies.length) return undefined;
  const least = Math.max(-2, Math.floor(Math.log10(Math.min(...latencies.map((of) => percentile(of, 0.01))))));
  const most = Math.min(4, Math.ceil(Math.log10(3 * Math.max(...latencies.map((of) => percentile(of, 0.99))))));
  return [10 ** least, 10 ** Math.max(most, least + 2)];
}

// Along the tops of some [x, base, top], and from there back along the bases.
function stretch(points) {
  const tops = new Path2D();
  for (const [x, , top] of points) tops.lineTo(x, top);
  const whole = new Path2D(tops);
  for (const [x, base] of points.toReversed()) whole.lineTo(x, base);
  return { tops, whole };
}

// The shape and the name of each release inside its area, at the right edge, where they fit.
function drawNames(area, pen, right, foot, tall, unit) {
  const now = area.bins.findLast((bin) => bin.n);
  if (!now) return;
  pen.textAlign = "right";
  pen.font = `750 ${unit * 0.9}px ${ink.font}`;
  pen.lineJoin = "round";
  let base = 0;
  for (const name of area.names) {
    const share = (now.by.get(name) || 0) / now.n;
    const middle = foot - (base + share / 2) * tall;
    base += share;
    if (share * tall < unit * 1.15) continue;
    const left = right - unit * 1.9 - pen.measureText(name).width;
    pen.strokeStyle = ink.sheet;
    pen.lineWidth = unit * 0.25;
    pen.strokeText(name, right - unit * 1.1, middle);
    pen.fillStyle = ink.ink;
    pen.fillText(name, right - unit * 1.1, middle);
    pen.save();
    pen.translate(left - unit * 0.4, middle - unit * 0.4);
    pen.scale(unit / 50, unit / 50);
    const shape = new Path2D(pathOf(name));
    pen.lineWidth = 12;
    pen.stroke(shape);
    pen.fill(shape);
    pen.restore();
  }
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

  // Latency: logarithmic, the decades that the samples are in.
  const [least, most] = axes[lane] || [1, 1000];
  const top = unit * 0.8;
  const low = split - unit * 0.9;
  const y = (ms) => low - (Math.log10(Math.min(most, Math.max(least, ms)) / least) / Math.log10(most / least)) * (low - top);
  pen.strokeStyle = ink.grid;
  pen.fillStyle = ink.soft;
  pen.lineWidth = 1;
  for (let ms = least; ms <= most * 1.001; ms *= 10) {
    const at = Math.round(y(ms)) + 0.5;
    pen.beginPath(); pen.moveTo(left, at); pen.lineTo(right, at); pen.stroke();
    pen.fillText(ms > 999 ? `${Math.round(ms / 1000)} s` : `${Number(ms.toPrecision(1))}${ms < least * 2 ? " ms" : ""}`, left - unit * 0.4, at);
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
    const stripes = hatching(pen);
    for (const name of area.names) {
      pen.fillStyle = drawnColour(name);
      let run = [];
      const flush = () => {
        const ends = run.length === 1 ? [-3, 3].map((by) => [run[0][0] + by, run[0][1], run[0][2]]) : run;
        run = [];
        if (!ends.length) return;
        const { tops, whole } = stretch(ends);
        pen.globalAlpha = 0.86;
        pen.fill(whole);
        pen.globalAlpha = 1;
        if (isBad(name)) {
          pen.fillStyle = stripes;
          pen.fill(whole);
          pen.fillStyle = drawnColour(name);
        }
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
    drawNames(area, pen, right, foot, tall, unit);
  }
  // Events.
  pen.textAlign = "left";
  let free = 0; // where the next mark can begin
  for (const { t, mark, isBad, n } of marksOf(lane, end - span, end)) {
    const at = Math.round(x(t)) + 0.5;
    pen.setLineDash([3, 4]);
    pen.strokeStyle = isBad ? ink.bad : ink.soft;
    pen.lineWidth = 1.5;
    pen.beginPath(); pen.moveTo(at, unit * 0.9); pen.lineTo(at, foot); pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = pen.strokeStyle;
    pen.font = `800 ${unit * 0.95}px ${ink.font}`;
    const words = n > 1 ? `${mark}${n}` : mark;
    const wide = pen.measureText(words).width;
    // One that is new has no room at the right of its line yet.
    const fits = right - wide < at + 4 && right - wide >= free;
    const left = fits ? right - wide : Math.max(at + 4, free);
    pen.fillText(words, left, unit * 0.7);
    free = left + wide + unit * 0.2;
  }
  // Dots: the rarest release is drawn last, so that nothing covers a small canary; then errors, and larger.
  const from = end - span - 500;
  // In whole pixels: a sprite is kept for each size.
  const size = Math.round(Math.max(7, Math.min(unit * 0.9, (right - left) / Math.sqrt(Math.max(1, tally.taken - firstSince(from))) / 1.8)));
  for (const layer of area ? [...area.commonest, ERRORS] : []) {
    for (const place of places(lane, from, end)) {
      const failed = Boolean(errorIn(lane, place));
      if (failed ? layer !== ERRORS : layer !== releaseIn(lane, place)) continue;
      const age = end - kept.t[place] - kept.ms[place];
      const pop = paused || still.matches ? 1 : 1 + 0.9 * Math.max(0, 1 - age / 260);
      const image = sprite(releaseIn(lane, place), failed, failed ? Math.round(size * 1.45) : size, ratio);
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
