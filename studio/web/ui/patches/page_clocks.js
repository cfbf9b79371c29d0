/* Gradio counts the seconds of an event sixty times a second, and where a part leaves the page meanwhile it never stops.
   Each frame takes the cores from a run; once a second is often enough for a clock. Its modules keep the function that
   they find at first, so this has to come before them. */
(() => {
  const frame = window.requestAnimationFrame.bind(window);
  const isClock = (callback) => /performance\.now\(\)\s*-[^]*\/\s*(1e3|1000)/.test(callback.toString());
  window.requestAnimationFrame = (callback) => (isClock(callback) ? setTimeout(frame, 1000, callback) : frame(callback));
})();
