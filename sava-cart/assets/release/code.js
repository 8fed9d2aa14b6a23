// The address for phones: first that of the shop, then that of the page for an audience, then none.

const CODES = [["store", "The shop", ""], ["audience", "Which release do you get?", "release?audience"]];
let coded = -1;

function showCode() {
  if (isFile()) { say("There is no shop behind a file"); return; }
  const box = $("code");
  coded += 1;
  if (coded === CODES.length) { box.close(); return; }
  const [page, title, path] = CODES[coded];
  // Only the page knows where it was opened, unless the store front is told.
  const root = box.dataset.address || new URL(".", location.href.split(/[?#]/)[0]).href;
  put($("code-title"), title);
  put($("code-address"), `${root}${path}`);
  const picture = $("code-picture");
  picture.src = `release/code?${new URLSearchParams({ page, address: root })}`;
  picture.alt = `QR code of ${root}${path}`;
  if (!box.open) box.showModal();
}
$("code").addEventListener("close", () => { coded = -1; });
