// Which answer to trust, decided on the visitor's device by letters alone: the sums of studio/trust/selector.py.
const NEAREST = 3; // questions of an answer that say how near it is
const LETTER_WEIGHT = 0.5;
const PIECES = [3, 4, 5]; // letters

const combines = (mark) => `a${mark}\u0334`.normalize("NFD")[1] === "\u0334" || `a\u0345${mark}`.normalize("NFD")[1] !== "\u0345";

// Lower case without accents or punctuation; what has no letters stays.
export function folded(text) {
  const lower = text.toLowerCase().replaceAll("ß", "ss").replaceAll("ς", "σ");
  const bare = lower.normalize("NFKD").replace(/\p{M}/gu, (mark) => ((mark >= "\u0300" && mark <= "\u036f") || combines(mark) ? "" : mark));
  return (bare.match(/[\p{L}\p{N}]+/gu) || []).join(" ") || lower;
}

// How often each piece of three to five letters occurs, within words.
function pieces(text) {
  const counts = new Map();
  for (const word of folded(text).split(/\s+/).filter(Boolean)) {
    const letters = [" ", ...word, " "];
    for (const length of PIECES) {
      const last = Math.max(0, letters.length - length);
      for (let at = 0; at <= last; at++) {
        const piece = letters.slice(at, at + length).join("");
        counts.set(piece, (counts.get(piece) || 0) + 1);
      }
      if (!last) break; // a short word counts once
    }
  }
  return counts;
}

const scaled = (values, length) => values.map((value) => value / Math.max(length, 1e-12));
const norm = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

function standardized(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return values.map((value) => (value - mean) / Math.max(deviation, 1e-6));
}

function floats(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

// Position of the largest; of equal ones, the first.
const largest = (values) => values.reduce((best, value, at) => (value > values[best] ? at : best), 0);

// TF-IDF of texts, and how alike another text is to each of them.
class Letters {
  constructor(texts, weights) {
    this.weights = weights;
    this.count = texts.length;
    this.found = new Map(); // by piece: which texts it is in, with what weight
    texts.forEach((text, at) => {
      for (const [piece, weight] of this.vector(text)) {
        if (!this.found.has(piece)) this.found.set(piece, []);
        this.found.get(piece).push([at, weight]);
      }
    });
  }

  vector(text) {
    const known = [...pieces(text)].filter(([piece]) => this.weights.has(piece));
    const values = known.map(([piece, count]) => (1 + Math.log(count)) * this.weights.get(piece));
    const length = norm(values);
    return known.map(([piece], at) => [piece, values[at] / length]);
  }

  likeness(text) {
    const alike = new Array(this.count).fill(0);
    for (const [piece, weight] of this.vector(text)) {
      for (const [at, other] of this.found.get(piece) || []) alike[at] += weight * other;
    }
    return alike;
  }
}

export class KnownAnswers {
  // What the studio fitted to the owner's examples; see studio/trust/browser.py.
  constructor(values) {
    Object.assign(this, values);
    const kept = new Set(values.pieces), texts = new Map(values.pieces.map((piece) => [piece, 0]));
    for (const question of values.questions) {
      for (const piece of pieces(question).keys()) if (kept.has(piece)) texts.set(piece, texts.get(piece) + 1);
    }
    const count = values.questions.length;
    const weights = new Map([...texts].map(([piece, found]) => [piece, Math.log((1 + count) / (1 + found)) + 1]));
    this.ofQuestions = new Letters(values.questions, weights);
    this.ofAnswers = new Letters(values.answers, weights);
    this.none = values.answers.length; // class of questions for a person; greetings are the next one
    this.head = { weights: floats(values.head.weights), bias: floats(values.head.bias) };
    this.byClass = Array.from({ length: this.none + 2 }, () => []);
    values.labels.forEach((label, at) => this.byClass[label].push(at));
  }

  // Who answers a question of a conversation: {kind: "known" | "written" | "handed_over", answer, confidence}.
  // `before` is the question before it, `given` the answers that were given.
  decide(question, before = "", given = []) {
    const alone = this.decideAlone(question);
    if (!before.trim() || alone.kind !== "handed_over") return alone;
    const together = this.decideAlone(`${before}\n${question}`);
    if (together.kind !== "known") return alone;
    return given.includes(together.answer) ? { kind: "written", answer: "", confidence: together.confidence } : together;
  }

  decideAlone(question) {
    const { best, isSmallTalk, features } = this.scored(question);
    const { mean, deviation, weights, bias } = this.certainty;
    const logit = features.reduce((sum, value, at) => sum + ((value - mean[at]) / deviation[at]) * weights[at], bias);
    const confidence = 1 / (1 + Math.exp(-Math.min(40, Math.max(-40, logit))));
    if (isSmallTalk) return { kind: "written", answer: "", confidence };
    if (confidence > this.threshold) return { kind: "known", answer: this.answers[best], confidence };
    return { kind: "handed_over", answer: "", confidence };
  }

  scored(question) {
    const none = this.none, alike = this.ofQuestions.likeness(question);
    const similar = this.byClass.map((own) => {
      if (!own.length) return -1;
      const nearest = own.map((at) => LETTER_WEIGHT * alike[at]).sort((one, other) => other - one).slice(0, NEAREST);
      return nearest.reduce((sum, value) => sum + value, 0) / nearest.length;
    });
    const probabilities = this.probabilities(scaled(alike, norm(alike)));
    const toAnswers = this.ofAnswers.likeness(question).map((value) => LETTER_WEIGHT * value);
    const logs = probabilities.map((value) => Math.log(value + 1e-6));
    const parts = [standardized(similar.slice(0, none)), standardized(logs.slice(0, none)), standardized(toAnswers)];
    const total = parts[0].map((value, at) => value + parts[1][at] + this.answerWeight * parts[2][at]);
    const best = largest(total);
    const without = (values) => Math.max(-Infinity, ...values.filter((_, at) => at !== best));
    const features = [
      similar[best],
      similar[best] - Math.max(-1, without(similar.slice(0, none))),
      similar[best] - Math.max(...similar.slice(none)),
      logs[best],
      logs[best] - Math.max(...logs.slice(none)),
      toAnswers[best],
      none > 1 ? total[best] - without(total) : 0,
      Number(largest(similar.slice(0, none)) === largest(logs.slice(0, none))),
    ];
    return { best, features, isSmallTalk: largest(similar) === none + 1 && largest(probabilities) === none + 1 };
  }

  // Of each class, by a linear classifier on the likeness to each known question.
  probabilities(inputs) {
    const { weights, bias } = this.head;
    const logits = Array.from(bias, (value, label) => {
      let sum = value;
      for (let at = 0; at < inputs.length; at++) sum += weights[label * inputs.length + at] * inputs[at];
      return sum;
    });
    const highest = Math.max(...logits), odds = logits.map((logit) => Math.exp(logit - highest));
    const all = odds.reduce((sum, value) => sum + value, 0);
    return odds.map((value) => value / all);
  }
}
