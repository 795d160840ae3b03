// Colours of the tree: gains diverge from the grey of the reference, amounts go from pale to full. Both are told apart
// without telling red from green, and follow the page's theme.
(() => {
  const STEPS = 48;
  const QUIETER = 0.6; // small differences near the reference are what readers look for

  const channels = (hex) => [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  const mixed = (from, to, share) => {
    const [a, b] = [channels(from), channels(to)];
    return `rgb(${a.map((channel, place) => Math.round(channel + (b[place] - channel) * share)).join(" ")})`;
  };

  const palette = () => {
    const style = getComputedStyle(document.documentElement);
    const names = ["paper", "sheet", "ink", "soft", "rule", "faint", "quiet", "worse", "level", "better", "few", "many"];
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  };

  const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];

  // Beyond `low` and `high` a colour stays the same, so that a few extremes do not take all the others' apart.
  const scale = (measure, colours) => {
    const known = measure.values.filter((value) => value !== null).sort((a, b) => a - b);
    let [low, high] = known.length ? [quantile(known, 0.02), quantile(known, 0.98)] : [0, 1];
    if (measure.centred) {
      high = Math.max(1e-9, quantile(known.map(Math.abs).sort((a, b) => a - b), 0.95) ?? 1);
      low = -high;
    }
    const at = (share) => {
      if (!measure.centred) return mixed(colours.few, colours.many, share);
      const aside = 2 * share - 1;
      return mixed(colours.level, aside > 0 ? colours.better : colours.worse, Math.abs(aside) ** QUIETER);
    };
    const steps = Array.from({ length: STEPS + 1 }, (_, step) => at(step / STEPS));
    const share = (value) => (high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0.5);
    return { low, high, steps, of: (value) => (value === null ? null : steps[Math.round(share(value) * STEPS)]) };
  };

  Object.assign(window.archloop, { palette, scale });
})();
