"""Where vectors stand on a map, their groups, and the words that name these. Imports scikit-learn: for child processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_PERPLEXITY: Final = 12  # about as many neighbours as a topic has wordings
_MANY: Final = 2_000  # vectors beyond which half the rounds must do, and by which a number of groups is chosen
_MIN_GROUPS, _MAX_GROUPS = 3, 24
_GROUP_SIZE: Final = 8  # vectors of a group, on average, at least
_COMMON: Final = 0.4  # share of the groups: a word in more of them tells nothing


def places(vectors: Floats) -> Floats:
    """Places on a plane about the origin, -1 to 1, alike ones close together (t-SNE, van der Maaten and Hinton 2008).

    Args:
        vectors: of length 1, shape ``(vectors, dimensions)``.

    Returns:
        Shape ``(vectors, 2)``; the same for the same vectors.
    """
    if len(np.unique(vectors, axis=0)) < 2:
        return np.zeros((len(vectors), 2), np.float32)
    rounds = 1_000 if len(vectors) <= _MANY else 500
    perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
    made = TSNE(perplexity=perplexity, max_iter=rounds, init="pca", metric="cosine", random_state=0).fit_transform(
        vectors
    )
    made -= made.mean(axis=0)
    return np.asarray(made / max(1e-9, float(np.abs(made).max())), np.float32)


def nearest(vectors: Floats, count: int) -> Ints:
    """The nearest others of each vector, the nearest first; shape ``(vectors, count)``, fewer where there are fewer."""
    return np.asarray(NearestNeighbors(n_neighbors=min(count, len(vectors) - 1)).fit(vectors).kneighbors()[1], np.int64)


def groups(vectors: Floats) -> Ints:
    """The group of each vector, the largest is 0; how many there are is chosen by their silhouette."""
    sample = vectors[np.random.default_rng(0).permutation(len(vectors))[:_MANY]]
    most = min(_MAX_GROUPS, len(vectors) // _GROUP_SIZE)
    best, best_score = np.zeros(len(vectors), np.int64), -1.0
    for count in range(_MIN_GROUPS, max(_MIN_GROUPS, most) + 1):
        if len(np.unique(sample, axis=0)) <= count:
            break
        means = KMeans(count, n_init=3, random_state=0).fit(sample)
        score = float(silhouette_score(sample, means.labels_))
        if score > best_score:
            best, best_score = means.predict(vectors), score
    ranks = np.argsort(np.argsort(-np.bincount(best), kind="stable"))
    return np.asarray(ranks[best], np.int64)


def names(texts: Sequence[str], labels: Ints, words: int = 3) -> list[str]:
    """The most telling words of each group: often in it, seldom in the others (class-based TF-IDF, Grootendorst 2022).

    Args:
        texts: one a member.
        labels: the group of each text, numbers from 0.
        words: of a name, at most.
    """
    try:
        vectorizer = CountVectorizer(token_pattern=r"[^\W\d_]{3,}", binary=True)
        table = vectorizer.fit_transform(texts)
    except ValueError:  # no words at all
        return [""] * (int(labels.max()) + 1)
    counts = np.stack([np.asarray(table[labels == group].sum(axis=0))[0] for group in range(int(labels.max()) + 1)])
    weights = counts * np.log(1 + counts.sum() / len(counts) / counts.sum(axis=0))
    weights[:, (counts > 0).sum(axis=0) > max(2, _COMMON * len(counts))] = 0
    vocabulary = vectorizer.get_feature_names_out()
    best = np.argsort(-weights, axis=1, kind="stable")[:, :words]
    return [", ".join(vocabulary[i] for i in row if weights[group, i] > 0) for group, row in enumerate(best)]
