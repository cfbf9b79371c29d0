// Answers in the visitor's browser: loads the models of this folder and takes the place of the server that demo.js asks.
import { Tokenizer, encoder } from "./encoder.js";
import { KnownAnswers } from "./known.js";
import { SentenceEncoder } from "./sentences.js";
import { Wllama } from "./wllama.js";

const site = JSON.parse(document.getElementById("site").dataset.site);
const line = document.getElementById("loading");
const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" });
const size = (bytes) => `${new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 0 }).format(bytes / 1e6)}\u00a0MB`;
const box = document.getElementById("question");
const DRAFT = `afina-draft ${location.pathname}`;
let problem = ""; // why this browser cannot; empty while it can

function tell(sentence, part) {
  line.hidden = !sentence;
  line.querySelector("span").textContent = sentence;
  line.querySelector("progress").hidden = part === undefined;
  if (part !== undefined) line.querySelector("progress").value = part;
}

// Pages are served with the headers that allow several threads only where a host can set them: the worker sets them
// elsewhere, and keeps what was loaded. It takes over with one reload, on secure addresses only.
async function takeOver() {
  if (!("serviceWorker" in navigator)) return;
  const registered = await navigator.serviceWorker.register("sw.js").catch(() => null);
  const mark = `afina-reloaded ${registered?.scope}`; // other chatbots of this host have marks of their own
  if (!registered || crossOriginIsolated || sessionStorage.getItem(mark)) return;
  await navigator.serviceWorker.ready;
  sessionStorage.setItem(mark, "1");
  const asked = [...document.querySelectorAll(".asked .words")].at(-1);
  sessionStorage.setItem(DRAFT, box.value || asked?.textContent || ""); // it would be gone after the reload
  location.reload();
  await new Promise(() => {}); // nothing more happens in this page
}

function restoreDraft() {
  let draft = "";
  try {
    draft = sessionStorage.getItem(DRAFT);
    sessionStorage.removeItem(DRAFT);
  } catch { /* a browser that keeps nothing */ }
  if (!draft || box.value) return;
  box.value = draft;
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function inOwnLanguage() {
  const here = location.pathname.split("/").pop() || "index.html";
  const wanted = navigator.languages.map((name) => site.languages[name.slice(0, 2)]).find(Boolean);
  if (here !== "index.html" || !wanted || wanted === here || sessionStorage.getItem("afina-language")) return;
  sessionStorage.setItem("afina-language", "1");
  location.replace(wanted);
}

async function fetchOwn(name) {
  const response = await fetch(`${name}?v=${site.version}`);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
}

async function fetchModel(model) {
  const parts = [];
  for (const name of model.parts) {
    const pieces = [];
    const reader = (await fetchOwn(name)).body.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      pieces.push(value);
      onBytes(value.length);
    }
    parts.push(new Blob(pieces));
  }
  return new Blob(parts);
}

const simd = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]);

async function load(model, options) {
  const wllama = new Wllama({ default: "./wllama.wasm" }, { suppressNativeLog: true });
  const threads = crossOriginIsolated ? Math.min(4, Math.max(1, Math.ceil((navigator.hardwareConcurrency || 2) / 2) + 1)) : 1;
  const blob = await fetchModel(model);
  await wllama.loadModel([blob], { n_gpu_layers: 0, n_threads: Math.min(threads, navigator.hardwareConcurrency || 1), ...options });
  return wllama;
}

const total = [site.sentences, site.encoder, site.tuned, site.base].reduce((sum, model) => sum + (model ? model.size : 0), 0);
let loaded = 0;

function onBytes(bytes) {
  loaded += bytes;
  tell(`${site.said.loading} ${percent.format(Math.min(1, loaded / total))} · ${size(total)}`, loaded / total);
}

const WHOLE_TEXT = 128; // tokens of a question that are read; all of them at once
let reading = null;

const json = async (name) => (await fetchOwn(name)).json();

async function loadSentences() {
  const packed = (await fetchModel(site.sentences)).stream().pipeThrough(new DecompressionStream("gzip"));
  const sentences = new SentenceEncoder(await json("sentences.json"), await new Response(packed).arrayBuffer());
  return (text) => sentences.encode(text);
}

async function loadEncoder() {
  const sizes = { n_ctx: WHOLE_TEXT, n_batch: WHOLE_TEXT, n_ubatch: WHOLE_TEXT, n_parallel: 1 };
  const wllama = await load(site.encoder, { ...sizes, embeddings: true, pooling_type: "mean" });
  return encoder(wllama, new Tokenizer(await json("encoder-tokenizer.json")));
}

// Reads what questions mean from then on. Where that cannot be loaded, their letters are compared.
function read() {
  reading ||= (async () => {
    if (!site.sentences || !WebAssembly.validate(simd)) return;
    const encoders = [...(site.encoder ? [await loadEncoder()] : []), await loadSentences()];
    (await trusted).useVectors(await json("known-vectors.json"), encoders);
    document.documentElement.dataset.reads = "";
  })().catch((error) => console.error(error)).finally(() => { if (!loading) tellLater(); });
  return reading;
}

function tellLater() {
  tell(`${site.said.later} · ${size(total - loaded)}`);
}

async function prepare() {
  await read();
  if (!WebAssembly.validate(simd)) throw new Error("simd");
  if (navigator.deviceMemory && navigator.deviceMemory * 1e9 < total * 2.5) throw new RangeError("memory");
  const tuned = await load(site.tuned, { n_ctx: 2048 });
  const base = site.base ? await load(site.base, { n_ctx: 2048 }) : null;
  tell("");
  document.documentElement.dataset.ready = `${tuned.getNumThreads()}`;
  return { tuned, base };
}

function explained(error) {
  if (error instanceof RangeError || /memory|alloc/i.test(error.message)) return site.said.memory;
  return /simd|WebAssembly|wasm/i.test(error.message) ? site.said.cannot : site.said.failed;
}

let loading = null;

function ready() {
  loading ||= prepare().catch((error) => {
    console.error(error);
    problem = explained(error);
    tell(problem);
  });
  return loading;
}

// The owner's own answers need no model; null where there are none. A visitor who pays for each byte, or wants to save
// them, loads a model only when a question needs it.
async function begin() {
  inOwnLanguage();
  restoreDraft();
  await takeOver();
  const link = navigator.connection, isSaving = site.handedOver && (link?.saveData || link?.type === "cellular");
  if (isSaving) tellLater();
  else ready();
  if (!site.handedOver) return null;
  const known = new KnownAnswers(await json("known.json"));
  document.documentElement.dataset.known = "";
  return known;
}

const trusted = begin().catch((error) => {
  console.error(error);
  problem = site.said.failed;
  tell(problem);
});

function messages(question, turns, side) {
  const before = turns.flatMap((turn) => [
    { role: "user", content: turn.question },
    { role: "assistant", content: turn[side].trim() || "…" },
  ]);
  return [...before, { role: "user", content: question }];
}

async function* pieces(model, wllama, question, turns, side, signal) {
  const options = { max_tokens: site.maxTokens, temperature: 0, stream: true, abortSignal: signal };
  if (model.plain_prompt) {
    const [before, after] = model.plain_prompt;
    const prompt = before + question + after;
    for await (const chunk of await wllama.createCompletion({ ...options, prompt, stop: ["\n"] })) yield chunk.choices[0]?.text;
  } else {
    const asked = messages(question, turns, side);
    for await (const chunk of await wllama.createChatCompletion({ ...options, messages: asked })) yield chunk.choices[0]?.delta?.content;
  }
}

// The rule of the studio's chat: the same few words at least four times in a row, over at least 32 of them.
function isLooping(said) {
  for (let period = 1; period <= Math.min(64, Math.floor(said.length / 4)); period++) {
    const span = Math.max(period * 4, 32);
    if (span > said.length) continue;
    let same = true;
    for (let at = 1; same && at <= span - period; at++) same = said.at(-at) === said.at(-at - period);
    if (same) return true;
  }
  return false;
}

const PATIENCE = 15_000; // milliseconds that a question waits for what reads its meaning; then its letters decide

// What is said without the model, and how it came about; a visitor may want the model's own words all the same.
async function decided(question, turns, isAlone, send) {
  const known = await trusted;
  if (site.handedOver && !known && !isAlone) throw new Error("known.json");
  if (!known || isAlone) return { how: site.handedOver ? "written" : "" };
  if (site.sentences && !known.isOwn(question) && !("reads" in document.documentElement.dataset)) {
    send({ message: site.said.loading });
    await Promise.race([read(), new Promise((done) => setTimeout(done, PATIENCE))]);
  }
  const decision = await known.decide(question, turns.at(-1)?.question, turns.map((turn) => turn.tuned));
  return { how: decision.kind, said: decision.kind === "handed_over" ? site.handedOver : decision.answer };
}

async function answer({ question, turns, alone }, signal, send) {
  const { how, said } = await decided(question, turns, alone, send);
  if (how) send({ how });
  if (said) send({ tuned: said });
  const sides = ["tuned", "base"].filter((side) => site[side] && !(side === "tuned" && said));
  if (!sides.length) return send({ done: true, receipt: "own" });
  if (!document.documentElement.dataset.ready) send({ message: problem || site.said.loading });
  const models = await ready();
  if (!models) send({ error: problem });
  if (!models && !said) return;
  for (const side of models ? sides : []) {
    const words = [];
    for await (const piece of pieces(site[side], models[side], question, turns, side, signal)) {
      if (signal.aborted) return;
      if (!piece) continue;
      words.push(piece);
      send({ [side]: piece });
      if (isLooping(words)) break;
    }
  }
  send({ done: true, receipt: "own" }); // the page then asks whether the answer helped, and for a better one
}

// What demo.js calls in place of fetch: lines of JSON, as from the server.
let last = Promise.resolve();
window.afinaAnswer = async (_address, { body, signal }) => {
  const encoder = new TextEncoder();
  const stream = new ReadableStream({
    start(controller) {
      let open = true;
      const send = (values) => { if (open) controller.enqueue(encoder.encode(`${JSON.stringify(values)}\n`)); };
      const stopped = () => { if (open) { open = false; controller.error(new DOMException("stopped", "AbortError")); } };
      signal.addEventListener("abort", stopped);
      last = last.catch(() => {}).then(() => answer(JSON.parse(body), signal, send)).then(
        () => { if (open) { open = false; controller.close(); } },
        (error) => {
          console.error(error);
          send({ error: site.said.failed });
          if (open) { open = false; controller.close(); }
        },
      );
    },
  });
  return { ok: true, body: stream };
};

// Votes and better answers stay on the device, until the visitor saves them as a file for whoever made the chatbot.
const KEPT = `afina-notes ${new URL(".", location.href).pathname}`;
let unkept = null; // where a browser keeps nothing, or has no room for more

function notes() {
  if (unkept) return unkept;
  try { return JSON.parse(localStorage.getItem(KEPT)) || []; } catch { return []; }
}

function keep(all) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(all));
    unkept = null;
  } catch (error) {
    console.error(error);
    unkept = all;
  }
  showNotes();
}

function showNotes() {
  const count = notes().length;
  document.getElementById("notes").hidden = !count;
  document.querySelector("#notes [role=status]").textContent = count === 1 ? site.said.kept_one : site.said.kept.replace("#", count);
}

// What demo.js calls in place of fetch with a vote or a better answer; of one answer there is one note.
window.afinaTell = async (_address, { body }) => {
  const { question, answer, vote, better } = JSON.parse(body), all = notes();
  const before = all.find((one) => one.question === question && one.answer === answer);
  const note = before || { question, answer, suggestion: "", vote: "", at: "" };
  Object.assign(note, vote && { vote }, better && { suggestion: better.trim() }, { at: new Date().toISOString() });
  keep([...all.filter((one) => one !== before), note]);
  return { ok: true, json: async () => ({}) };
};

document.getElementById("save-notes").addEventListener("click", () => {
  const lines = notes().map((note) => `${JSON.stringify(note)}\n`);
  const href = URL.createObjectURL(new Blob(lines, { type: "application/jsonl" }));
  Object.assign(document.createElement("a"), { href, download: site.notesFile }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
});
document.getElementById("drop-notes").addEventListener("click", () => { if (confirm(site.said.drop)) keep([]); });
showNotes();
