// The tree on its canvas, as much of it as is in view.
(() => {
  const NAMED = 12; // pixels a row has to be high for names to be written
  const [SIGNS, FEWER] = [40, 18]; // of a name; of a family's beside its band, and of those on a narrow page
  const shortened = (name, most = SIGNS) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);

  const mark = (pen, columns, number, x, y, size, colour, colours) => {
    const sign = columns.mark[number];
    pen.beginPath();
    if (sign.startsWith("failed")) {
      const arm = size * 0.8;
      pen.moveTo(x - arm, y - arm);
      pen.lineTo(x + arm, y + arm);
      pen.moveTo(x + arm, y - arm);
      pen.lineTo(x - arm, y + arm);
      pen.lineWidth = Math.max(1, size / 3);
      pen.strokeStyle = colour ?? colours.quiet;
      pen.stroke();
      return;
    }
    if (sign === "quadratic") pen.rect(x - size, y - size, 2 * size, 2 * size);
    else pen.arc(x, y, size, 0, 7);
    if (sign) { // quadratic, unfinished, or without a score
      pen.fillStyle = colours.paper;
      pen.fill();
      pen.lineWidth = 1.6;
      pen.strokeStyle = colour ?? colours.soft;
      pen.stroke();
      return;
    }
    pen.fillStyle = colour ?? colours.quiet;
    pen.fill();
    if (number === columns.reference) {
      pen.lineWidth = 1.8;
      pen.strokeStyle = colours.ink;
      pen.stroke();
    }
  };

  const edge = (pen, view, parent, number) => {
    const [x, y] = view.place(number);
    const [left, top] = view.place(parent);
    if ((y < -9 && top < -9) || (y > view.height + 9 && top > view.height + 9) || x < 0 || left > view.width) return;
    pen.moveTo(left, top);
    pen.lineTo(left, y);
    pen.lineTo(x, y);
  };

  const words = (pen, text, x, y, colours) => {
    pen.lineWidth = 3;
    pen.strokeStyle = colours.paper;
    pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  };

  // Names of designs, the one that is pointed at first, each only where there is room for it.
  const names = (pen, view, columns, layout, colours, seen) => {
    pen.font = `11.5px ${view.font}`;
    const taken = [];
    const lit = seen.filter(([number]) => number === view.lit);
    for (const [number, x, y] of [...lit, ...[...seen].reverse()]) {
      const inner = layout.children[number].length > 0;
      if (view.roomy() && layout.family[number] === number) continue; // its band has its name
      const name = shortened(columns.name[number], view.roomy() ? SIGNS : FEWER);
      const wide = pen.measureText(name).width;
      const [left, base] = inner ? [Math.max(4, x - 5 - wide), y - 6] : [x + 9, y + 4];
      if (taken.some(([from, to, line]) => left < to && left + wide > from && Math.abs(line - base) < NAMED - 1)) continue;
      taken.push([left, left + wide, base]);
      pen.fillStyle = columns.mark[number].startsWith("failed") ? colours.soft : colours.ink;
      pen.textAlign = "left";
      words(pen, name, left, base, colours);
    }
  };

  const bands = (pen, view, columns, layout, colours) => {
    for (const [place, band] of layout.bands.entries()) {
      const top = view.down(band.from - 0.25);
      const end = view.down(band.to + 0.25);
      if (end < 0 || top > view.height) continue;
      if (place % 2 === 0) {
        pen.fillStyle = colours.sheet;
        pen.fillRect(0, top, view.width, end - top);
      }
    }
  };

  // The name of a family stays in view as long as some of it is. A narrow page has it at the root, like other names.
  const families = (pen, view, columns, layout, colours) => {
    pen.textAlign = "left";
    pen.font = `600 11px ${view.font}`;
    pen.fillStyle = colours.soft;
    const named = view.rowHeight() >= NAMED;
    if (named && !view.roomy()) return;
    for (const band of layout.bands) {
      const [top, end] = [view.down(band.from), view.down(band.to)];
      if (end - top < NAMED - 1 || end < 0 || top > view.height) continue;
      const wanted = named ? view.place(band.root)[1] + 4 : top + 9;
      const base = Math.min(Math.max(wanted, 11), view.height - 4, end - 3);
      words(pen, shortened(columns.name[band.root], FEWER), 8, Math.max(base, top + 9), colours);
    }
  };

  window.archloop.paint = (canvas, view, columns, layout, scale, values, colours) => {
    const pen = canvas.getContext("2d", { alpha: false });
    const sharp = window.devicePixelRatio || 1;
    const [wide, high] = [Math.round(view.width * sharp), Math.round(view.height * sharp)];
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.fillStyle = colours.paper;
    pen.fillRect(0, 0, view.width, view.height);
    bands(pen, view, columns, layout, colours);
    const linked = (number) => layout.family[number] !== number;
    const row = view.rowHeight();
    pen.lineWidth = row < 2 ? 0.5 : 1;
    pen.strokeStyle = colours.faint;
    pen.beginPath();
    for (const number of layout.order) if (linked(number)) edge(pen, view, columns.parent[number], number);
    pen.stroke();
    if (view.lit >= 0) {
      pen.lineWidth = 1.8;
      pen.strokeStyle = colours.ink;
      pen.beginPath();
      for (let at = view.lit; linked(at); at = columns.parent[at]) edge(pen, view, columns.parent[at], at);
      for (const child of layout.children[view.lit]) edge(pen, view, view.lit, child);
      pen.stroke();
    }
    const size = Math.min(5, Math.max(1.9, 1.5 + row / 5));
    const seen = [];
    for (const number of view.above) {
      const [x, y] = view.place(number);
      if (x < -9 || x > view.width + 9 || y < -9 || y > view.height + 9) continue;
      const larger = columns.kind[number] === "baseline" ? 1.2 : number === view.lit ? 1.4 : 1;
      mark(pen, columns, number, x, y, size * larger, scale.of(values[number]), colours);
      seen.push([number, x, y]);
    }
    if (row >= NAMED) names(pen, view, columns, layout, colours, seen);
    families(pen, view, columns, layout, colours);
  };
})();
