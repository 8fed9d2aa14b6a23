// Releases: each has the shape and the colour of its major version, or of what is bad in it; those that are not published
// have a tint of it. All follow from the name alone, so that two walls agree, and a wall today with one tomorrow.

const TINTS = ["22%", "44%"]; // of ink in the colour, by which no contrast gets less

const styles = new Map();

function styleOf(release) {
  if (!styles.has(release)) {
    if (styles.size >= 500) styles.clear();
    const [version, suffix] = [release.split("-")[0], release.split("-").slice(1).join("-")];
    const [major, minor, patch] = version.split(".");
    const of = (name) => SIGNS.findIndex((sign) => sign.of.includes(name));
    const sign = SIGNS[[of(suffix), of(major)].find((place) => place >= 0) ?? OTHERS];
    const colour = sign.colours[sign.of.indexOf(suffix)] || sign.colours[0];
    // Neighbours differ: the next minor, the next patch, and a candidate from its release.
    const number = (parseInt(minor, 10) || 0) + (parseInt(patch, 10) || 0) + Number(suffix !== "");
    const tint = sign.isBad || sign.untinted.includes(release) ? "" : TINTS[number % TINTS.length];
    styles.set(release, { sign, colour, tint });
  }
  return styles.get(release);
}

const pathOf = (release) => styleOf(release).sign.path;
const isBad = (release) => styleOf(release).sign.isBad;
const mixed = (colour, ink, tint) => (tint ? `color-mix(in oklab, ${colour}, ${ink} ${tint})` : colour);
const colourOf = (release) => mixed(`var(${styleOf(release).colour})`, "var(--ink)", styleOf(release).tint);

const natural = new Intl.Collator("en", { numeric: true });
const byVersion = (a, b) => Number(a === NOBODY) - Number(b === NOBODY) || natural.compare(a.split("-")[0], b.split("-")[0]) || Number(b.includes("-")) - Number(a.includes("-")) || natural.compare(a, b);
