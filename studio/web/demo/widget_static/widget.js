// <script src="https://bot.example/d/widget.js" data-bot="…" async></script>: a chat in a corner of the page.
// It keeps to a strict Content-Security-Policy: no inline style or script, no markup from text; the site allows this
// script's origin in script-src and connect-src.
"use strict";
(() => {
  const script = document.currentScript, bot = script.dataset.bot;
  const language = (document.documentElement.lang || navigator.language || "").slice(0, 2).toLowerCase();
  const address = (path) => new URL(`widget/${encodeURIComponent(bot)}${path}?lang=${language}`, script.src).href;
  const kept = `afina-widget-${bot}`;
  if (window[kept]) return; // the line stands on the page twice
  window[kept] = true;
  const phone = matchMedia("(max-width: 480px)"), hovers = matchMedia("(hover: hover)").matches;
  const reminded = 4, mostReminded = 3000; // turns, and characters of their answers, that go with the next question
  const mostKept = 20; // turns that are still there on the site's next page
  let about, said, running = null, current = null, closed = false, turns = [];

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function icon(drawing) {
    const name = "http://www.w3.org/2000/svg", svg = document.createElementNS(name, "svg");
    const path = document.createElementNS(name, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", drawing);
    svg.append(path);
    return svg;
  }

  const host = document.createElement("afina-chat"), root = host.attachShadow({ mode: "open" });
  const styles = new CSSStyleSheet();
  styles.replaceSync("__STYLES__");
  root.adoptedStyleSheets = [styles];

  const widget = make("div", { class: "widget" });
  const bubble = make("button", { type: "button", class: "bubble", "aria-haspopup": "dialog", "aria-expanded": "false" },
    icon("M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5Z"));
  const panel = make("div", { class: "panel", role: "dialog", "aria-modal": "true", "aria-labelledby": "title", tabindex: "-1" });
  const title = make("h2", { id: "title" });
  const again = make("button", { type: "button", class: "again" });
  const close = make("button", { type: "button", class: "close" }, icon("M6 6l12 12M18 6 6 18"));
  const log = make("div", { class: "log", role: "log", "aria-live": "polite", tabindex: "0" });
  const offers = make("div", { class: "offers" });
  const trouble = make("p", { class: "trouble", role: "alert" });
  const form = make("form", { autocomplete: "off", novalidate: "" });
  const label = make("label", { class: "unseen", for: "question" });
  const box = make("textarea", { id: "question", rows: "1", enterkeyhint: "send", "aria-describedby": "small" });
  const send = make("button", { type: "submit", class: "send" });
  const small = make("p", { class: "small", id: "small" });

  function build() {
    widget.style.setProperty("--colour", about.colour); // of the CSSOM: a strict policy lets it be
    widget.style.setProperty("--on-colour", about.textColour);
    host.lang = about.locale === "pt" ? "pt-BR" : about.locale;
    bubble.setAttribute("aria-label", said.open);
    title.textContent = about.title;
    title.lang = about.ownLocale;
    again.textContent = said.again;
    close.setAttribute("aria-label", said.close);
    log.setAttribute("aria-label", said.conversation);
    label.textContent = said.question;
    small.textContent = said.small_print;
    box.placeholder = said.placeholder;
    box.maxLength = about.limit;
    form.append(label, make("div", { class: "box" }, box, send), small);
    log.append(offers);
    panel.append(make("div", { class: "head" }, title, again, close), log, trouble, form);
    panel.hidden = trouble.hidden = true;
    widget.append(bubble, panel);
    root.append(widget);
    suggest();
    restore();
    busy(false);
    document.body.append(host);
  }

  function suggest() {
    if (!about.questions.length) return;
    const list = make("ul", { class: "questions" });
    for (const question of about.questions) {
      const button = make("button", { type: "button", lang: about.ownLocale }, question);
      button.addEventListener("click", () => ask(question));
      list.append(make("li", {}, button));
    }
    offers.append(make("p", { class: "try" }, said.try), list);
  }

  // What was said stays while the visitor goes from page to page in this tab, and nowhere else.
  function keep() {
    const all = current ? [...turns, { ...current, ended: said.stopped }] : turns; // an answer that the next page cuts short
    const state = { open: !panel.hidden, turns: all.slice(-mostKept), visitor: about.visitor, draft: box.value };
    try {
      sessionStorage.setItem(kept, JSON.stringify(state));
    } catch { /* a browser that keeps nothing */ }
  }

  function restore() {
    let before = null;
    try {
      before = JSON.parse(sessionStorage.getItem(kept));
    } catch { /* a browser that keeps nothing */ }
    turns = before?.turns || [];
    box.value = before?.draft || "";
    about.visitor = before?.visitor || about.visitor; // counted once
    for (const turn of turns) finish(addTurn(turn.question), turn);
    if (before?.open && !phone.matches) open({ focus: false });
  }

  function open({ focus = true } = {}) {
    panel.hidden = false;
    grow();
    bubble.hidden = true;
    bubble.setAttribute("aria-expanded", "true");
    widget.classList.add("open");
    log.scrollTop = log.scrollHeight;
    if (focus) (hovers ? box : panel).focus(); // focus in the box would open a phone's keyboard over the suggestions
    keep();
  }

  function shut() {
    panel.hidden = true;
    bubble.hidden = false;
    bubble.setAttribute("aria-expanded", "false");
    widget.classList.remove("open");
    bubble.focus();
    keep();
  }

  function busy(on) {
    send.textContent = on ? said.stop : said.ask;
    log.setAttribute("aria-busy", String(on)); // read out when it is whole, not word by word
    again.hidden = on || !turns.length;
    offers.hidden = on || turns.length > 0;
    box.disabled = send.disabled = closed;
    for (const button of offers.querySelectorAll("button")) button.disabled = closed;
  }

  function grow() {
    box.style.height = "auto";
    box.style.height = `${Math.min(Math.max(box.scrollHeight, 44), 120)}px`;
  }

  function complain(sentence) {
    trouble.textContent = sentence || "";
    trouble.hidden = !sentence;
  }

  function addTurn(question) {
    const turn = make("div", { class: "turn" });
    const asked = make("p", { class: "asked" }, make("span", { class: "unseen" }, said.you_asked), make("span", { class: "words", dir: "auto" }, question));
    const name = make("span", { class: "unseen" }, `${said.answer}: `);
    turn.append(asked, name, make("p", { class: "answered words", dir: "auto", "aria-busy": "true" }), make("p", { class: "way" }));
    turn.querySelector(".way").hidden = true;
    log.append(turn);
    log.scrollTop = log.scrollHeight;
    return turn;
  }

  function note(turn, sentence) {
    const way = turn.querySelector(".way");
    way.textContent = sentence || "";
    way.hidden = !sentence;
  }

  function show(turn, answer) {
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    turn.querySelector(".answered").textContent = answer.trimStart();
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  }

  function finish(turn, { answer, how, ended }) {
    const words = turn.querySelector(".answered");
    words.setAttribute("aria-busy", "false");
    show(turn, answer || said.no_answer);
    words.classList.toggle("none", !answer);
    note(turn, ended || said[`how_${how}`]);
    log.scrollTop = log.scrollHeight;
  }

  async function* lines(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      for (const part of parts) if (part) yield JSON.parse(part);
    }
  }

  // What the question is read with: it may only make sense after the last ones.
  function earlier() {
    const answered = turns.filter((turn) => turn.answer).slice(-reminded);
    return answered.map(({ question, answer }) => ({ question, base: "", tuned: answer.slice(0, mostReminded) }));
  }

  async function ask(question) {
    if (running || closed) return;
    const stop = running = new AbortController(), turn = addTurn(question);
    const result = current = { question, answer: "", how: "", ended: "" };
    complain("");
    busy(true);
    try {
      const response = await fetch(address("/ask"), {
        method: "POST", credentials: "omit", signal: stop.signal, body: JSON.stringify({ question, turns: earlier() }),
        headers: { "Content-Type": "application/json", "Afina-Visitor": about.visitor },
      });
      if (!response.ok) return refuse(turn, question, (await response.json()).error);
      let complete = false;
      for await (const line of lines(response)) {
        if (line.message) note(turn, line.message);
        if (line.tuned !== undefined) {
          result.answer = line.replace ? line.tuned : result.answer + line.tuned;
          note(turn, "");
          show(turn, result.answer);
        }
        if (line.how) result.how = line.how;
        if (line.error) result.ended = line.error;
        complete = complete || Boolean(line.done || line.error);
      }
      if (!complete) result.ended = said.failed;
    } catch {
      result.ended = stop.signal.aborted ? said.stopped : said.offline;
    } finally {
      running = null;
    }
    current = null;
    finish(turn, result);
    turns.push(result);
    busy(false);
    keep();
  }

  function refuse(turn, question, error) {
    turn.remove();
    current = null;
    closed = error.code === "closed";
    complain(closed ? said.closed : error.message);
    if (!box.value) box.value = question;
    grow();
    running = null;
    busy(false);
  }

  function submit() {
    const question = box.value.trim();
    if (running) return void running.abort();
    if (!question) return void box.focus();
    box.value = "";
    grow();
    ask(question);
  }

  // Tab goes round within the panel.
  function trap(event) {
    const places = [...panel.querySelectorAll("button, textarea, .log")].filter((place) => !place.disabled && place.offsetParent);
    const last = places.at(-1), first = places[0], now = root.activeElement;
    if (event.shiftKey ? now === first || now === panel : now === last) {
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    }
  }

  bubble.addEventListener("click", () => open());
  close.addEventListener("click", shut);
  again.addEventListener("click", () => {
    for (const turn of log.querySelectorAll(".turn")) turn.remove();
    turns = [];
    complain("");
    busy(false);
    keep();
    (offers.querySelector("button") || box).focus();
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  box.addEventListener("input", () => { grow(); complain(box.value.length >= about.limit ? said.too_long_now : ""); });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !running) { event.preventDefault(); submit(); }
  });
  panel.addEventListener("keydown", (event) => {
    event.stopPropagation(); // shortcuts of the site are not for what is typed here
    if (event.key === "Escape" && !event.isComposing) shut();
    if (event.key === "Tab") trap(event);
  });

  addEventListener("pagehide", () => { if (about) keep(); });

  async function begin() {
    try {
      const response = await fetch(address(""), { credentials: "omit" });
      if (!response.ok) throw new Error(String(response.status));
      about = await response.json();
    } catch (error) {
      const from = new URL(script.src).origin;
      console.warn(`Afina: no chat here. Is ${location.origin} among the sites that its owner lists, is the chatbot switched on, `
        + `and does this page's Content-Security-Policy allow connect-src ${from}? (${error.message})`);
      return;
    }
    said = about.said;
    build();
  }
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
