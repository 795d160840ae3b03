// Designs on two axes of the reader's choice, the front of those that no other beats, and limits that leave some out.
(() => {
  const { unpack } = window.archloop;
  const form = document.querySelector("[data-pareto]");
  if (!form) return;
  const SVG = "http://www.w3.org/2000/svg";
  const WIDTH = 760, HEIGHT = 400, LEFT = 72, RIGHT = 744, TOP = 14, BOTTOM = 346;

  const readable = (value) => {
    const size = Math.abs(value);
    if (size === 0 || (size >= 1e-3 && size < 1e7)) {
      return value.toLocaleString("en", { maximumSignificantDigits: 4 }).replace("-", "\u2212");
    }
    return value.toExponential(2).replaceAll("-", "\u2212");
  };

  const element = (parent, tag, attributes, words) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (words !== undefined) made.textContent = words;
    parent.append(made);
    return made;
  };

  // Where a value lies: in decades if all are positive and far apart; fitness has a 0, and what lies far below it is cut.
  const axisOf = (values, start, end, fitness) => {
    let low = Math.min(...values), high = Math.max(...values);
    const decades = !fitness && low > 0 && high / low > 30;
    if (fitness) {
      high = Math.max(high, 0);
      low = Math.max(Math.min(low, 0), -Math.max(1, high));
    }
    const map = decades ? Math.log10 : (value) => value;
    let from = map(low), to = map(high);
    const room = (to - from) * 0.05 || Math.abs(to) * 0.1 || 1;
    from -= room;
    to += room;
    const ticks = [];
    if (decades) {
      const factors = to - from > 3 ? [1] : [1, 2, 5];
      for (let power = Math.floor(from); power <= to; power += 1) {
        ticks.push(...factors.map((one) => one * 10 ** power).filter((one) => map(one) >= from && map(one) <= to));
      }
    } else {
      const rough = (to - from) / 5, unit = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 2.5, 5, 10].map((one) => one * unit).find((one) => one >= rough);
      const first = Math.ceil(from / step), count = Math.floor(to / step) - first + 1; // few, even where all are nearly equal
      ticks.push(...Array.from({ length: count }, (_, place) => Number(((first + place) * step).toPrecision(8))));
    }
    const at = (value) => start + (Math.min(Math.max(map(value), from), to) - from) / (to - from) * (end - start);
    return { at, ticks };
  };

  const start = ([trades, { columns, rows }, { anchor }]) => {
    const column = (name) => columns.indexOf(name);
    const [id, name, reference, quadratic] = ["id", "name", "reference", "quadratic"].map(column);
    const designs = rows.map((row, place) => ({ row, anchor: anchor[place] }))
      .filter((one) => one.row[column("fitness")] !== null);
    const axes = new Map(trades.axes.map((one) => [one.key, one]));
    const plane = document.querySelector("#pareto .plane"), told = document.querySelector("#pareto .told");
    const { form: pattern, units, times, claim } = trades.limits;
    const FORM = new RegExp(`^${pattern}$`);

    const limitOf = (text) => {
      const read = FORM.exec(text);
      if (!read || (!(read[4] in units) && read[4] !== times)) {
        throw new Error(`${text} is no limit: write NAME<=VALUE or NAME>=VALUE, such as decode_seconds<=1.1x.`);
      }
      const key = [read[1], claim + read[1]].find((one) => axes.get(one)?.measured);
      if (!key) throw new Error(`${read[1]} is not recorded of these designs.`);
      let bound = Number(read[3]) * (units[read[4]] ?? 1);
      if (Number.isNaN(bound)) throw new Error(`${read[3]} is no number: write a value such as 64kB or 1.1x.`);
      if (read[4] === times) {
        const known = designs.find((one) => one.row[reference])?.row[column(key)];
        if (typeof known !== "number") throw new Error(`The reference has no ${key} that ${read[3]}x could be of.`);
        bound *= known;
      }
      return { at: column(key), below: read[2] === "<=", bound };
    };

    const meets = (one, limits) => limits.every(({ at, below, bound }) => {
      const value = one.row[at];
      return typeof value === "number" && (below ? value <= bound : value >= bound);
    });

    const frontOf = (shown, x, y, across, up) => {
      const better = (axis, a, b) => (axis.better === "higher" ? a - b : b - a);
      const able = shown.filter((one) => !one.row[quadratic]);
      able.sort((a, b) => better(across, b.row[x], a.row[x]) || better(up, b.row[y], a.row[y]));
      let last = null;
      return able.filter(({ row }) => {
        const further = last === null || better(up, row[y], last[y]) > 0;
        const beside = last !== null && row[x] === last[x] && row[y] === last[y]; // equal in both: neither beats the other
        if (further) last = row;
        return further || beside;
      });
    };

    const field = Object.fromEntries(["across", "up", "limits"].map((one) => [one, form.querySelector(`[name=${one}]`)]));
    const draw = () => {
      const across = axes.get(field.across.value), up = axes.get(field.up.value);
      const x = column(across.key), y = column(up.key);
      let limits;
      try {
        limits = field.limits.value.split(",").filter((one) => one.trim()).map(limitOf);
        field.limits.setCustomValidity("");
      } catch (fault) {
        field.limits.setCustomValidity(fault.message);
        told.textContent = fault.message;
        return;
      }
      const known = designs.filter((one) => typeof one.row[x] === "number" && typeof one.row[y] === "number");
      const shown = known.filter((one) => meets(one, limits));
      const front = frontOf(shown, x, y, across, up), members = new Set(front);
      const summary = `${shown.length} of ${designs.length} designs${limits.length ? " meet this" : ""}; `
        + `${front.length} on the front.`
        + (known.length < designs.length ? ` ${designs.length - known.length} lack a number of these axes.` : "");
      told.textContent = summary;
      const svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", `${up.title} against ${across.title}: ${summary}`);
      if (shown.length) {
        const over = axisOf(shown.map((one) => one.row[x]), LEFT, RIGHT, across.key === "fitness");
        const down = axisOf(shown.map((one) => one.row[y]), BOTTOM, TOP, up.key === "fitness");
        for (const tick of down.ticks) {
          const level = down.at(tick);
          element(svg, "line", { x1: LEFT, x2: RIGHT, y1: level, y2: level, class: "rule" });
          element(svg, "text", { x: LEFT - 8, y: level + 4, class: "tick", "text-anchor": "end" }, readable(tick));
        }
        for (const tick of over.ticks) {
          element(svg, "text", { x: over.at(tick), y: BOTTOM + 20, class: "tick", "text-anchor": "middle" }, readable(tick));
        }
        const title = (axis) => `${axis.title}${axis.unit ? ` (${axis.unit})` : ""}, ${axis.better} is better`;
        element(svg, "text", { x: (LEFT + RIGHT) / 2, y: BOTTOM + 42, class: "title", "text-anchor": "middle" }, title(across));
        const turned = `translate(12 ${(TOP + BOTTOM) / 2}) rotate(-90)`;
        element(svg, "text", { transform: turned, class: "title", "text-anchor": "middle" }, title(up));
        if (front.length > 1) {
          const [first, ...rest] = front.map((one) => [over.at(one.row[x]), down.at(one.row[y])]);
          const path = `M${first.join(" ")}${rest.map(([a, b]) => `H${a}V${b}`).join("")}`;
          element(svg, "path", { d: path, class: "front" });
        }
        for (const one of [...shown].sort((a, b) => members.has(a) - members.has(b) || a.row[reference] - b.row[reference])) {
          const link = element(svg, "a", { href: `#${one.anchor}` });
          const place = [over.at(one.row[x]), down.at(one.row[y])];
          const kind = one.row[reference] ? "point ref" : members.has(one) ? "point best-of" : "point";
          if (one.row[reference]) {
            element(link, "path", { d: `M${place[0]} ${place[1] - 7}l7 7l-7 7l-7 -7z`, class: kind });
          } else if (one.row[quadratic]) {
            element(link, "rect", { x: place[0] - 4, y: place[1] - 4, width: 8, height: 8, class: "point square" });
          } else {
            element(link, "circle", { cx: place[0], cy: place[1], r: members.has(one) ? 5 : 3.6, class: kind });
          }
          const words = `${one.row[name]} (${one.row[id]}): ${across.title} ${readable(one.row[x])}, ${up.title} ${readable(one.row[y])}`;
          element(link, "title", {}, words);
        }
        const say = (event) => {
          const words = event.target.closest("a")?.querySelector("title");
          if (words) told.textContent = words.textContent;
        };
        svg.addEventListener("pointerover", say);
        svg.addEventListener("focusin", say);
        svg.addEventListener("pointerleave", () => { told.textContent = summary; });
      }
      plane.replaceChildren(svg);
    };
    form.addEventListener("change", draw);
    field.limits.addEventListener("input", draw);
    draw();
  };
  Promise.all(["trade-offs", "table-designs", "columns"].map(unpack)).then(start);
})();
