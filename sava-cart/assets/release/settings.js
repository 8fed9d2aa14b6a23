// Settings: kept in the address, so that a link brings them along.

const settings = { rate: 10, window: 60, show: "both", theme: "auto", look: "instrument", large: false, meant: {} };

function readSettings() {
  const given = new URLSearchParams(location.hash.slice(1));
  const number = (name, least, most) => {
    const value = Number(given.get(name));
    if (given.has(name) && value >= least && value <= most) settings[name] = value;
  };
  number("rate", 1, 50);
  number("window", 10, 600);
  const word = (name, words) => { const value = given.get(name); if (value && words.includes(value)) settings[name] = value; };
  word("show", ["both", ...LANES]);
  word("theme", ["auto", "light", "dark"]);
  word("look", ["instrument", "stage"]);
  settings.large = given.get("large") === "1";
  // Not to be seen on the screen: what is written into the address next has it no more.
  if (given.has("presenter")) {
    presenterKey = given.get("presenter") || "";
    $("presenter").hidden = !presenterKey;
  }
  for (const [name, value] of given) {
    const [, lane, release] = name.match(/^meant\.(storefront|product)\.(.{1,40})$/) || [];
    if (lane && value !== "" && Number(value) >= 0 && Number(value) <= 100) settings.meant[`${lane}.${release}`] = Number(value);
  }
}

function writeSettings() {
  const wanted = new URLSearchParams({ rate: String(settings.rate), window: String(settings.window) });
  if (settings.show !== "both") wanted.set("show", settings.show);
  if (settings.theme !== "auto") wanted.set("theme", settings.theme);
  if (settings.look !== "instrument") wanted.set("look", settings.look);
  if (settings.large) wanted.set("large", "1");
  for (const [name, value] of Object.entries(settings.meant)) wanted.set(`meant.${name}`, value);
  history.replaceState(null, "", `#${wanted}`);
}
