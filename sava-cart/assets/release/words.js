// Words.

const clock = (t) => new Date(t).toTimeString().slice(0, 8);
const percent = (share) => { const p = share * 100; return p > 0 && p < 9.95 ? p.toFixed(1) : p > 99.5 && p < 100 ? "99.9" : String(Math.round(p)); };
const millis = (ms) => (Number.isNaN(ms) ? "–" : ms < 9.95 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
const shortPod = (pod) => (pod.length > 18 ? `…${pod.slice(-16)}` : pod);

// Half the width of Wilson's interval at 95 %: how far the share that is seen can be from the true one by chance.
function halfWidth(share, n) {
  const z = 1.96;
  return (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
}

function meantOf(lane, release) {
  const value = settings.meant[`${lane}.${release}`];
  return value === undefined ? null : value / 100;
}
