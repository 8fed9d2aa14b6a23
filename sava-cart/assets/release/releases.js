// Releases: a shape and a colour each, by the major version, the same in every page.

const styles = { storefront: new Map(), product: new Map() };

function styleOf(lane, release) {
  const given = styles[lane];
  if (!given.has(release)) {
    const taken = new Set(given.values());
    const major = Number.parseInt(release, 10);
    const first = release === NOBODY ? 7 : release.includes("-") ? 3 : major >= 1 && major <= 3 ? major - 1 : 4;
    const free = [first, 4, 5, 6, 3, 0, 1, 2].find((place) => !taken.has(place));
    given.set(release, free === undefined ? first : free);
  }
  return given.get(release);
}

const natural = new Intl.Collator("en", { numeric: true });
const byVersion = (a, b) => (a === NOBODY) - (b === NOBODY) || natural.compare(a.split("-")[0], b.split("-")[0]) || (b.includes("-") - a.includes("-")) || natural.compare(a, b);
