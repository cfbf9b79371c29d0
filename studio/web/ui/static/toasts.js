/* Gradio's own messages over the page, in the language of the page. */
(() => {
  const words = __TOASTS__;
  const known = {
    Error: words.error,
    Warning: words.warning,
    Info: words.info,
    'Connection Lost': words.lost,
    'Connection to the server was lost. Attempting reconnection...': words.detail,
    'Connection errored out.': words.detail,
    'This application is currently busy. Please try again.': words.detail,
  };
  const tooBig = /^File\(s\) exceed the maximum allowed size of ([^:]+): (.+)$/s;
  const inOurWords = (said) => {
    const found = tooBig.exec(said);
    return found ? words.tooBig.replace('{size}', () => found[1]).replace('{names}', () => found[2]) : known[said];
  };
  const translate = (node) => {
    for (const place of node.querySelectorAll?.('.toast-title, .toast-message-text, .toast-text') ?? []) {
      const said = inOurWords(place.textContent.trim());
      if (said) place.textContent = said;
    }
  };
  new MutationObserver((changes) => {
    for (const change of changes) {
      const toast = change.target.closest?.('.toast-wrap');
      if (toast) translate(toast);
      else change.addedNodes.forEach(translate);
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
