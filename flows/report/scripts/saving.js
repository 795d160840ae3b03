// Saving what the page carries: tables as CSV, drawings as PNG, without any other file.
(() => {
  const { unpack } = window.archloop;
  const FORMULA = /^[=+\-@\t\r]/; // a spreadsheet would run a text that begins so
  const cell = (value) => {
    if (typeof value !== "string") return value ?? "";
    const plain = FORMULA.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  };
  const save = (name, blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  };
  const saveTable = async (name) => {
    const { columns, rows } = await unpack(`table-${name}`);
    const lines = [columns, ...rows].map((row) => row.map(cell).join(","));
    save(`${document.body.dataset.campaign}-${name}.csv`, new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
  };

  // A drawing has its colours from the page's style: on its own it needs them in itself.
  const OF_STYLE = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap",
    "stroke-linejoin", "paint-order", "opacity", "font-family", "font-size", "font-weight", "display"];
  const alone = (svg) => {
    const copy = svg.cloneNode(true);
    const originals = svg.querySelectorAll("*");
    copy.querySelectorAll("*").forEach((part, place) => {
      const style = getComputedStyle(originals[place]);
      for (const name of OF_STYLE) part.setAttribute(name, style.getPropertyValue(name));
      part.removeAttribute("class");
    });
    const { width, height } = svg.viewBox.baseVal;
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    return { width, height, text: new XMLSerializer().serializeToString(copy) };
  };
  const SCALE = 2;
  const MOST = 16000; // pixels of a side that browsers still draw
  const savePicture = async (name, group) => {
    const drawn = [...group.querySelectorAll("svg")].filter((svg) => svg.getClientRects().length).map(alone);
    if (!drawn.length) return;
    const width = Math.max(...drawn.map((one) => one.width));
    const height = drawn.reduce((sum, one) => sum + one.height, 0);
    const scale = Math.min(SCALE, MOST / Math.max(width, height));
    const canvas = document.createElement("canvas");
    canvas.width = width * scale;
    canvas.height = height * scale;
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(document.body).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.scale(scale, scale);
    let top = 0;
    for (const one of drawn) {
      const image = new Image();
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(one.text)}`;
      await image.decode();
      context.drawImage(image, 0, top, one.width, one.height);
      top += one.height;
    }
    canvas.toBlob((blob) => save(`${document.body.dataset.campaign}-${name}.png`, blob), "image/png");
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-csv], button[data-png]");
    if (!button) return;
    if (button.dataset.csv) saveTable(button.dataset.csv);
    else {
      let figure = button.closest(".data").previousElementSibling;
      while (figure && !figure.matches("[data-figure]")) figure = figure.previousElementSibling;
      if (figure) savePicture(button.dataset.png, figure);
    }
  });
})();
