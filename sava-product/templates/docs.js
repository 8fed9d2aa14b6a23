// The form "Try it": sends the request with the chosen media type, and shows what came.
(() => {
  /** @template {Element} T @param {string} css @param {new () => T} kind @return {T} */
  function part(css, kind) {
    const found = document.querySelector(`#try ${css}`);
    if (!(found instanceof kind)) throw new TypeError(css);
    return found;
  }

  const form = part("form", HTMLFormElement);
  const version = part("#try-version", HTMLSelectElement);
  const store = part("#try-store", HTMLSelectElement);
  const query = part("#try-query", HTMLInputElement);
  const shown = part("#try-answer", HTMLElement);
  const command = part("#try-answer .command", HTMLElement);
  const answer = part("#try-answer pre:not(.command)", HTMLElement);
  const said = part("#try-answer [role=status]", HTMLElement);
  const base = new URL(".", location.href).href.replace(/\/$/, "");
  const headers = ["content-type", "x-sava-media-type", "x-sava-release", "x-total-count", "etag", "deprecation", "link"];
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

  for (const example of document.querySelectorAll("pre.command")) {
    example.textContent = (example.textContent ?? "").replace("$API", base);
  }

  async function send(event) {
    event.preventDefault();
    const target = `products/${store.value}${query.value && "?" + query.value}`;
    command.textContent = `curl -H ${quoted(`Accept: ${version.value}`)} ${quoted(`${base}/${target}`)}`;
    shown.hidden = false;
    try {
      const response = await fetch(target, { headers: { Accept: version.value }, cache: "no-store" });
      const text = await response.text();
      const lines = headers.filter((name) => response.headers.has(name)).map((name) => `${name}: ${response.headers.get(name)}`);
      const body = response.headers.get("content-type")?.includes("json") ? JSON.stringify(JSON.parse(text), null, 2) : text;
      answer.textContent = [`${response.status} ${response.statusText}`, ...lines, "", body].join("\n");
      said.textContent = `Answered with ${response.status}.`;
    } catch (error) {
      answer.textContent = said.textContent = `No answer: ${error}`;
    }
  }

  // The stores of the data that are served, which may be others than those in the program.
  async function offerStores() {
    const stores = await (await fetch("products", { headers: { Accept: "application/json" } })).json();
    const chosen = store.value;
    store.replaceChildren(...stores.map(({ code }) => new Option(code, code, false, code === chosen)));
  }

  form.addEventListener("submit", send);
  form.hidden = false;
  offerStores().catch(() => {});
})();
