// The section of a design is unpacked and shown when its address is: by a link, a deep link, or going back.
(() => {
  const { unpack, parsed, element } = window.archloop;
  const place = document.querySelector("[data-opened]");
  if (!place) return;
  let asked = 0;

  const neighbours = (columns, number) => {
    const at = columns.ranking.indexOf(number);
    const pager = element("p", "", "pager");
    for (const [step, sign] of [[-1, "←"], [1, "→"]]) {
      const next = at < 0 ? undefined : columns.ranking[at + step];
      if (next === undefined) continue;
      const link = element("a", step < 0 ? `${sign} ${columns.name[next]}` : `${columns.name[next]} ${sign}`);
      link.href = `#${columns.anchor[next]}`;
      link.rel = step < 0 ? "prev" : "next";
      pager.append(link);
    }
    return pager;
  };

  const show = async () => {
    const anchor = location.hash.slice(1);
    const mine = ++asked;
    const columns = await unpack("columns");
    const within = columns.inside[anchor];
    const number = within === undefined ? columns.anchor.indexOf(anchor) : within;
    if (number < 0) return;
    if (place.dataset.opened !== columns.anchor[number]) {
      const chunk = await unpack(`designs-${Math.floor(number / columns.chunk)}`);
      if (mine !== asked) return; // another one was asked for in between
      place.replaceChildren(neighbours(columns, number), parsed(chunk[columns.anchor[number]]));
      place.dataset.opened = columns.anchor[number];
    }
    for (const one of place.querySelectorAll(".sought")) one.classList.remove("sought");
    const target = document.getElementById(anchor);
    target.classList.add("sought");
    const heading = place.querySelector("h3");
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    (within === undefined ? place : target).scrollIntoView({ behavior: "instant", block: within === undefined ? "start" : "center" });
  };

  window.addEventListener("hashchange", show);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#']"); // the address does not change where it is the same one
    if (link && link.hash && link.hash === location.hash) show();
  });
  if (location.hash) show();
})();
