// All is there: it begins.

for (const id of ["tools", "lost", "below"]) $(id).hidden = false;
$("made").hidden = true;
readSettings();
apply();
sampler();
requestAnimationFrame(frame);
