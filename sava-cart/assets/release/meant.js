// The share that is meant, in the picture.

// The share that is meant: a dashed line where the border of the areas should be, and around it the range that
// 95 of 100 samples of that size would fall into.
function drawMeant(lane, area, pen, x, foot, tall, unit) {
  const { names } = area;
  const said = names.map((name) => meantOf(lane, name)).filter((meant) => meant !== null);
  // Where all but one are said, the rest is that one's.
  const rest = said.length > 0 && said.length === names.length - 1 ? 1 - said.reduce((a, b) => a + b) : null;
  let sum = 0;
  for (const [i, name] of names.entries()) {
    const meant = meantOf(lane, name) ?? rest;
    if (meant === null || meant < 0) return;
    sum += meant;
    if (sum > 1.0001 || (i > 0 && i === names.length - 1)) return; // the top of the stack is not a border
    const spread = (n) => 1.96 * Math.sqrt((sum * (1 - sum)) / n);
    const band = area.bins.filter((bin) => bin.n > 0).map((bin) => [x(bin.t), foot - Math.max(0, sum - spread(bin.n)) * tall, foot - Math.min(1, sum + spread(bin.n)) * tall]);
    if (!band.length) return;
    pen.globalAlpha = 0.34;
    pen.fillStyle = ink.sheet;
    pen.fill(stretch(band).whole);
    pen.globalAlpha = 1;
    pen.strokeStyle = ink.ink;
    pen.lineWidth = 2.5;
    pen.setLineDash([9, 6]);
    pen.beginPath();
    pen.moveTo(band[0][0], foot - sum * tall);
    pen.lineTo(band[band.length - 1][0], foot - sum * tall);
    pen.stroke();
    pen.setLineDash([]);
    pen.textAlign = "left";
    pen.font = `700 ${unit * 0.8}px ${ink.font}`;
    pen.strokeStyle = ink.sheet;
    pen.lineWidth = 4;
    const words = `${percent(sum)} % target`;
    const at = Math.max(unit * 3.4, Math.min(band[0][0] + 6, x(now()) - pen.measureText(words).width - 6));
    pen.strokeText(words, at, foot - sum * tall - unit * 0.7);
    pen.fillStyle = ink.ink;
    pen.fillText(words, at, foot - sum * tall - unit * 0.7);
  }
}
