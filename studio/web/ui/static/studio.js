/* The little that runs in the browser: the address, confirmations, copying. Everything else is rendered by Python. */
(() => {
  const language = '__LANGUAGE__';
  // Gradio chooses its own texts by the browser; here the address decides.
  Object.defineProperty(navigator, 'language', { get: () => language });
  Object.defineProperty(navigator, 'languages', { get: () => [language] });
  document.documentElement.lang = language;
  document.cookie = `afina_language=${language.slice(0, 2)}; path=/; max-age=31536000; samesite=lax`;

  const query = () => location.search.replace(/^\?/, '');
  let go = () => {};
  const REPEATED_WITHIN = 500; // milliseconds
  const REPEATABLE = ['undo', 'redo', 'up', 'down', 'tick', 'sheet'];

  // A click is answered at once, by the step it leads to; the page follows.
  const leave = (link) => {
    document.documentElement.classList.add('af-going');
    const steps = link.closest('.af-steps');
    if (!steps) return;
    steps.querySelectorAll('[aria-current]').forEach((step) => step.removeAttribute('aria-current'));
    link.setAttribute('aria-current', 'step');
  };
  const arrive = () => document.documentElement.classList.remove('af-going');

  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-nav]');
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    if (link.search.slice(1) !== query()) history.pushState(null, '', link.href);
    leave(link);
    go();
    window.scrollTo({ top: 0 });
  });
  window.addEventListener('popstate', () => go());

  document.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-copy], [data-copy-path]');
    if (!button) return;
    const path = button.dataset.copyPath;
    const text = path ? new URL(path, document.baseURI).href : button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = Object.assign(document.createElement('textarea'), { value: text });
      document.body.append(area);
      area.select();
      document.execCommand('copy');
      area.remove();
    }
    const before = button.textContent;
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = before; }, 1500);
  });

  // Asks in a dialog of the page. Resolves to the text written, to true, or to null when it was put away.
  const ask = (data) => new Promise((resolve) => {
    const dialog = document.createElement('dialog');
    dialog.className = 'af-dialog';
    const form = document.createElement('form');
    form.method = 'dialog';
    const title = document.createElement('h2');
    title.textContent = data.ask;
    form.append(title);
    if (data.detail) {
      const detail = document.createElement('p');
      detail.append(...data.detail.split('\n').map((line) => {
        const item = document.createElement('span');
        item.textContent = line;
        item.className = line.startsWith('·') ? 'af-item' : '';
        return item;
      }));
      form.append(detail);
    }
    if (data.link) {
      const link = Object.assign(document.createElement('a'), { href: data.link, target: '_blank', rel: 'noreferrer' });
      link.textContent = data.link;
      form.append(link);
    }
    let input = null;
    if (data.input !== undefined) {
      input = Object.assign(document.createElement('input'), { id: 'dialog-input', value: data.input, maxLength: 80, required: true });
      input.setAttribute('aria-label', data.ask);
      form.append(input);
    }
    const row = document.createElement('div');
    row.className = 'af-row af-end';
    const no = Object.assign(document.createElement('button'), { type: 'button', id: 'dialog-no', className: 'af-button' });
    no.textContent = data.no;
    no.onclick = () => dialog.close('');
    const kind = data.danger ? 'af-button danger' : 'af-button primary';
    const yes = Object.assign(document.createElement('button'), { type: 'submit', id: 'dialog-yes', className: kind, value: 'yes' });
    yes.textContent = data.yes;
    row.append(no, yes);
    form.append(row);
    dialog.append(form);
    dialog.addEventListener('close', () => {
      resolve(dialog.returnValue === 'yes' ? (input ? input.value.trim() : true) : null);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
    if (input) input.select();
  });

  window.afina = {
    ask,
    again: () => go(),
    // The address and the value of the `place` component follow each other. A value that begins with '>' asks to go, one
    // that begins with '=' to render anew (never twice the same, or the second would not be seen); the others say what is
    // shown, and behind '#' which question they answer. One question is asked at a time: the answer to an older one must
    // not take a person back who has gone on.
    place(props, trigger, watch) {
      let turn = 0;
      let busy = false;
      let late = 0;
      let lost = 0;
      let moved = false; // since the question was asked
      let shown = ''; // project and step that were answered last
      const where = () => { const said = new URLSearchParams(query()); return `${said.get('project')} ${said.get('step')}`; };
      const title = document.title;
      go = () => {
        if (busy) { moved = true; return; }
        busy = true;
        turn += 1;
        late = setTimeout(() => { busy = false; lost += 1; if (lost < 3) go(); }, 15000); // the answer got lost
        trigger('navigate', { query: query(), turn, again: where() === shown ? 0 : lost });
      };
      watch('value', () => {
        const [wanted, answered] = (props.value || '').split('#');
        if (wanted.startsWith('>')) {
          if (wanted.slice(1) !== query()) {
            history.pushState(null, '', `./?${wanted.slice(1)}`);
            window.scrollTo({ top: 0 });
          }
          go();
        } else if (wanted.startsWith('=')) {
          go();
        } else if (answered === undefined) {
          if (wanted !== query()) history.replaceState(null, '', `./?${wanted}`);
        } else if (Number(answered) === turn) {
          clearTimeout(late);
          busy = false;
          lost = 0;
          if (!moved) shown = where();
          if (!moved) { arrive(); document.title = window.afina.title ?? title; }
          if (moved) { moved = false; go(); } else if (wanted !== query()) history.replaceState(null, '', wanted ? `./?${wanted}` : './');
        }
      });
      go();
    },
    // Clicks on [data-action] inside `element` become an event with the element's data.
    // What a person opened stays open when the element is rendered anew.
    actions(element, trigger, watch) {
      const opened = new Set();
      const asked = new Set(); // opened parts whose contents are on their way
      let last = '';
      let lastAt = 0;
      // A double click, or a key that is held down, asks for one thing.
      const isRepeated = (data) => {
        const wanted = JSON.stringify(data);
        const is = wanted === last && Date.now() - lastAt < REPEATED_WITHIN && !REPEATABLE.includes(data.action);
        last = wanted;
        lastAt = Date.now();
        return is;
      };
      const address = () => element.querySelectorAll('[data-address]').forEach((place) => {
        place.textContent = new URL(place.dataset.address, document.baseURI).href;
      });
      address();
      element.addEventListener('click', (event) => {
        const box = event.target.closest('summary')?.parentElement;
        if (box?.id) opened[box.open ? 'delete' : 'add'](box.id);
      });
      watch('value', () => {
        address();
        // A box that was ticked may stand for another thing now, or for what the server refused.
        element.querySelectorAll('input[data-action]').forEach((box) => { box.checked = box.defaultChecked; });
        opened.forEach((id) => {
          const box = document.getElementById(id);
          if (!box) { asked.delete(id); return; }
          box.open = true;
          const summary = box.querySelector('summary[data-action]');
          if (!summary || !box.querySelector('[data-loading]')) { asked.delete(id); return; }
          if (asked.has(id)) return;
          asked.add(id);
          trigger('action', { ...summary.dataset }); // it was made anew, empty
        });
      });
      element.addEventListener('click', async (event) => {
        const button = event.target.closest('[data-action]');
        if (!button || !element.contains(button) || button.disabled) return;
        const data = { ...button.dataset };
        if (!data.ask && isRepeated(data)) return;
        if (data.ask) {
          const answer = await ask(data);
          if (answer === null) return;
          data.text = answer === true ? '' : answer;
        }
        trigger('action', data);
      });
    },
  };
})();
