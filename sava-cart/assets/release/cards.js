// The cards of the releases.

const ranks = { storefront: new Map(), product: new Map() };
const cards = { storefront: new Map(), product: new Map() };

function makeCard(lane, release) {
  const card = element("li", isBad(release) ? "card hatched" : "card");
  card.style.setProperty("--mine", colourOf(release));
  const [share, value, error] = [element("p", "share"), element("span", "", "–"), element("i")];
  share.append(value, element("small", "", "%"), error);
  const name = element("div", "name");
  name.append(shapeIcon(release), element("span", "", release));
  const meant = element("label", "meant");
  const input = Object.assign(element("input"), { type: "number", min: "0", max: "100", step: "any", placeholder: "%", ariaLabel: `Target share in percent of ${SAID[lane]} ${release}` });
  const verdict = element("output");
  const known = meantOf(lane, release);
  if (known !== null) input.value = String(known * 100);
  input.addEventListener("input", () => {
    const wanted = Number(input.value);
    const key = `${lane}.${release}`;
    if (input.value === "" || !(wanted >= 0 && wanted <= 100)) delete settings.meant[key]; else settings.meant[key] = wanted;
    writeSettings();
    dirty = true;
  });
  meant.append("target", input, verdict);
  if (release !== NOBODY) name.append(meant);
  const list = element("dl");
  const figures = {};
  for (const term of ["rate", "p50", "p95", "p99", "errors"]) {
    const pair = element("div");
    figures[term] = element("dd", "", "–");
    pair.append(element("dt", "", term), figures[term]);
    list.append(pair);
  }
  const pods = element("div", "pods");
  card.append(share, name, list, pods);
  return { card, value, error, meant, verdict, figures, pods, cells: new Map() };
}

// The large share is that of now; the small one beside it, with all other figures, that of the span.
function showCards(lane, figures, current) {
  const list = $(lane).querySelector(".cards");
  const names = new Set([...figures.releases.keys(), ...tally.memory[lane].releases.keys()]);
  const gone = [...names].filter((name) => isGone(lane, name, figures, current));
  for (const name of gone) names.delete(name);
  showGone(lane, gone.filter((name) => name !== NOBODY));
  for (const [name, made] of cards[lane]) if (!names.has(name)) { made.card.remove(); cards[lane].delete(name); }
  // By share; so that halves do not change places all the time, one counts as it was until it differs by a tenth.
  for (const name of names) {
    const { share } = figures.releases.get(name);
    if (!(Math.abs(ranks[lane].get(name) - share) < 0.1)) ranks[lane].set(name, share);
  }
  for (const name of gone) ranks[lane].delete(name);
  const order = [...names].sort((a, b) => ranks[lane].get(b) - ranks[lane].get(a) || byVersion(b, a));
  order.forEach((name, place) => {
    let made = cards[lane].get(name);
    if (!made) cards[lane].set(name, (made = makeCard(lane, name)));
    if (list.children[place] !== made.card) list.insertBefore(made.card, list.children[place] || null);
    const r = figures.releases.get(name);
    const c = current.releases.get(name) || { share: 0 };
    put(made.value, current.n ? percent(c.share) : "–");
    put(made.error, figures.n ? `mean ${percent(r.share)} ±${(halfWidth(r.share, figures.n) * 100).toFixed(1)} of ${figures.n}` : "");
    put(made.figures.rate, `${(r.n / figures.seconds).toFixed(1)}/s`);
    for (const share of [50, 95, 99]) put(made.figures[`p${share}`], millis(percentile(r.latencies, share / 100)));
    put(made.figures.errors, r.errors ? `${r.errors} (${percent(r.errors / r.n)} %)` : "0");
    made.figures.errors.classList.toggle("some", r.errors > 0);
    const meant = meantOf(lane, name);
    if (meant === null || !figures.n) {
      put(made.verdict, "");
      made.meant.classList.remove("off");
    } else {
      const spread = 3.3 * Math.sqrt((meant * (1 - meant)) / figures.n); // 999 of 1000: it is judged over and over
      const inside = Math.abs(r.share - meant) <= spread + 0.5 / figures.n;
      put(made.verdict, inside ? "✓ within chance" : "✗ not by chance");
      made.meant.classList.toggle("off", !inside);
    }
    showPods(lane, name, made, figures);
  });
}

// Releases that are gone: a chip each in one line, the last to go first.
function showGone(lane, names) {
  const line = $(lane).querySelector(".retired");
  const seen = (name) => tally.memory[lane].releases.get(name) || 0;
  const chips = names.sort((a, b) => seen(b) - seen(a)).slice(0, 8).map((name) => {
    const seconds = Math.max(0, Math.round((now() - seen(name)) / 1000));
    return [name, `${name} gone ${seconds < 60 ? `${seconds} s` : `${Math.round(seconds / 60)} min`}`];
  });
  if (line.textContent === chips.map(([, words]) => words).join("")) return;
  line.replaceChildren(...chips.map(([name, words]) => {
    const chip = element("span");
    chip.style.setProperty("--mine", colourOf(name));
    chip.append(shapeIcon(name), words);
    return chip;
  }));
  line.hidden = !chips.length;
}

function showPods(lane, release, made, figures) {
  const names = [...tally.memory[lane].pods].filter(([, cell]) => cell.release === release).map(([pod]) => pod).sort(natural.compare).slice(0, LAMPS);
  for (const [pod, cell] of made.cells) if (!names.includes(pod)) { cell.remove(); made.cells.delete(pod); }
  for (const [place, pod] of names.entries()) {
    const known = tally.memory[lane].pods.get(pod);
    let cell = made.cells.get(pod);
    if (!cell) {
      cell = element("span", "pod");
      cell.title = pod;
      cell.append(element("b", "", shortPod(pod)), element("span"));
      made.cells.set(pod, cell);
    }
    if (made.pods.children[place] !== cell) made.pods.insertBefore(cell, made.pods.children[place] || null);
    cell.classList.toggle("gone", known.gone);
    cell.classList.toggle("retired-pod", known.gone && known.retired);
    const seen = figures.pods.get(pod);
    put(cell.lastChild, known.gone ? `${known.retired ? "retired" : "gone"} ${Math.round((now() - known.t) / 1000)} s` : seen ? `${percent(seen.share)} %${seen.errors ? `, ${seen.errors} errors` : ""}` : "");
  }
}
