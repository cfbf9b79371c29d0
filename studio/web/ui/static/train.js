/* The train screen: asks for what changed while somebody looks, and puts in only that. */
(() => {
  const { afina } = window;
  const query = () => location.search.replace(/^\?/, '');

  // A button that has the focus has it again after its list was made anew, or the one that took its place.
  afina.kept = (element, trigger, watch) => {
    let last = null;
    const named = (target) => ({ ...target.closest('[data-action]')?.dataset });
    element.addEventListener('focusin', (event) => { last = named(event.target); });
    document.addEventListener('focusin', (event) => { if (!element.contains(event.target)) last = null; });
    document.addEventListener('pointerdown', (event) => { if (!element.contains(event.target)) last = null; });
    afina.actions(element, trigger, watch);
    const restore = () => {
      const active = document.activeElement;
      const elsewhere = element.contains(active) && named(active).id !== last?.id; // its node shows another one now
      if (!last?.id || (active !== document.body && !elsewhere)) return;
      const same = [...element.querySelectorAll('[data-action]')].filter((one) => one.dataset.id === last.id && !one.disabled);
      (same.find((one) => one.dataset.action === last.action) ?? same[0])?.focus({ preventScroll: true });
    };
    watch('value', () => setTimeout(restore));
  };

  const put = (name, html) => {
    for (const place of document.querySelectorAll(`[data-part="${CSS.escape(name)}"]`)) {
      if (place.shown !== html) {
        place.shown = html;
        place.innerHTML = html;
      }
    }
  };

  afina.live = (element, trigger, watch, server) => {
    let root = null;
    let keys = {};
    let timer = 0;
    let asking = false;
    let failures = 0;

    const look = async () => {
      if (asking || document.hidden || !element.isConnected) return;
      const found = element.querySelector('#train-run');
      if (!found) return;
      if (found !== root) {
        root = found;
        keys = JSON.parse(root.dataset.keys);
      }
      asking = true;
      let wait = 3000;
      try {
        const answer = await server.read({ query: query(), keys, shape: root.dataset.shape });
        failures = 0;
        wait = answer.wait;
        if (root === element.querySelector('#train-run')) {
          if (answer.moved) window.afina.again();
          else show(answer);
        }
      } catch {
        failures += 1;
      }
      asking = false;
      const offline = element.querySelector('#train-offline');
      if (offline) offline.hidden = failures < 2;
      again(wait);
    };
    const show = (answer) => {
      keys = answer.keys;
      element.querySelector('#train-live')?.setAttribute('data-state', answer.state);
      Object.entries(answer.parts).forEach(([name, html]) => put(name, html));
    };
    const again = (wait) => {
      clearTimeout(timer);
      if (wait && element.isConnected) timer = setTimeout(look, wait);
    };
    const begin = () => again(Number(element.querySelector('#train-run')?.dataset.wait ?? 0));
    const seen = () => {
      if (!element.isConnected) document.removeEventListener('visibilitychange', seen);
      else if (!document.hidden) begin();
    };

    // Whoever points at the form, or comes to it by the keyboard, may be about to start.
    let prepared = 0;
    const intend = (event) => {
      if (!event.target.closest?.('#train-setup') || Date.now() - prepared < 60000) return;
      prepared = Date.now();
      server.prepare({ query: query() }).catch(() => {});
    };
    document.addEventListener('pointerover', intend);
    document.addEventListener('focusin', intend);

    afina.actions(element, trigger, watch);
    document.addEventListener('visibilitychange', seen);
    watch('value', begin);
    begin();
  };
})();
