// The lineage as a tree to look around in: what is chosen, how far it is zoomed, and what stands beside the pointer.
(() => {
  const { unpack, element, measured, written, palette, scale, layout, paint, hands } = window.archloop;
  const box = document.querySelector("[data-tree]");
  if (!box) return;
  const NEAR = { mouse: 9, touch: 20 }; // pixels within which a design is meant
  const [LOWEST, ROW, ROOMY] = [180, 24, 600]; // pixels: height, of a row where there are few, of a wide page
  const WIDER = { cycle: 0.5, depth: 0.15 }; // how zooming widens: rows are what there are many of
  const canvas = box.querySelector("canvas");
  const tip = box.querySelector("[data-tip]");
  const [colour, across] = [box.querySelector("[data-colour]"), box.querySelector("[data-across]")];

  const begin = (columns) => {
    const tree = layout(columns);
    const scored = [...columns.ranking].reverse();
    const known = new Set(scored);
    const view = {
      width: 0, height: 0, wide: 1, high: 1, x: 0, y: 0, lit: -1, chosen: -1, told: false,
      font: getComputedStyle(tip).fontFamily,
      above: [...tree.order.filter((number) => !known.has(number)), ...scored], // the best are drawn last
      roomy: () => view.width > ROOMY,
      margins: () => (view.roomy() ? [138, view.few() ? 190 : 20] : [14, view.few() ? 120 : 14]),
      few: () => tree.rows * ROW < 900,
      down: (row) => 10 + (row / tree.rows) * (view.height - 20) * view.high + view.y,
      rowHeight: () => ((view.height - 20) * view.high) / tree.rows,
      place: (number) => {
        const [left, right] = view.margins();
        const share = tree.across[across.value][number] / tree.span[across.value];
        return [left + share * (view.width - left - right) * view.wide + view.x, view.down(tree.down[number])];
      },
    };
    let [colours, shades, measure, waiting] = [palette(), null, null, false];

    const now = () => {
      waiting = false;
      paint(canvas, view, columns, tree, shades, measure.values, colours);
      hint();
      if (!performance.getEntriesByName("usable").length) performance.mark("usable");
    };
    const draw = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(now);
    };
    const recolour = () => {
      measure = measured(columns, colour.value);
      colours = palette();
      shades = scale(measure, colours);
      box.querySelector("[data-low]").textContent = written(shades.low, measure, true);
      box.querySelector("[data-high]").textContent = written(shades.high, measure, true);
      box.querySelector("[data-level]").hidden = !measure.centred;
      box.querySelector("[data-ramp]").style.background = `linear-gradient(to right, ${shades.steps.join(", ")})`;
      box.dataset.colouredBy = measure.key;
      draw();
    };
    const resize = () => {
      view.width = canvas.parentElement.clientWidth;
      const most = Math.max(320, Math.min(680, window.innerHeight * 0.72));
      view.height = Math.round(Math.max(LOWEST, Math.min(most, tree.rows * ROW + 20)));
      canvas.style.height = `${view.height}px`;
      if (view.width) draw();
    };
    const held = () => {
      const [left, right] = view.margins();
      const room = (scaled, size) => Math.max(0, size * (scaled - 1));
      view.x = Math.min(0, Math.max(-room(view.wide, view.width - left - right), view.x));
      view.y = Math.min(0, Math.max(-room(view.high, view.height - 20), view.y));
      canvas.style.touchAction = view.high > 1 ? "none" : ""; // not zoomed, it lets a finger scroll the page
      draw();
    };
    const move = (right, below) => { view.x += right; view.y += below; held(); };
    const deepest = Math.max(4, (2 * ROW * tree.rows) / 600);
    const zoom = (factor, x, y) => {
      const [left] = view.margins();
      const high = Math.max(1, Math.min(deepest, view.high * factor));
      const wide = high ** WIDER[across.value];
      view.y = y - 10 - ((y - 10 - view.y) * high) / view.high;
      view.x = x - left - ((x - left - view.x) * wide) / view.wide;
      [view.high, view.wide] = [high, wide];
      held();
    };
    const whole = () => { Object.assign(view, { high: 1, wide: 1, x: 0, y: 0 }); held(); };

    const nearest = (x, y, reach) => {
      let [found, least] = [-1, reach];
      for (const number of view.above) {
        const [right, below] = view.place(number);
        const far = Math.hypot(right - x, below - y);
        if (far <= least) [found, least] = [number, far];
      }
      return found;
    };
    const open = (number) => { location.href = `#${columns.anchor[number]}`; }; // scrolls to what is open, too; .hash would not
    // The design that is pointed at, told in words; else the one that was opened or chosen last stays lit in silence.
    const light = (number, told = true) => {
      if (number === view.lit && told === view.told) return;
      [view.lit, view.told] = [number, told];
      canvas.style.cursor = told && number >= 0 ? "pointer" : "grab";
      draw();
    };
    const opened = () => {
      const number = columns.anchor.indexOf(location.hash.slice(1));
      if (number >= 0) view.chosen = number;
      light(view.chosen, false);
    };
    const hint = () => {
      const number = view.lit;
      tip.hidden = number < 0 || !view.told;
      if (tip.hidden) return;
      const said = columns.measures.filter((one) => one.values[number] !== null);
      const list = element("dl");
      for (const one of said) list.append(element("dt", one.title), element("dd", written(one.values[number], one)));
      const kind = [columns.kind[number], number === columns.reference ? "the reference" : "", columns.mark[number]];
      const root = tree.family[number];
      const family = root === number ? "" : `, family of ${columns.name[root]}`;
      tip.replaceChildren(element("strong", columns.name[number]),
        element("small", `${columns.id[number]} · ${kind.filter(Boolean).join(", ")}${family}`), list);
      const [x, y] = view.place(number);
      const left = x + 14 + tip.offsetWidth > view.width ? x - 14 - tip.offsetWidth : x + 14;
      tip.style.left = `${Math.max(0, Math.min(left, view.width - tip.offsetWidth))}px`;
      tip.style.top = `${Math.max(0, Math.min(y + 12, view.height - tip.offsetHeight))}px`;
    };
    const point = (x, y, type) => {
      const number = nearest(x, y, NEAR[type] ?? NEAR.mouse);
      light(number < 0 ? view.chosen : number, number >= 0);
    };
    const press = (x, y, type) => {
      if (x === undefined) return view.lit >= 0 ? open(view.lit) : undefined;
      const number = nearest(x, y, NEAR[type] ?? NEAR.mouse);
      // A finger cannot point without pressing: its first tap tells what is there, the second opens it.
      if (number >= 0 && (type !== "touch" || (number === view.lit && view.told))) open(number);
      view.chosen = number;
      return light(number, number >= 0);
    };
    const step = (right, below) => {
      const from = view.lit < 0 ? tree.order[0] : view.lit;
      let next = from;
      if (view.lit >= 0 && right < 0) next = tree.family[from] === from ? from : columns.parent[from];
      if (view.lit >= 0 && right > 0) next = tree.children[from][0] ?? from;
      if (view.lit >= 0 && below) next = tree.order[tree.order.indexOf(from) + below] ?? from;
      const [x, y] = view.place(next);
      const aside = (value, end) => (value < 30 ? 30 - value : value > end - 30 ? end - 30 - value : 0);
      move(aside(x, view.width), aside(y, view.height));
      view.chosen = next;
      light(next);
    };

    for (const one of columns.measures) {
      if (one.values.every((value) => value === null)) continue;
      const choice = element("option", one.title);
      choice.value = one.key;
      colour.append(choice);
    }
    colour.addEventListener("input", recolour);
    across.addEventListener("input", () => { whole(); draw(); });
    for (const button of box.querySelectorAll("[data-zoom]")) {
      const factor = { in: 1.8, out: 1 / 1.8 }[button.dataset.zoom];
      button.addEventListener("click", () => (factor ? zoom(factor, view.width / 2, view.height / 2) : whole()));
    }
    hands(canvas, { move, zoom, point, press, step, whole });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
    for (const [event, printed] of [["beforeprint", true], ["afterprint", false]]) {
      window.addEventListener(event, () => {
        document.documentElement.classList.toggle("printed", printed); // light, whatever the screen is
        light(view.chosen, false);
        recolour();
        now(); // no frame comes before the page is on paper
      });
    }
    window.addEventListener("hashchange", opened);
    opened();
    box.hidden = false;
    new ResizeObserver(resize).observe(canvas.parentElement);
    resize();
    recolour();
  };

  unpack("columns").then(begin);
})();
