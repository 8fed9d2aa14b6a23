// All is there: it begins.

$("made").hidden = true;
readSettings();
apply();
sampler();
requestAnimationFrame(frame);
