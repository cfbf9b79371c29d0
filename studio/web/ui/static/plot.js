/* The values of a chart under the pointer. */
(() => {
  let shown = null;
  const put = () => { if (shown) shown.classList.remove('pointed'); shown = null; };
  document.addEventListener('pointermove', (event) => {
    const area = event.target.closest?.('.af-plot .area');
    if (!area) { put(); return; }
    const tips = area.tips ??= JSON.parse(area.dataset.tips || '[]');
    if (!tips.length) return;
    const box = area.getBoundingClientRect();
    const at = 100 * (event.clientX - box.left) / box.width;
    const [left, text] = tips.reduce((best, tip) => (Math.abs(tip[0] - at) < Math.abs(best[0] - at) ? tip : best));
    if (shown !== area) put();
    shown = area;
    const tip = area.querySelector('.tip');
    const rule = area.querySelector('.rule');
    if (tip.textContent !== text) tip.textContent = text;
    tip.style.left = rule.style.left = `${left}%`;
    tip.classList.toggle('left', left > 60);
    area.classList.add('pointed');
  }, { passive: true });
})();
