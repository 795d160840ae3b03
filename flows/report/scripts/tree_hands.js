// Mouse, pen, fingers and keys on the tree, told to it as moves, zooms, pointing and pressing.
(() => {
  const STILL = 5; // pixels that a press may wander
  const LINE = 16; // pixels of a wheel that counts in lines

  window.archloop.hands = (canvas, { move, zoom, point, press, step, whole }) => {
    const down = new Map(); // pointer -> where it is
    let start = null;
    let wandered = false;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const spread = () => {
      const [[a, b], [c, d]] = [...down.values()];
      return [Math.hypot(a - c, b - d) || 1, (a + c) / 2, (b + d) / 2];
    };

    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      down.set(event.pointerId, at(event));
      if (down.size === 1) [start, wandered] = [at(event), false];
      else wandered = true;
    });
    canvas.addEventListener("pointermove", (event) => {
      const now = at(event);
      if (!down.has(event.pointerId)) return point(...now, event.pointerType);
      const before = down.get(event.pointerId);
      if (down.size === 2) {
        const [apart, x, y] = spread();
        down.set(event.pointerId, now);
        const [further, right, below] = spread();
        zoom(further / apart, x, y);
        move(right - x, below - y);
      } else {
        if (Math.hypot(now[0] - start[0], now[1] - start[1]) > STILL) wandered = true;
        down.set(event.pointerId, now);
        if (wandered) move(now[0] - before[0], now[1] - before[1]);
      }
    });
    canvas.addEventListener("pointerup", (event) => {
      down.delete(event.pointerId);
      if (!wandered && event.button === 0) press(...at(event), event.pointerType);
    });
    canvas.addEventListener("pointercancel", (event) => {
      down.delete(event.pointerId);
      wandered = true;
    });
    canvas.addEventListener("pointerleave", (event) => { // a finger leaves whenever it is lifted
      if (!down.size && event.pointerType === "mouse") point(-99, -99);
    });
    canvas.addEventListener("wheel", (event) => {
      if (document.activeElement !== canvas && !event.ctrlKey && !event.metaKey) return; // the page scrolls
      event.preventDefault();
      const amount = event.deltaY * (event.deltaMode ? LINE : 1);
      zoom(Math.exp(-Math.max(-120, Math.min(120, amount)) / 240), ...at(event));
    }, { passive: false });

    const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const middle = [canvas.clientWidth / 2, canvas.clientHeight / 2];
      if (event.key in ARROWS && event.shiftKey) move(...ARROWS[event.key].map((one) => -60 * one));
      else if (event.key in ARROWS) step(...ARROWS[event.key]);
      else if (event.key === "+" || event.key === "=") zoom(1.5, ...middle);
      else if (event.key === "-") zoom(1 / 1.5, ...middle);
      else if (event.key === "0") whole();
      else if (event.key === "Enter") press();
      else return;
      event.preventDefault();
    });
  };
})();
