"use strict";
{
  const byId = (id) => document.getElementById(id);
  const main = byId("main"), form = byId("form"), box = byId("question"), talk = byId("talk");
  const suggestions = byId("suggestions"), chips = [...document.querySelectorAll(".chip")];
  const spoken = JSON.parse(main.dataset.spoken), limit = Number(main.dataset.limit);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const hovers = matchMedia("(hover: hover)").matches; // without a mouse, focus in the box would open a keyboard
  const all = { base: ".before", tuned: ".after" };
  const shown = byId("turn").content; // an owner may have hidden the answer before training
  const sides = Object.fromEntries(Object.entries(all).filter(([, card]) => shown.querySelector(card)));
  const reminded = 3000; // characters of an answer that go with the next question: all of them have to fit its body
  let turns = [], running = null, closed = false;

  const say = (sentence) => { byId("status").textContent = sentence; };

  function trouble(sentence) {
    byId("trouble").textContent = sentence || "";
    byId("trouble").hidden = !sentence;
  }

  function grow() {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 144)}px`;
  }

  function busy(on) {
    const active = document.activeElement;
    byId("ask").hidden = on;
    byId("stop").hidden = !on;
    if (on && !hovers) box.blur();
    if (on && active !== box) byId("stop").focus({ preventScroll: true });
    if (!on && hovers && active === byId("stop")) box.focus({ preventScroll: true });
    byId("again").hidden = on || !talk.children.length;
    byId("talk-on").hidden = !talk.children.length || byId("talk-on").classList.contains("blind");
    for (const chip of chips) chip.disabled = on || closed;
    box.disabled = byId("ask").disabled = closed;
    if (suggestions) suggestions.hidden = on || chips.every((chip) => chip.parentElement.hidden);
  }

  function place(turn, sentence) {
    const line = turn.querySelector(".place");
    if (line.textContent === (sentence || "")) return;
    line.textContent = sentence || "";
    line.hidden = !sentence;
    if (sentence) say(sentence);
  }

  function addTurn(question) {
    const turn = byId("turn").content.firstElementChild.cloneNode(true);
    turn.querySelector(".asked .words").textContent = question;
    for (const card of turn.querySelectorAll(".answer")) {
      const copy = card.querySelector(".copy");
      copy.setAttribute("aria-label", `${copy.textContent}: ${card.querySelector("h3 span").textContent}`);
      copy.addEventListener("click", () => copyText(card.querySelector(".words").textContent, copy));
    }
    talk.append(turn);
    document.body.classList.add("talking");
    turn.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
    return turn;
  }

  async function copyText(text, button) {
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = Object.assign(document.createElement("textarea"), { value: text, className: "unseen" });
      document.body.append(area);
      area.select();
      document.execCommand("copy"); // the only way on a page without https
      area.remove();
      button.focus();
    }
    button.textContent = spoken.copied;
    say(spoken.copied);
    setTimeout(() => { button.textContent = label; }, 1600);
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

  function show(turn, answers, line) {
    for (const [side, card] of Object.entries(sides)) {
      if (line[side] === undefined) continue;
      answers[side] = line.replace ? line[side] : answers[side] + line[side];
      turn.querySelector(`${card} .words`).textContent = answers[side].trimStart();
    }
  }

  function finish(turn, answers, sentence) {
    for (const [side, card] of Object.entries(sides)) {
      const section = turn.querySelector(card), words = section.querySelector(".words");
      section.setAttribute("aria-busy", "false");
      section.querySelector(".copy").hidden = !answers[side].trim();
      if (!answers[side].trim()) {
        words.textContent = spoken.no_answer;
        words.classList.add("none");
      }
    }
    place(turn, sentence);
  }

  // How an answer came about: in the owner's own words, in the chatbot's, or handed over to a person.
  function mark(turn, how, question) {
    const card = turn.querySelector(".after"), badge = card.querySelector(".how"), anyway = card.querySelector(".anyway");
    if (!badge) return;
    badge.textContent = spoken[`how_${how}`] || "";
    badge.dataset.how = how;
    badge.hidden = !badge.textContent;
    if (!anyway) return;
    anyway.hidden = how !== "handed_over";
    anyway.addEventListener("click", () => { if (!running) { anyway.hidden = true; ask(question, true); } });
  }

  async function ask(question, alone = false) {
    trouble("");
    const stop = new AbortController();
    const turn = addTurn(question), answers = { base: "", tuned: "" };
    running = stop;
    busy(true);
    let ended = "", notes = null;
    try {
      const response = await (window.afinaAnswer || fetch)(main.dataset.ask, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ question, turns: byId("go-on").checked ? turns.slice(-4) : [], ...(alone && { alone }) }),
        signal: stop.signal,
      });
      if (!response.ok) return refuse(turn, question, (await response.json()).error);
      let complete = false;
      notes = null;
      for await (const line of lines(response)) {
        if (line.message) place(turn, line.message);
        if (line.how) mark(turn, line.how, question);
        if (line.base !== undefined || line.tuned !== undefined) { place(turn, ""); show(turn, answers, line); }
        if (line.error) ended = line.error;
        complete = complete || Boolean(line.done || line.error);
        if (line.done) notes = line;
      }
      if (!complete) ended = spoken.failed;
    } catch {
      ended = stop.signal.aborted ? spoken.stopped : spoken.offline;
    } finally {
      running = null;
      busy(false);
    }
    finish(turn, answers, ended);
    if (notes && notes.ballot) openVote(turn, answers, question, notes);
    else if (notes && notes.receipt) openSuggestion(turn, question, answers.tuned, notes.receipt);
    if (notes && notes.receipt) openHelped(turn, question, answers.tuned);
    if (!byId("go-on").checked) turns = []; // a question stands alone unless a visitor goes on with the last one
    if (answers.base || answers.tuned) turns.push({ question, base: answers.base.slice(0, reminded), tuned: answers.tuned.slice(0, reminded) });
    const names = { base: spoken.before, tuned: spoken.after };
    if (!ended && !notes?.ballot) say([spoken.ready, ...Object.keys(sides).map((side) => `${names[side]}: ${answers[side]}`)].join(" "));
    else if (!ended) say([spoken.ready, answers.base, answers.tuned].join(" "));
  }

  // The note that came with an answer goes back with what is said of it.
  async function tell(path, body) {
    const address = main.dataset.ask.replace("/ask?", `/${path}?`);
    const response = await (window.afinaTell || fetch)(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const said = await response.json();
    if (!response.ok) throw new Error(said.error.message);
    return said;
  }

  function openVote(turn, answers, question, notes) {
    const bar = turn.querySelector(".vote"), told = turn.querySelector(".voted");
    bar.hidden = false;
    bar.addEventListener("click", async (event) => {
      const choice = event.target.dataset.vote;
      if (!choice) return;
      for (const button of bar.querySelectorAll("button")) button.disabled = true;
      told.hidden = false;
      try {
        const { tuned, for_tuned: forTuned } = await tell("vote", { ballot: notes.ballot, choice });
        bar.hidden = true;
        const first = tuned === "first", named = first ? [spoken.after, spoken.before] : [spoken.before, spoken.after];
        turn.querySelectorAll(".answer").forEach((card, place) => {
          card.querySelector("h3 span").textContent = named[place];
          card.classList.toggle("is-tuned", first === (place === 0));
        });
        told.textContent = forTuned === null ? spoken.voted_none : forTuned ? spoken.voted_after : spoken.voted_before;
        if (notes.receipt) openSuggestion(turn, question, first ? answers.base : answers.tuned, notes.receipt);
      } catch (error) {
        told.textContent = error.name === "TypeError" ? spoken.offline : error.message;
        for (const button of bar.querySelectorAll("button")) button.disabled = false;
      }
    });
  }

  // Whether an answer helped, on pages that keep it on the visitor's device; another click changes it.
  function openHelped(turn, question, answer) {
    const bar = turn.querySelector(".helped");
    if (!bar) return;
    bar.hidden = false;
    bar.addEventListener("click", ({ target }) => {
      if (!target.dataset.vote) return;
      tell("vote", { question, answer, vote: target.dataset.vote });
      for (const button of bar.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button === target));
    });
  }

  function openSuggestion(turn, question, answer, receipt) {
    const form = turn.querySelector(".suggest");
    if (!form) return;
    const text = form.querySelector("textarea"), trouble = form.querySelector(".notice");
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      button.disabled = true;
      try {
        await tell("suggest", { question, answer, receipt, better: text.value });
        const thanks = Object.assign(document.createElement("p"), { className: "voted", textContent: spoken.thanks });
        thanks.setAttribute("role", "status");
        form.replaceWith(thanks);
      } catch (error) {
        trouble.textContent = error.name === "TypeError" ? spoken.offline : error.message;
        trouble.hidden = false;
        button.disabled = false;
      }
    });
  }

  function refuse(turn, question, error) {
    turn.remove();
    document.body.classList.toggle("talking", talk.children.length > 0);
    trouble(error.message);
    for (const chip of chips) if (chip.textContent === question) chip.parentElement.hidden = false;
    if (!box.value) box.value = question;
    closed = error.code === "closed";
    grow();
  }

  function send(question) {
    const text = question.trim();
    if (running || !text) { box.focus(); return; }
    for (const chip of chips) if (chip.textContent === text) chip.parentElement.hidden = true;
    if (box.value.trim() === text) box.value = ""; // a chip leaves what somebody has begun to type
    grow();
    ask(text);
  }

  form.addEventListener("submit", (event) => { event.preventDefault(); send(box.value); });
  box.addEventListener("input", () => { grow(); trouble(box.value.length >= limit ? spoken.too_long_now : ""); });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(box.value); }
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && running) running.abort(); });
  byId("stop").addEventListener("click", () => { if (running) running.abort(); });
  byId("again").addEventListener("click", () => {
    turns = [];
    byId("go-on").checked = false;
    talk.replaceChildren();
    document.body.classList.remove("talking");
    for (const chip of chips) chip.parentElement.hidden = false;
    trouble("");
    busy(false);
    (chips[0] || box).focus();
  });
  for (const chip of chips) chip.addEventListener("click", () => send(chip.textContent));
  if (spoken.from_disk && location.protocol === "file:") { // a double click: browsers let such a page load nothing
    closed = true;
    trouble(spoken.from_disk);
  }
  busy(false);
  grow();
}
