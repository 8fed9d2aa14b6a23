// The release view: samples who serves, and draws it. Nothing is fetched but `release/sample`, relative to the page.

const $ = (id) => document.getElementById(id);
const KEPT = 36000; // samples in memory: twelve minutes at 50 a second
const IN_FLIGHT = 6; // connections that browsers open to one host
const PATIENCE_MS = 5000;
const LANES = ["storefront", "product"];
const SHAPES = [
  ["M5 5h30v30H5z", 0], // 1.x: square
  ["M20 3a17 17 0 0 1 0 34 17 17 0 0 1 0-34z", 1], // 2.x: circle
  ["M20 1 36.5 10.500v19L20 39 3.500 29.500v-19z", 2], // 3.x: hexagon
  ["M20 2 38.500 36h-37z", 3], // bad on purpose: triangle
  ["M20 1 39 20 20 39 1 20z", 4],
  ["M14 2h12v12h12v12H26v12H14V26H2V14h12z", 5],
  ["M20 2l5 12 13 1-10 8 3 13-11-7-11 7 3-13-10-8 13-1z", 6],
  ["M2 7l5-5 13 13L33 2l5 5-13 13 13 13-5 5-13-13L7 38l-5-5 13-13z", 7], // nobody
];
const NOBODY = "no answer";
const compatibility = JSON.parse($("compatibility").textContent || "{}");
