// Which answer to trust, decided on the visitor's device: the sums of studio/trust/selector.py.
const NEAREST = [3, 1]; // so many nearest questions of an answer say how near it is
const SMALL_TALK = 0.7; // probability that a greeting has
const FAR = -0.2; // likeness of a class without questions
const LETTER_WEIGHT = 0.7;
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

const dot = (one, other) => one.reduce((sum, value, at) => sum + value * other[at], 0);
const norm = (values) => Math.sqrt(dot(values, values));

function floats(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

function rows(values, count) {
  const width = values.length / count;
  return Array.from({ length: count }, (_, at) => values.subarray(at * width, (at + 1) * width));
}

// The vector of what all have in common.
const middle = (vectors) => vectors[0].map((_, at) => mean(vectors.map((vector) => vector[at])));

// A vector about another one, of length 1.
function centred(vector, about) {
  const moved = Float32Array.from(vector, (value, at) => value - about[at]), length = norm(moved) || 1;
  return moved.map((value) => value / length);
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

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
    this.selector = { ...values, ridge: floats(values.ridge), ways: [] }; // ridge: by question, then answer, a number for each class
    this.byClass = Array.from({ length: this.none + 2 }, () => []);
    values.labels.forEach((label, at) => this.byClass[label].push(at));
    this.own = new Map(); // answer of each of the owner's own questions; null for one with two answers
    values.questions.forEach((question, at) => {
      const text = folded(question), label = values.labels[at];
      if (label < this.none) this.own.set(text, this.own.has(text) && this.own.get(text) !== label ? null : label);
    });
  }

  // Decides as the studio does from now on: what it fitted, and what gives the vector of a text, by way of reading.
  useVectors(values, encoders) {
    const isOwn = (_, at) => this.labels[at] < this.none;
    const ways = values.ways.map((way, at) => {
      const questions = rows(floats(way.questions), this.questions.length), answers = rows(floats(way.answers), this.none);
      const about = middle(questions.filter(isOwn)), aboutAnswers = middle(answers);
      const known = [
        questions.map((vector) => centred(vector, about)),
        answers.map((vector) => centred(vector, about)),
        answers.map((vector) => centred(vector, aboutAnswers)), // what tells them from each other
      ];
      return async (text) => {
        const vector = centred(await encoders[at](text), about);
        return known.map((others) => others.map((other) => dot(other, vector)));
      };
    });
    this.byLetters = this.selector;
    this.selector = { ...values, ridge: floats(values.ridge), ways };
  }

  // Who answers a question of a conversation: {kind: "known" | "written" | "handed_over", answer, confidence}.
  // `before` is the question before it, `given` the answers that were given.
  async decide(question, before = "", given = []) {
    const alone = await this.decideAlone(question);
    if (!before.trim() || alone.kind !== "handed_over") return alone;
    const together = await this.decideAlone(`${before}\n${question}`);
    if (together.kind !== "known") return alone;
    return given.includes(together.answer) ? { kind: "written", answer: "", confidence: together.confidence } : together;
  }

  // Whether a question is one of the owner's, which has one answer.
  isOwn(question) {
    return (this.own.get(folded(question)) ?? null) !== null;
  }

  async decideAlone(question) {
    if (this.isOwn(question)) return { kind: "known", answer: this.answers[this.own.get(folded(question))], confidence: 1 };
    const { chances, threshold, outsideLimit } = await this.probabilities(question);
    const best = largest(chances.slice(0, this.none)), confidence = this.confidence(chances, outsideLimit);
    if (chances[this.none + 1] > SMALL_TALK) return { kind: "written", answer: "", confidence };
    if (confidence > threshold) return { kind: "known", answer: this.answers[best], confidence };
    return { kind: "handed_over", answer: "", confidence };
  }

  // How much likelier the best answer is than the next; 0 where no answer fits.
  confidence(chances, outsideLimit) {
    if (chances[this.none] + chances[this.none + 1] > outsideLimit) return 0;
    const [first, second = 0] = chances.slice(0, this.none).sort((one, other) => other - one);
    return first / (first + second + 1e-12);
  }

  // Of each class: the answers, "none of these", small talk; and what a known answer needs.
  async probabilities(question) {
    const toAnswers = this.ofAnswers.likeness(question);
    const letters = [this.ofQuestions.likeness(question), toAnswers, toAnswers];
    let ways = [];
    try {
      ways = await Promise.all(this.selector.ways.map((way) => way(question)));
    } catch (error) {
      console.error(error);
      this.selector = this.byLetters;
    }
    const { ridge, weights, outsideBias, threshold, outsideLimit } = this.selector;
    const combined = [0, 1].flatMap((part) => letters[part].map((value, at) =>
      LETTER_WEIGHT * value + (ways.length ? mean(ways.map((way) => way[part][at])) : 0)));
    ways.push(letters);
    const linear = new Array(this.byClass.length).fill(0);
    combined.forEach((value, at) => {
      if (value) linear.forEach((_, label) => (linear[label] += value * ridge[at * linear.length + label]));
    });
    const logits = this.byClass.map((own, label) => {
      const near = ways.flatMap(([alike]) => {
        const sorted = own.map((at) => alike[at]).sort((one, other) => other - one);
        return NEAREST.map((count) => (sorted.length ? mean(sorted.slice(0, count)) : FAR));
      });
      const features = [...near, ...ways.map((way) => way[2][label] ?? 0), linear[label]];
      return dot(features, weights) + (label < this.none ? 0 : outsideBias[label - this.none]);
    });
    const highest = Math.max(...logits), odds = logits.map((logit) => Math.exp(logit - highest));
    const all = odds.reduce((sum, value) => sum + value, 0);
    return { chances: odds.map((value) => value / all), threshold, outsideLimit };
  }
}
