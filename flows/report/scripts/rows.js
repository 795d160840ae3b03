// The lineage as rows: unpacked when a large campaign's reader opens it; closed at first where the tree says the same.
(() => {
  const rows = document.querySelector("details[data-rows]");
  if (!rows) return;
  const { unpack, parsed } = window.archloop;
  const place = rows.querySelector(".scroll");
  if (!place.childElementCount) {
    rows.addEventListener("toggle", async () => place.replaceChildren(parsed(await unpack("lineage"))), { once: true });
  }
  rows.open = false;
})();
