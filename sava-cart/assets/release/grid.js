// Who was served by whom: a table of pairs of releases.

function showGrid(figures, current) {
  const { product } = figures;
  const live = (lane) => [...figures[lane].releases.keys()].filter((r) => r !== NOBODY && !isGone(lane, r, figures[lane], current[lane])).sort(byVersion);
  const rows = live("storefront");
  const columns = live("product");
  const table = $("grid");
  const head = element("tr");
  const heading = (lane, release, scope) => {
    const cell = element("th");
    cell.scope = scope;
    cell.style.setProperty("--mine", colourOf(release));
    cell.append(shapeIcon(release), release, element("small", "", scope === "col" ? "product" : "store front"));
    return cell;
  };
  head.append(element("td"), ...columns.map((release) => heading("product", release, "col")));
  const body = rows.map((row) => {
    const line = element("tr");
    line.append(heading("storefront", row, "row"));
    for (const column of columns) {
      const flow = product.flows.get(`${row}\n${column}`);
      const known = (compatibility[row] || {})[column];
      const cell = element("td", flow && flow.errors ? "bad" : "");
      const apis = flow ? [...flow.apis].sort().join(", ") : "";
      cell.append(element("b", "", flow ? apis || "✗" : known && known.api ? `(${known.api})` : "–"));
      if (flow) cell.append(element("small", "", `${percent(flow.n / product.n)} %${flow.errors ? `, ${flow.errors} errors` : ""}`));
      if (known) cell.append(element("small", "", known.note));
      line.append(cell);
    }
    return line;
  });
  table.replaceChildren(head, ...body);
}
