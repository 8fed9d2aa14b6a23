// All is there: it begins.

$("made")?.setAttribute("hidden", "");
readSettings();
apply();
if (isFile()) {
  // There is no shop behind a file.
  document.title = `Recording · ${document.title}`;
  document.querySelector(".bar h1 a")?.removeAttribute("href");
  play(readRecording($("recording").textContent));
} else sampler();
requestAnimationFrame(frame);
