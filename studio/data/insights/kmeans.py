"""Groups of alike vectors where nobody named topics, and words that tell them apart."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from studio.data.insights.umap import Floats, Ints
from studio.data.text import plain

_FEWEST: Final = 3
_MOST: Final = 24
_MEMBERS: Final = 8  # of a group, on average, at least
_ROUNDS: Final = 30
_STARTS: Final = 6
_JUDGED: Final = 2_000  # vectors by which a number of groups is judged
_COMMON: Final = 0.4  # share of the groups: a word in more of them tells nothing
_WORD: Final = re.compile(r"[^\W\d_]{3,}")


def groups(vectors: Floats, seed: int = 0) -> Ints:
    """The group of each vector; how many there are is chosen by how well they stand apart (simplified silhouette).

    Args:
        vectors: of length 1, shape ``(vectors, dimensions)``.
        seed: of the random starts.

    Returns:
        Numbers from 0, the largest group first; shape ``(vectors,)``.
    """
    if len(vectors) < 2 * _FEWEST:
        return np.zeros(len(vectors), np.int64)
    random = np.random.default_rng(seed)
    sample = vectors[random.permutation(len(vectors))[:_JUDGED]]
    most = min(_MOST, len(vectors) // _MEMBERS)
    best, best_score = np.empty((0, vectors.shape[1]), np.float32), -np.inf
    for count in range(_FEWEST, max(_FEWEST, most) + 1):
        centres = max((_centres(sample, count, random) for _ in range(_STARTS)), key=lambda c: _closeness(sample, c))
        score = _apart(sample, centres)
        if score > best_score:
            best, best_score = centres, score
    return _largest_first((vectors @ best.T).argmax(axis=1))


def names(texts: Sequence[str], labels: Sequence[int], words: int = 3) -> list[str]:
    """The most telling words of each group: often in it, seldom in the others (class-based TF-IDF, Grootendorst 2022).

    Args:
        texts: one a member.
        labels: the group of each text, numbers from 0.
        words: of a name, at most.
    """
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    written: dict[str, Counter[str]] = defaultdict(Counter)
    for text, label in zip(texts, labels, strict=True):
        for word in set(_WORD.findall(text.lower())):
            counts[label][plain(word)] += 1
            written[plain(word)][word] += 1
    spread = Counter(word for found in counts.values() for word in found)
    total = Counter(word for found in counts.values() for word in found.elements())
    limit = max(2, _COMMON * len(counts))
    mean = sum(total.values()) / max(1, len(counts))
    found = []
    for label in range(max(labels, default=-1) + 1):
        telling = {
            word: n * np.log(1 + mean / total[word])
            for word, n in counts[label].items()
            if word and spread[word] <= limit
        }
        best = sorted(telling, key=lambda word: (-telling[word], word))[:words]
        found.append(", ".join(written[word].most_common(1)[0][0] for word in best))
    return found


def _centres(vectors: Floats, count: int, random: np.random.Generator) -> Floats:
    """Centres of length 1 by spherical k-means; the start is spread out (k-means++, Arthur and Vassilvitskii 2007)."""
    chosen = [int(random.integers(len(vectors)))]
    distance = 1 - vectors @ vectors[chosen[0]]
    while len(chosen) < count:
        weights = np.maximum(distance, 0) + 1e-9
        chosen.append(int(random.choice(len(vectors), p=weights / weights.sum())))
        distance = np.minimum(distance, 1 - vectors @ vectors[chosen[-1]])
    centres = vectors[chosen]
    before: Ints | None = None
    for _ in range(_ROUNDS):
        labels = (vectors @ centres.T).argmax(axis=1)
        if before is not None and (labels == before).all():
            break
        before = labels
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, vectors)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 1e-9, sums / np.maximum(lengths, 1e-9), centres).astype(np.float32)
    return centres


def _closeness(vectors: Floats, centres: Floats) -> float:
    return float((vectors @ centres.T).max(axis=1).sum())


def _apart(vectors: Floats, centres: Floats) -> float:
    """How much nearer the own centre is than the next, mean over the vectors; -1 to 1."""
    two = -np.sort(-(vectors @ centres.T), axis=1)[:, :2]
    own, other = np.maximum(1 - two[:, 0], 1e-6), np.maximum(1 - two[:, 1], 1e-6)
    return float(((other - own) / other).mean())


def _largest_first(labels: NDArray[np.int64]) -> Ints:
    order = np.argsort(-np.bincount(labels), kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return np.asarray(rank[labels], np.int64)
