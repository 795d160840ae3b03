// Where each design of the tree stands: a row for every design without children, families one below the other.
(() => {
  const GAP = 1; // rows between families

  window.archloop.layout = (columns) => {
    const { order, parent } = columns;
    const size = parent.length;
    const children = Array.from({ length: size }, () => []);
    const family = new Array(size).fill(-1);
    const depth = new Array(size).fill(0);
    const down = new Float64Array(size);
    const bands = []; // {root, from, to} in rows
    let rows = 0;
    for (const number of order) { // those above come first
      const above = parent[number] === number ? -1 : parent[number];
      if (above >= 0) children[above].push(number);
      family[number] = above >= 0 ? family[above] : number;
      depth[number] = above >= 0 ? depth[above] + 1 : 0;
    }
    for (const number of order) {
      if (family[number] === number) {
        if (bands.length) rows += GAP;
        bands.push({ root: number, from: rows, to: rows });
      }
      if (!children[number].length) down[number] = rows++ + 0.5;
      bands.at(-1).to = rows;
    }
    for (const number of [...order].reverse()) {
      const below = children[number];
      if (below.length) down[number] = (down[below[0]] + down[below.at(-1)]) / 2;
    }
    const cycles = window.archloop.measured(columns, "cycle").values;
    const across = { cycle: new Float64Array(size), depth: Float64Array.from(depth) };
    for (const number of order) {
      const above = family[number] === number ? -1 : parent[number];
      across.cycle[number] = above < 0 ? 0 : Math.max(cycles[number] ?? 0, across.cycle[above] + 0.5);
    }
    const widest = (places) => order.reduce((most, number) => Math.max(most, places[number]), 1);
    const span = { cycle: widest(across.cycle), depth: widest(across.depth) };
    return { order, children, family, depth, down, rows: Math.max(rows, 1), bands, across, span };
  };
})();
