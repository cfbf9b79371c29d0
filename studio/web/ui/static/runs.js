/* What every page knows of the runs on their way: the tab says how far they are, and that they have ended. */
(() => {
  const { afina } = window;
  const SHOWN = 5000;
  const HIDDEN = 15000; // milliseconds between two looks
  const may = () => document.documentElement.classList.toggle(
    'af-may-notify', 'Notification' in window && window.isSecureContext && Notification.permission === 'default');

  document.addEventListener('click', async (event) => {
    if (!event.target.closest('[data-notify]')) return;
    await Notification.requestPermission();
    may();
  });
  may();

  const tell = (run) => {
    if (!('Notification' in window) || Notification.permission !== 'granted') return;
    try {
      const note = new Notification(run.title, { body: run.sentence, tag: run.id });
      note.onclick = () => { window.focus(); location.assign(run.href); };
    } catch { /* phones show notifications of installed pages only; the tab's title says it */ }
  };

  // The header is made anew at every step; the runs that go on are written into it.
  afina.runs = (element, watch, server) => {
    const own = document.title;
    let going = new Set();
    let told = '';
    let timer = 0;

    const again = () => {
      clearTimeout(timer);
      if (going.size && element.isConnected) timer = setTimeout(look, document.hidden ? HIDDEN : SHOWN);
    };
    const look = async () => {
      try {
        const answer = await server.standing({ seen: [...going] });
        going = new Set(answer.going);
        answer.ended.forEach(tell);
        const ended = answer.ended.at(-1);
        afina.title = answer.title || (ended ? ended.title : undefined);
        document.title = afina.title ?? own;
        const changed = told !== '' && told !== answer.title;
        told = answer.title;
        if (!document.hidden && !location.search && (changed || ended)) afina.again(); // home shows where they stand
      } catch { /* the server is away; the next look finds it */ }
      again();
    };
    const begin = () => {
      const found = JSON.parse(element.querySelector('[data-going]')?.dataset.going || '[]');
      if (!found.length && !going.size) afina.title = undefined; // what had ended was seen
      found.forEach((id) => going.add(id));
      again();
    };
    document.addEventListener('visibilitychange', () => { if (!document.hidden && going.size) look(); });
    watch('value', begin);
    begin();
  };
})();
