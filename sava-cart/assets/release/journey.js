// The journey: browser, store fronts, product service, with the live split.

function showJourney(storefront, product) {
  const box = $("journey");
  box.replaceChildren();
  const HEIGHT = 236;
  const stack = (entries) => {
    const gap = 16;
    const least = 30;
    const room = HEIGHT - 34 - gap * Math.max(0, entries.length - 1) - least * entries.length;
    let y = 30;
    return new Map(entries.map(([name, share]) => {
      const h = least + room * share;
      const place = { y, h, share, used: 0, given: 0 };
      y += h + gap;
      return [name, place];
    }));
  };
  const sorted = (figures) => [...figures.releases.values()].filter((r) => r.n).sort((a, b) => byVersion(b.name, a.name)).map((r) => [r.name, r.share]);
  const left = stack(sorted(storefront));
  const right = stack(sorted(product));
  // As wide as its place is for its height, within limits, so that its type is as large as can be.
  const width = Math.max(490, Math.min(600, (box.clientWidth / box.clientHeight) * 240 || 0));
  box.setAttribute("viewBox", `0 0 ${width} 240`);
  // Where the browser ends, and where the store fronts and the products stand.
  const X = [58, 88 + (width - 490) * 0.45, 266 + (width - 490)];
  const WIDTH = { storefront: 112, product: 142 };
  const text = (x, y, words, attributes) => box.append(svg("text", { x, y, fill: "var(--ink)", "font-size": 18, ...attributes }, words));
  const defs = svg("defs", {});
  const hatch = svg("pattern", { id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  hatch.append(svg("rect", { width: 3, height: 7, fill: "var(--sheet)" }));
  const stripes = svg("pattern", { id: "stripes", width: 9, height: 9, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  stripes.append(svg("rect", { width: 2.5, height: 9, fill: "var(--sheet)" }));
  defs.append(hatch, stripes);
  box.append(defs);
  const ribbon = (x1, y1, h1, x2, y2, h2, from, to, errors) => {
    const c = (x1 + x2) / 2;
    const id = `g${box.childElementCount}`;
    const fade = svg("linearGradient", { id, gradientUnits: "userSpaceOnUse", x1, x2, y1: 0, y2: 0 });
    fade.append(svg("stop", { offset: "0", "stop-color": from }), svg("stop", { offset: "1", "stop-color": to }));
    defs.append(fade);
    const d = `M${x1} ${y1}C${c} ${y1} ${c} ${y2} ${x2} ${y2}v${h2}C${c} ${y2 + h2} ${c} ${y1 + h1} ${x1} ${y1 + h1}z`;
    box.append(svg("path", { d, fill: `url(#${id})`, opacity: 0.42 }));
    if (errors) box.append(svg("path", { d, fill: "url(#hatch)", opacity: 0.9 }));
  };
  for (const [x, words] of [[6, "browser"], [X[1], "store front"], [X[2], "product service"]]) text(x, 18, words, { fill: "var(--soft)", "font-size": 17 });
  const node = (lane, x, place, release, failed) => {
    const middle = place.y + place.h / 2;
    const ground = { x, y: place.y, width: WIDTH[lane], height: place.h, rx: 8 };
    box.append(svg("rect", { ...ground, fill: colourOf(release) }));
    const [colour, on] = [drawnColour(release), inkOn(release)];
    // What is written upon stripes has the colour behind it.
    const behind = isBad(release) ? { stroke: colour, "stroke-width": 6, "stroke-linejoin": "round", "paint-order": "stroke" } : {};
    if (isBad(release)) box.append(svg("rect", { ...ground, fill: "url(#stripes)" }));
    box.append(
      svg("path", { d: pathOf(release), fill: on, transform: `translate(${x + 9} ${middle - 8}) scale(.4)`, ...behind }),
      svg("text", { x: x + 31, y: middle + 6, "font-size": 17, "font-weight": 750, fill: on, ...behind }, release.length > 13 ? `${release.slice(0, 12)}…` : release),
    );
    text(x + WIDTH[lane] + 8, middle + 6, `${percent(place.share)} %${failed ? " ✗" : ""}`, { "font-weight": 800, "paint-order": "stroke", stroke: "var(--sheet)", "stroke-width": 5, "stroke-linejoin": "round" });
  };
  const total = HEIGHT - 34;
  let y = 30;
  for (const [release, place] of left) {
    const share = total * place.share;
    const r = storefront.releases.get(release);
    ribbon(X[0], y, share, X[1], place.y, place.h, "var(--soft)", colourOf(release), r.errors > 0);
    y += share;
  }
  const flows = [...product.flows.values()].sort((a, b) => byVersion(b.product, a.product));
  const sums = { storefront: new Map(), product: new Map() };
  for (const f of flows) for (const lane of LANES) sums[lane].set(f[lane], (sums[lane].get(f[lane]) || 0) + f.n);
  for (const f of flows) {
    const from = left.get(f.storefront);
    const to = right.get(f.product);
    if (!from || !to) continue;
    const h1 = (from.h * f.n) / sums.storefront.get(f.storefront);
    const h2 = (to.h * f.n) / sums.product.get(f.product);
    ribbon(X[1] + WIDTH.storefront, from.y + from.given, h1, X[2], to.y + to.used, h2, colourOf(f.storefront), colourOf(f.product), f.errors > 0);
    from.given += h1;
    to.used += h2;
  }
  box.append(svg("rect", { x: 6, y: 30, width: X[0] - 6, height: total, rx: 8, fill: "var(--well)", stroke: "var(--soft)" }));
  text(3 + X[0] / 2, 30 + total / 2 + 6, `${(storefront.n / storefront.seconds).toFixed(0)}/s`, { "text-anchor": "middle", "font-weight": 750 });
  for (const [release, place] of left) node("storefront", X[1], place, release, storefront.releases.get(release).errors > 0);
  for (const [release, place] of right) node("product", X[2], place, release, product.releases.get(release).errors > 0);
  box.setAttribute("aria-label", flows.length ? `Journey: ${flows.map((f) => `store front ${f.storefront} to product ${f.product} ${percent(f.n / product.n)} %`).join("; ")}` : "Journey: no samples yet");
}
