/* The table of examples: what is typed stays here, across pages and visits, until it is saved or thrown away. */
(() => {
  const page = () => document.getElementById('page-examples');
  let pending = () => 0; // how many changes are not saved yet
  let saveThen = () => {};

  const ANSWER_WITHIN = 120000; // milliseconds; a save whose answer is lost may then be tried again

  window.afina.table = (element, trigger, watch) => {
    window.afina.actions(element, trigger, watch);
    let project = '';
    let kept = null;
    let looked = '';
    let after = null;
    let focus = null;

    let sent = null; // the changes that are on their way to be saved

    const empty = () => ({ base: '', rows: {}, deleted: [], added: [] });
    const store = () => `afina-table-${project}`;
    const count = () => (kept ? Object.keys(kept.rows).length + kept.deleted.length + kept.added.length : 0);
    const table = () => element.querySelector('.af-rows');
    const grow = (area) => { area.style.height = 'auto'; area.style.height = `${Math.min(area.scrollHeight + 2, 220)}px`; };
    const keep = () => {
      try {
        if (count()) sessionStorage.setItem(store(), JSON.stringify(kept));
        else sessionStorage.removeItem(store());
      } catch { /* a full or forbidden store: the changes stay on the page */ }
      const bar = element.querySelector('.af-unsaved');
      if (!bar) return;
      const n = count();
      const words = bar.firstElementChild.dataset[n === 1 ? 'one' : 'other'];
      bar.firstElementChild.textContent = words.replace('{n}', n.toLocaleString(navigator.language));
      bar.hidden = !n;
    };
    const valueOf = (field) => (field.type === 'checkbox' ? field.checked : field.value);
    const original = (field) => (field.type === 'checkbox' ? field.defaultChecked : field.defaultValue);
    const put = (field, value) => { if (field.type === 'checkbox') field.checked = value === true || value === 'test'; else field.value = value; };
    const said = (field) => (field.type === 'checkbox' ? (field.checked ? 'test' : 'train') : field.value);

    const isSaving = () => sent !== null && Date.now() - sent.at < ANSWER_WITHIN;
    // A new row that is being saved has no id yet by which it could be changed further.
    const isHeld = (row) => isSaving() && Number(row.dataset.added) <= sent.added.length;
    const dress = (row) => {
      const values = row.dataset.added ? kept.added[+row.dataset.added - 1] : kept.rows[row.dataset.id];
      row.querySelectorAll('[data-field]').forEach((field) => {
        // After another page, a filter or an undo the row shows another example: what was typed in it would stay there.
        const isKept = values && field.dataset.field in values;
        put(field, isKept ? values[field.dataset.field] : original(field));
        if (field.tagName === 'TEXTAREA') grow(field);
        if (row.dataset.added) field.disabled = isHeld(row);
      });
      row.classList.toggle('changed', Boolean(values));
      row.classList.toggle('deleted', kept.deleted.includes(row.dataset.id));
    };
    const addRow = (number) => {
      const row = element.querySelector('template').content.firstElementChild.cloneNode(true);
      row.dataset.added = number;
      table().tBodies[0].prepend(row);
      dress(row);
      return row;
    };
    const render = () => {
      const found = table();
      if (!found) return;
      if (found.dataset.project !== project) {
        project = found.dataset.project;
        looked = '';
        try { kept = JSON.parse(sessionStorage.getItem(store())) || empty(); } catch { kept = empty(); }
      }
      if (sent && sent.project !== project) sent = null; // its answer went to a page that is not shown any more
      if (sent && found.dataset.applied === sent.nonce) {
        settle(found.dataset.version);
        if (after) { const go = after; after = null; setTimeout(go); }
      } else if (sent && found.dataset.refused === sent.nonce) {
        sent = null;
        after = null;
      }
      if (!count()) kept.base = found.dataset.version;
      found.querySelectorAll('tbody tr').forEach(dress);
      kept.added.forEach((_, index) => addRow(index + 1));
      keep();
      if (focus) {
        const name = focus.added ? 'added' : 'id';
        const row = focus[name] && found.querySelector(`tr[data-${name}="${CSS.escape(focus[name])}"]`);
        const field = row && row.querySelector(`[data-field="${focus.field}"]`);
        if (field) { field.focus({ preventScroll: true }); if (field.setSelectionRange) field.setSelectionRange(focus.at, focus.at); }
      }
    };
    // What was typed while it was saved is still to be saved.
    const settle = (version) => {
      const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
      const { rows, deleted, added } = sent;
      for (const id of Object.keys(rows)) if (same(kept.rows[id], rows[id])) delete kept.rows[id];
      kept.deleted = kept.deleted.filter((id) => !deleted.includes(id));
      kept.added = kept.added.slice(added.length);
      kept.base = version;
      sent = null;
    };
    const save = () => {
      // A second click while it is saved would add the new rows twice.
      if (!count() || isSaving()) return;
      const { rows: changed, deleted, added } = kept;
      const nonce = Math.random().toString(36).slice(2);
      sent = { ...JSON.parse(JSON.stringify({ rows: changed, deleted, added })), nonce, project, at: Date.now() };
      element.querySelectorAll('tr[data-added]').forEach(dress);
      const rows = Object.entries(kept.rows).filter(([id]) => !kept.deleted.includes(id)).map(([id, values]) => ({ id, ...values }));
      const edits = JSON.stringify({ rows: [...rows, ...kept.added], deleted: kept.deleted });
      trigger('action', { action: 'save', base: kept.base, nonce, edits, leaving: after ? 'yes' : '' });
    };

    const saveHere = () => {
      if (isSaving()) return; // perhaps on the way to another page
      after = null;
      save();
    };

    element.addEventListener('input', (event) => {
      const field = event.target.closest('[data-field]');
      const row = field && field.closest('tr');
      if (!row) return;
      if (field.tagName === 'TEXTAREA') grow(field);
      const values = row.dataset.added ? kept.added[+row.dataset.added - 1] : (kept.rows[row.dataset.id] ??= {});
      values[field.dataset.field] = said(field);
      if (!row.dataset.added) {
        const isSent = sent && sent.rows[row.dataset.id] && field.dataset.field in sent.rows[row.dataset.id];
        if (valueOf(field) === original(field) && !isSent) delete values[field.dataset.field];
        if (!Object.keys(values).length) delete kept.rows[row.dataset.id];
        row.classList.toggle('changed', row.dataset.id in kept.rows);
      }
      keep();
    });
    element.addEventListener('focusin', (event) => {
      const field = event.target.closest('[data-field]');
      const id = field && field.closest('tr').dataset.id;
      const added = field && field.closest('tr').dataset.added;
      focus = field ? { id, added, field: field.dataset.field, at: field.selectionStart } : null;
      if (id && id !== looked) { looked = id; trigger('action', { action: 'look', id }); }
    });
    element.addEventListener('focusout', () => { setTimeout(() => { if (element.isConnected && document.activeElement !== document.body) focus = null; }); });
    element.addEventListener('keyup', (event) => { if (focus && event.target.dataset.field) focus.at = event.target.selectionStart; });
    element.addEventListener('keydown', (event) => {
      if ((event.ctrlKey || event.metaKey) && (event.key === 's' || event.key === 'Enter')) { event.preventDefault(); saveHere(); }
      const field = event.target.closest('[data-field]');
      if (event.key === 'Escape' && field && field.tagName === 'TEXTAREA' && !field.closest('tr').dataset.added) {
        field.value = field.defaultValue;
        field.dispatchEvent(new Event('input', { bubbles: true }));
      }
    });
    element.addEventListener('click', async (event) => {
      const button = event.target.closest('button');
      if (!button || !kept) return;
      const row = button.closest('tr');
      if (row && 'remove' in button.dataset && (row.dataset.added ? isHeld(row) : isSaving() && sent.deleted.includes(row.dataset.id))) return;
      if ('add' in button.dataset) {
        kept.added.push({ question: '', answer: '' });
        element.querySelector('.af-rows-box').scrollTop = 0;
        addRow(kept.added.length).querySelector('textarea').focus();
      } else if ('remove' in button.dataset && row.dataset.added) {
        kept.added.splice(+row.dataset.added - 1, 1);
        element.querySelectorAll('tr[data-added]').forEach((old) => old.remove());
        kept.added.forEach((_, index) => addRow(index + 1));
      } else if ('remove' in button.dataset) {
        const at = kept.deleted.indexOf(row.dataset.id);
        if (at < 0) kept.deleted.push(row.dataset.id); else kept.deleted.splice(at, 1);
        dress(row);
      } else if ('discard' in button.dataset) {
        if (isSaving()) return;
        if (await window.afina.ask({ ...button.dataset, danger: 'true' }) === null) return;
        kept = empty();
        kept.base = table().dataset.version;
        element.querySelectorAll('tr[data-added]').forEach((old) => old.remove());
        element.querySelectorAll('[data-field]').forEach((field) => put(field, original(field)));
        element.querySelectorAll('tbody tr').forEach(dress);
      } else if ('save' in button.dataset) {
        saveHere();
      } else return;
      keep();
    });

    pending = count;
    saveThen = (next) => { after = next; save(); };
    let width = 0; // a phone that is turned breaks the lines elsewhere
    new ResizeObserver(() => {
      if (element.offsetWidth === width) return;
      width = element.offsetWidth;
      element.querySelectorAll('.af-rows textarea').forEach(grow);
    }).observe(element);
    watch('value', render);
    render();
  };

  // Whoever goes on with changes that are not saved is asked first; they stay on the page in any case.
  document.addEventListener('click', async (event) => {
    const link = event.target.closest('a[data-nav]');
    const words = page()?.querySelector('[data-discard]')?.dataset;
    if (!link || !pending() || !words || page().offsetParent === null) return;
    event.preventDefault();
    event.stopPropagation();
    const go = () => { history.pushState(null, '', link.href); window.afina.again(); window.scrollTo({ top: 0 }); };
    if (await window.afina.ask({ ask: words.leave, yes: words.leaveYes, no: words.no }) !== null) saveThen(go);
  }, true);
  window.addEventListener('beforeunload', (event) => { if (pending()) event.preventDefault(); });

  // A finding's rows: the table below shows them.
  document.addEventListener('click', (event) => {
    if (!event.target.closest('[data-action=filter]')) return;
    setTimeout(() => document.getElementById('examples-tabs')?.scrollIntoView({ behavior: 'smooth' }), 100);
  });
})();

/* Of several answers to one question a person picks those that are right: the button hands over what was picked. */
document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-collect]');
  if (!button) return;
  const picked = [...button.closest('details').querySelectorAll('.af-pick input:checked')].map((input) => input.value);
  button.dataset.codes = `${button.dataset.collect}=${picked.join('+')}`;
  if (!picked.length) event.stopPropagation();
}, true);

/* The name that stands beside changes: asked for once, kept by this browser. */
document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-action=name]');
  if (!button) return;
  event.preventDefault();
  event.stopPropagation();
  window.afina.ask({ ...button.dataset }).then((name) => {
    if (!name) return;
    document.cookie = `afina_name=${encodeURIComponent(name)}; path=/; max-age=31536000; samesite=lax`;
    window.afina.again();
  });
}, true);
