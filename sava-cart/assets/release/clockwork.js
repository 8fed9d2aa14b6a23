// The clockwork.

const still = window.matchMedia("(prefers-reduced-motion: reduce)");
const last = { frame: 0, draw: 0, figures: 0, journey: 0, said: 0, judged: 0 };
const inLanes = (of) => ({ storefront: of("storefront"), product: of("product") });
const shown = () => LANES.filter((lane) => settings.show === "both" || settings.show === lane);

function frame(at) {
  requestAnimationFrame(frame);
  if (playback) playOn(at - last.frame);
  last.frame = at;
  // As often as the widest picture moves by half a pixel; twice a second for those who want no motion. A folded lane has none.
  const width = Math.max(...shown().map((lane) => (stages[lane] ? stages[lane].w : 0)));
  const pace = still.matches ? 500 : onStage() || !width ? 14 : Math.max(14, (settings.window * 250) / width);
  if (at - last.figures > 250) {
    last.figures = at;
    const end = now();
    const start = end - settings.window * 1000;
    const figures = inLanes((lane) => figuresOf(lane, start, end));
    const current = inLanes((lane) => figuresOf(lane, Math.max(start, beginOfNow(lane, end)), end));
    if (!paused && !playback) watchAbsence(figures);
    if (!paused && !playback && at - last.judged > 1000) {
      last.judged = at;
      watchSlowness();
    }
    const isToSay = at - last.said > 2000;
    if (isToSay) last.said = at;
    if (onStage()) showWalls(figures, current, isToSay);
    else for (const lane of LANES) {
      areas[lane] = sharesOf(lane);
      axes[lane] = axisOf(figures[lane]);
      $(lane).classList.toggle("line", isFolded(lane, figures) && shown().length === 2 && severalIn(LANES.find((of) => of !== lane), figures));
      showCards(lane, figures[lane], current[lane]);
      const words = [...figures[lane].releases.values()].sort((a, b) => byVersion(a.name, b.name)).map((r) => `${r.name} ${percent(r.share)} %, ${r.errors} errors, median ${millis(percentile(r.latencies, 0.5))}`).join("; ");
      if (isToSay) $(lane).querySelector("canvas").setAttribute("aria-label", `${SAID[lane]}, last ${settings.window} seconds: ${words || "no samples yet"}`);
    }
    if (!onStage() && at - last.journey > 500 && dirty) {
      last.journey = at;
      showJourney(current.storefront, current.product);
      showGrid(figures, current);
    }
    showState();
  }
  if (at - last.draw < pace || (paused && !dirty)) return;
  last.draw = at;
  for (const lane of shown()) if (onStage()) drawWall(lane); else { fit(lane); draw(lane); }
  if (paused) dirty = false;
}

function showState() {
  const at = performance.now();
  answered = answered.filter((t) => t > at - 2000);
  const rate = answered.length / 2;
  const slow = !paused && rate < settings.rate * 0.75 && at > 4000;
  const closed = isClosed();
  $("state").className = `state ${paused || closed || playback ? "" : slow ? "slow" : "live"}`;
  put($("pulse"), playback ? `a recording${paused ? ", paused" : ""}` : paused ? "paused" : closed ? "the shop is closed: no answer" : slow ? `${rate.toFixed(rate < 10 ? 1 : 0)}/s of ${settings.rate}: answers are slow` : `live, ${Math.round(rate)}/s${previewed && `, preview of ${previewed}`}`);
  put($("lost-count"), String(lostSoFar()));
  put($("lost-since"), `since ${clock(tally.lostSince)}`);
  $("lost").classList.toggle("some", lostSoFar() > 0);
}
