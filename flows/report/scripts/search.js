// Search over ids, names, components and motivations. Results are links; "/" goes to the field.
(() => {
  const { unpack, element, written } = window.archloop;
  const box = document.querySelector("[data-find]");
  if (!box) return;
  const MOST = 30;
  const AROUND = 48; // signs of a motivation on both sides of what was found
  const field = box.querySelector("input");
  const found = box.querySelector("[data-found]");
  let asked = 0;

  // How well a design fits: the lower the better; null where a word is missing.
  const worth = (words, parts) => {
    let sum = 0;
    for (const word of words) {
      const at = parts.findIndex((part) => part.includes(word));
      if (at < 0) return null;
      sum += 2 * at + (parts[at].startsWith(word) ? 0 : 1);
    }
    return sum;
  };

  const where = (words, components, motivation) => {
    const slot = components.split(" ").filter((one) => words.some((word) => one.toLowerCase().includes(word)));
    const at = Math.min(...words.map((word) => motivation.toLowerCase().indexOf(word)).filter((place) => place >= 0));
    const [start, end] = [Math.max(0, at - AROUND), at + 2 * AROUND];
    const said = at < Infinity ? `${start ? "…" : ""}${motivation.slice(start, end)}${end < motivation.length ? "…" : ""}` : "";
    return slot.length ? slot.join(", ") : said;
  };

  const look = async () => {
    const mine = ++asked;
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const [columns, known] = await Promise.all([unpack("columns"), unpack("searched")]);
    if (mine !== asked) return;
    found.hidden = !words.length;
    if (!words.length) return;
    const [first] = columns.measures; // what designs are ranked by
    const hits = [];
    for (let number = 0; number < columns.id.length; number++) {
      const parts = [columns.name[number], columns.id[number], known.components[number], known.motivation[number]];
      const value = worth(words, parts.map((part) => part.toLowerCase()));
      if (value !== null) hits.push({ number, value });
    }
    const rank = (hit) => columns.rank[hit.number] ?? Infinity;
    hits.sort((a, b) => a.value - b.value || rank(a) - rank(b) || 0);
    const list = element("ol");
    for (const { number } of hits.slice(0, MOST)) {
      const line = element("li");
      const link = element("a", columns.name[number]);
      link.href = `#${columns.anchor[number]}`;
      const value = first.values[number];
      line.append(link, element("b", value === null ? columns.mark[number] : written(value, first)));
      line.append(element("small", columns.id[number]));
      const said = where(words, known.components[number], known.motivation[number]);
      if (said) line.append(element("q", said));
      list.append(line);
    }
    const sum = hits.length > MOST ? `The best ${MOST} of ${hits.length.toLocaleString("en")} designs` : `${hits.length || "No"} design${hits.length === 1 ? "" : "s"}`;
    found.replaceChildren(element("p", sum), list);
  };

  const close = () => { found.hidden = true; };
  field.addEventListener("input", look);
  field.addEventListener("focus", () => { unpack("searched"); if (field.value) look(); });
  box.addEventListener("keydown", (event) => {
    const links = [...found.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    if (event.key === "Escape") {
      close();
      field.focus();
    } else if (event.key === "Enter" && event.target === field && links.length) {
      links[0].click();
    } else if (event.key === "ArrowDown" && links.length) {
      links[Math.min(at + 1, links.length - 1)].focus();
      event.preventDefault();
    } else if (event.key === "ArrowUp" && at >= 0) {
      (links[at - 1] ?? field).focus();
      event.preventDefault();
    }
  });
  found.addEventListener("click", (event) => { if (event.target.closest("a")) close(); });
  document.addEventListener("click", (event) => { if (!box.contains(event.target)) close(); });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
  box.hidden = false;
})();
