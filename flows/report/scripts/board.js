// The leaderboard: filtered by words and kind, sorted by a column, and cut to the best so that it stays light.
(() => {
  const { unpack, parsed, element, measured } = window.archloop;
  const table = document.querySelector("table.board");
  const controls = document.querySelector("[data-board]");
  if (!table || !controls) return;
  const text = controls.querySelector("[data-text]");
  const kind = controls.querySelector("[data-kind]");
  const count = controls.querySelector("[data-count]");
  const more = document.querySelector("[data-more]");
  const body = table.tBodies[0];
  const wish = { key: "", falling: true, all: false };
  let rows = null; // {row, number} in the order of the ranking
  let asked = 0;

  const everyRow = async (columns) => {
    const packed = await unpack("leaderboard");
    const rest = packed ? [...parsed(`<table><tbody>${packed}</tbody></table>`).querySelectorAll("tr")] : [];
    return [...body.rows, ...rest].map((row, place) => ({ row, number: columns.ranking[place] }));
  };

  const order = (columns) => {
    if (!wish.key) return () => 0;
    const values = wish.key === "name" ? columns.name : measured(columns, wish.key).values;
    const turn = wish.falling ? -1 : 1;
    return (a, b) => {
      const [x, y] = [values[a.number], values[b.number]];
      if (x === null || y === null) return (x === null) - (y === null); // what is not known comes last
      return turn * (typeof x === "string" ? x.localeCompare(y) : x - y);
    };
  };

  const show = async () => {
    const mine = ++asked;
    const columns = await unpack("columns");
    rows ??= await everyRow(columns);
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const known = words.length ? await unpack("searched") : null;
    if (mine !== asked) return; // something else was asked for in between
    const holds = ({ number }) => {
      if (kind.value && columns.kind[number] !== kind.value) return false;
      if (!known) return true;
      const said = `${columns.name[number]} ${columns.id[number]} ${known.components[number]}`.toLowerCase();
      return words.every((word) => said.includes(word));
    };
    const found = rows.filter(holds).sort(order(columns));
    const shown = wish.all ? found : found.slice(0, columns.rows);
    body.replaceChildren(...shown.map((one) => one.row));
    more.hidden = shown.length === found.length;
    more.querySelector("button").textContent = `Show all ${found.length.toLocaleString("en")}`;
    const narrowed = found.length < rows.length;
    count.textContent = narrowed ? `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")}` : "";
    for (const head of table.tHead.querySelectorAll("[data-sort]")) {
      const sorted = head.dataset.sort === wish.key;
      head.setAttribute("aria-sort", sorted ? (wish.falling ? "descending" : "ascending") : "none");
    }
  };

  for (const head of table.tHead.querySelectorAll("[data-sort]")) {
    const handle = element("span"); // no button: those are missing where a printed page repeats the head
    handle.role = "button";
    handle.tabIndex = 0;
    handle.append(...head.childNodes);
    head.append(handle);
    const sort = () => {
      const { sort: key } = head.dataset;
      wish.falling = wish.key === key ? !wish.falling : key !== "name";
      wish.key = key;
      show();
    };
    handle.addEventListener("click", sort);
    handle.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      sort();
    });
  }
  text.addEventListener("input", show);
  kind.addEventListener("input", show);
  more.querySelector("button").addEventListener("click", () => {
    wish.all = true;
    show();
  });
  const packed = document.querySelector('script[data-packed="leaderboard"]');
  controls.hidden = false;
  more.hidden = !packed;
  if (packed) unpack("columns").then(({ ranking }) => {
    more.querySelector("button").textContent = `Show all ${ranking.length.toLocaleString("en")}`;
  });
})();
