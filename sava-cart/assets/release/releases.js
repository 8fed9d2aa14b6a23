// Releases: each has the shape and the colour of its major version, or of what is bad in it, and a tint of its own. All
// follow from its name alone, so that two walls agree, and a wall today with one tomorrow.

const TINTS = ["0%", "22%", "44%"]; // of ink in the colour, by which no contrast gets less

const styles = new Map();

function styleOf(release) {
  if (!styles.has(release)) {
    if (styles.size >= 500) styles.clear();
    const [version, suffix] = [release.split("-")[0], release.split("-").slice(1).join("-")];
    const [major, minor, patch] = version.split(".");
    const of = (name) => SIGNS.findIndex((sign) => sign.of.includes(name));
    const sign = [of(suffix), of(major)].find((place) => place >= 0) ?? OTHERS;
    // Neighbours differ: the next minor, the next patch, and others with a suffix of the same version.
    const step = suffix ? 1 + Math.max(0, SIGNS[sign].of.indexOf(suffix)) : 0;
    const tint = TINTS[(2 * (parseInt(minor, 10) || 0) + (parseInt(patch, 10) || 0) + step) % TINTS.length];
    styles.set(release, { sign, tint });
  }
  return styles.get(release);
}

const pathOf = (release) => SIGNS[styleOf(release).sign].path;
const mixed = (colour, ink, tint) => (tint === TINTS[0] ? colour : `color-mix(in oklab, ${colour}, ${ink} ${tint})`);
const colourOf = (release) => mixed(`var(${SIGNS[styleOf(release).sign].colour})`, "var(--ink)", styleOf(release).tint);

const natural = new Intl.Collator("en", { numeric: true });
const byVersion = (a, b) => Number(a === NOBODY) - Number(b === NOBODY) || natural.compare(a.split("-")[0], b.split("-")[0]) || Number(b.includes("-")) - Number(a.includes("-")) || natural.compare(a, b);
