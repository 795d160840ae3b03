// What is packed in the page: deflated JSON in base64, in inert elements. Each is unpacked once, when it is asked for.
window.archloop = (() => {
  const kept = new Map();
  const inflate = async (text) => {
    const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  };
  const unpack = (name) => {
    if (!kept.has(name)) {
      const element = document.querySelector(`script[data-packed="${name}"]`);
      kept.set(name, element ? inflate(element.textContent) : Promise.resolve(null));
    }
    return kept.get(name);
  };
  // Markup that the autoescaping templates wrote. Nothing else is ever parsed: what scripts add is text.
  const parsed = (markup) => {
    const template = document.createElement("template");
    template.innerHTML = markup;
    return template.content;
  };
  const element = (tag, text = "", names = "") => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (names) made.className = names;
    return made;
  };
  const measured = (columns, key) => columns.measures.find((one) => one.key === key);
  const written = (value, measure, roughly = false) => {
    if (value === null || value === undefined) return "–";
    const places = { minimumFractionDigits: measure.places, maximumFractionDigits: measure.places };
    const text = value.toLocaleString("en", {
      ...(roughly ? { maximumSignificantDigits: measure.centred ? 2 : 4 } : places), signDisplay: measure.centred ? "exceptZero" : "auto",
    });
    return text.replace("-", "−");
  };
  return { unpack, parsed, element, measured, written };
})();
