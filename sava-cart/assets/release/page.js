// The release view: samples who serves, and draws it. Nothing is fetched but `release/sample`, relative to the page.

/** The element of an id, which the page has. @returns {any} */
const $ = (/** @type {string} */ id) => document.getElementById(id);
const KEPT = 36000; // samples in memory: twelve minutes at 50 a second
const IN_FLIGHT = 6; // connections that browsers open to one host
const PATIENCE_MS = 5000;
const CLOSED_MS = 3000; // after so long without any answer the shop is closed
const NOW_MS = 5000; // what is called the share of now is that of so long,
const NOW_SAMPLES = 40; // and of so many samples at least
const LANES = ["storefront", "product"];
const NOBODY = "no answer";
/** Shapes and colours, in the order of the table that all pages share. @type {{ path: string, colours: string[], of: string[], untinted: string[], isBad: boolean }[]} */
const SIGNS = JSON.parse($("signs").textContent);
const OTHERS = SIGNS.findIndex((sign) => !sign.of.length);
const compatibility = JSON.parse($("compatibility").textContent || "{}");
