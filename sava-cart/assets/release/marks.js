// Marks: a word at a moment, in both lanes, by a presenter or a scene.

function marked(mark) {
  tally.marks.push(mark);
  happened("◆", mark.text, "", mark.t, false);
}
