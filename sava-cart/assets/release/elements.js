// Elements of the page.

const SVG = "http://www.w3.org/2000/svg";
function svg(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}
function shapeIcon(release) {
  const icon = svg("svg", { viewBox: "0 0 40 40", "aria-hidden": "true" });
  icon.append(svg("path", { d: pathOf(release), fill: "currentColor" }));
  return icon;
}
function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}
function put(node, text) { if (node.textContent !== text) node.textContent = text; }
