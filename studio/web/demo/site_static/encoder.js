// Questions as vectors, as studio/encoders/encoder.py makes them: cut into tokens here, read by llama.cpp.

export const floats = (base64) => new Float32Array(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);

// Unigram: the ids of the pieces of a text whose scores sum up to most (Viterbi); a letter that no piece has is unknown.
export function segments(text, { places, scores, longest, unknownScore }, unknown) {
  const best = new Float64Array(text.length + 1).fill(-Infinity), came = [], found = [];
  const reach = (from, to, id, score) => {
    if (best[from] + score > best[to]) { best[to] = best[from] + score; came[to] = [from, id]; }
  };
  best[0] = 0;
  for (let at = 0; at < text.length; at++) {
    if (best[at] === -Infinity) continue; // in the middle of a letter
    const letter = text.codePointAt(at) > 0xffff ? 2 : 1;
    let isKnown = false;
    for (let end = at + 1; end <= Math.min(text.length, at + longest); end++) {
      const id = places.get(text.slice(at, end));
      if (id === undefined) continue;
      reach(at, end, id, scores[id]);
      isKnown ||= end === at + letter;
    }
    if (!isKnown) reach(at, at + letter, unknown, unknownScore);
  }
  for (let at = text.length; at > 0; at = came[at][0]) found.push(came[at][1]);
  return found.reverse();
}

// The tokenizer with which the encoder learned; see studio/sharing/gguf/encoder.py.
export class Tokenizer {
  constructor(values) {
    Object.assign(this, values);
    this.places = new Map(values.words.map((word, id) => [word, id]));
    this.longest = values.words.reduce((most, word) => Math.max(most, word.length), 0);
    this.scores = floats(values.scores);
    this.unknownScore = this.scores.reduce((least, score) => Math.min(least, score), 0) - 10;
    const marks = Object.keys(values.special).map((mark) => mark.replace(/[^\w<>]/g, "\\$&"));
    this.marks = new RegExp(`(${marks.join("|")})`, "u");
  }

  ids(text) {
    const found = [], most = this.tokens - 2;
    for (const part of (this.prefix + text).split(this.marks)) {
      if (part in this.special) found.push(this.special[part]);
      else for (const word of part ? this.split(part) : []) {
        found.push(...(this.kind === "Unigram" ? this.likeliest(word) : this.longestFirst(word)));
        if (found.length >= most) break;
      }
    }
    return [this.begin, ...found.slice(0, most), this.end];
  }

  split(text) {
    if (this.kind === "Unigram") {
      const plain = text
        .replace(/[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/g, "")
        .replace(/[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g, " ")
        .normalize("NFKC").replace(/ {2,}/g, " ").replaceAll(" ", "\u2581");
      return (plain.startsWith("\u2581") ? plain : `\u2581${plain}`).match(/\u2581[^\u2581]*/g);
    }
    const bare = text
      .replace(/(?![\t\n\r])[\0\ufffd\p{Cc}\p{Cf}\p{Co}]/gu, "").replace(/\s/gu, " ")
      .replace(/[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu, " $& ")
      .normalize("NFD").replace(/\p{Mn}/gu, "");
    const lower = [...bare].map((letter) => letter.toLowerCase()).join(""); // one by one: a final sigma is no other letter
    return lower.match(/[\p{P}$+<=>^`|~]|[^\s\p{P}$+<=>^`|~]+/gu) || [];
  }

  // WordPiece: again and again the longest word that fits.
  longestFirst(word) {
    const letters = [...word], found = [];
    for (let at = 0; at < letters.length;) {
      let end = letters.length, id;
      for (; end > at; end--) {
        id = this.places.get((at ? "##" : "") + letters.slice(at, end).join(""));
        if (id !== undefined) break;
      }
      if (id === undefined || letters.length > 100) return [this.unknown];
      found.push(id);
      at = end;
    }
    return found;
  }

  likeliest(word) {
    return segments(word, this, this.unknown).filter((id, at, all) => id !== this.unknown || all[at - 1] !== this.unknown);
  }
}

// A function that gives the vector of a text, of length 1. Rejects where llama.cpp fails.
export function encoder(wllama, tokenizer) {
  return async (text) => {
    const { data } = await wllama.createEmbedding({ input: tokenizer.ids(text) });
    return data[0].embedding;
  };
}
