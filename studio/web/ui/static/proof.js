/* The Proof screen: looks how far the exam is while somebody looks, and votes by the keys. */
(() => {
  const { afina } = window;
  const query = () => location.search.replace(/^\?/, '');

  afina.exam = (element, trigger, watch, server) => {
    let timer = 0;
    let failures = 0;
    const card = () => element.querySelector('#proof-exam');
    const again = (wait) => {
      clearTimeout(timer);
      if (wait && element.isConnected) timer = setTimeout(look, wait);
    };
    const look = async () => {
      const found = card();
      if (document.hidden || !found) return;
      let wait = 3000;
      try {
        const answer = await server.read({ query: query() });
        failures = 0;
        wait = answer.wait;
        if (found === card()) {
          if (answer.state !== found.dataset.state) { window.afina.again(); return; }
          found.querySelector('[data-part=exam]').innerHTML = answer.html;
        }
      } catch {
        failures += 1;
      }
      const offline = card()?.querySelector('[data-offline]');
      if (offline) offline.hidden = failures < 2;
      again(wait);
    };
    const begin = () => again(Number(card()?.dataset.wait ?? 0));
    const seen = () => {
      if (!element.isConnected) document.removeEventListener('visibilitychange', seen);
      else if (!document.hidden) begin();
    };
    afina.actions(element, trigger, watch);
    document.addEventListener('visibilitychange', seen);
    watch('value', begin);
    begin();
  };

  // A key is a click on the button that bears it; what was pressed is answered by a new ballot, so it counts once.
  afina.ballot = (element, trigger, watch) => {
    const press = (event) => {
      if (!element.isConnected) { document.removeEventListener('keydown', press); return; }
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (event.target.closest?.('input, textarea, select, dialog, [contenteditable]') || !element.offsetParent) return;
      const key = event.key.toLowerCase() === 't' ? '3' : event.key;
      const button = [...element.querySelectorAll('[data-key]')].find((one) => one.dataset.key === key && !one.disabled);
      if (!button) return;
      event.preventDefault();
      button.click();
    };
    document.addEventListener('keydown', press);
    element.addEventListener('click', (event) => {
      if (!event.target.closest('[data-action]')) return;
      const pressed = [...element.querySelectorAll('[data-action]')];
      setTimeout(() => pressed.forEach((one) => { one.disabled = true; }));
      setTimeout(() => pressed.forEach((one) => { one.disabled = false; }), 3000); // where no new ballot came
    });
    afina.actions(element, trigger, watch);
  };
})();
