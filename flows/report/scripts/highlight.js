// Pointing at a curve or at its name brings that design forward in all plots.
for (const group of document.querySelectorAll("[data-linked]")) {
  const parts = [...group.querySelectorAll("[data-design]")];
  const show = (design) => {
    group.classList.toggle("pointed", Boolean(design));
    for (const part of parts) part.classList.toggle("lit", part.dataset.design === design);
  };
  const pointed = (event) => show(event.target.closest("[data-design]")?.dataset.design);
  group.addEventListener("pointerover", pointed);
  group.addEventListener("focusin", pointed);
  group.addEventListener("pointerleave", () => show());
}
