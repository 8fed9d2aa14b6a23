// The cards of the releases.

const cards = { storefront: new Map(), product: new Map() };

function makeCard(lane, release) {
  const card = element("li", "card");
  card.style.setProperty("--mine", colourOf(release));
  const [share, value, error] = [element("p", "share"), element("span", "", "–"), element("i")];
  share.append(value, element("small", "", "%"), error);
  const name = element("div", "name");
  name.append(shapeIcon(release), element("span", "", release));
  const meant = element("label", "meant");
  const input = Object.assign(element("input"), { type: "number", min: "0", max: "100", step: "any", placeholder: "%", ariaLabel: `Share in percent that is meant for ${SAID[lane]} ${release}` });
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
  meant.append("meant", input, verdict);
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
  const names = new Set([...figures.releases.keys(), ...memory[lane].releases.keys()]);
  const order = [...names].sort(byVersion).reverse();
  for (const [name, made] of cards[lane]) if (!names.has(name)) { made.card.remove(); cards[lane].delete(name); }
  order.forEach((name, place) => {
    let made = cards[lane].get(name);
    if (!made) cards[lane].set(name, (made = makeCard(lane, name)));
    if (list.children[place] !== made.card) list.insertBefore(made.card, list.children[place] || null);
    const r = figures.releases.get(name) || { n: 0, errors: 0, latencies: [], share: 0 };
    made.card.classList.toggle("gone-release", r.n === 0);
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

function showPods(lane, release, made, figures) {
  const names = [...memory[lane].pods].filter(([, cell]) => cell.release === release).map(([pod]) => pod).sort(natural.compare).slice(0, 24);
  for (const [pod, cell] of made.cells) if (!names.includes(pod)) { cell.remove(); made.cells.delete(pod); }
  for (const pod of names) {
    const known = memory[lane].pods.get(pod);
    let cell = made.cells.get(pod);
    if (!cell) {
      cell = element("span", "pod");
      cell.title = pod;
      cell.append(element("b", "", shortPod(pod)), element("span"));
      made.cells.set(pod, cell);
      made.pods.append(cell);
    }
    cell.classList.toggle("gone", known.gone);
    const seen = figures.pods.get(pod);
    put(cell.lastChild, known.gone ? `gone ${Math.round((now() - known.t) / 1000)} s` : seen ? `${percent(seen.share)} %${seen.errors ? `, ${seen.errors} errors` : ""}` : "");
  }
}
