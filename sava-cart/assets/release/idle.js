// On the full screen controls are there while somebody moves a pointer or presses a key, and for a moment after.

const IDLE_MS = 3000;
let idleTimer = 0;

function stir() {
  document.documentElement.classList.remove("idle");
  clearTimeout(idleTimer);
  idleTimer = setTimeout(() => document.documentElement.classList.add("idle"), IDLE_MS);
}
for (const type of ["pointermove", "pointerdown", "keydown", "fullscreenchange"]) document.addEventListener(type, stir);
