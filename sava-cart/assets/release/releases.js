// Releases: a place in the table of signs each, by the major version, the same in every page.

const styles = { storefront: new Map(), product: new Map() };

function styleOf(lane, release) {
  const given = styles[lane];
  if (!given.has(release)) {
    const taken = new Set(given.values());
    const kind = release === NOBODY ? NOBODY : release.includes("-") ? "-" : release.split(".")[0];
    const own = SIGNS.findIndex((sign) => sign.of === kind);
    const first = own < 0 ? OTHERS : own;
    const free = [first, 4, 5, 6, 3, 0, 1, 2].find((place) => !taken.has(place));
    given.set(release, free === undefined ? first : free);
  }
  return given.get(release);
}

const natural = new Intl.Collator("en", { numeric: true });
const byVersion = (a, b) => Number(a === NOBODY) - Number(b === NOBODY) || natural.compare(a.split("-")[0], b.split("-")[0]) || Number(b.includes("-")) - Number(a.includes("-")) || natural.compare(a, b);
