"""Texts by their letters alone: no model, no download, any language. Imports scikit-learn: for child processes only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from studio.data.text import plain

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer


def letter_vectorizer(min_texts: int = 1) -> TfidfVectorizer:
    """TF-IDF of pieces of three to five letters, within words.

    Args:
        min_texts: in fewer texts than these, a piece does not count.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=(3, 5),
        sublinear_tf=True,
        min_df=min_texts,
        max_features=50_000,
        preprocessor=folded,
        dtype=np.float32,
    )


def folded(text: str) -> str:
    """Lower case without accents; what has no letters of that kind stays."""
    return plain(text) or text.casefold()


def letter_vectors(texts: Sequence[str], dimensions: int = 64) -> NDArray[np.float32]:
    """One vector of length 1 a text, of its TF-IDF pieces in few dimensions (latent semantic analysis).

    Returns:
        Shape ``(texts, dimensions)``; fewer dimensions for few texts.
    """
    from sklearn.decomposition import TruncatedSVD

    try:
        table = letter_vectorizer(2).fit_transform(texts)
    except ValueError:  # no two texts share a piece
        return np.eye(len(texts), dimensions, dtype=np.float32)
    rank = min(dimensions, min(table.shape) - 1)
    if rank < 2:
        return unit(table.toarray())
    with np.errstate(invalid="ignore"):  # of texts that are all the same, no variance is explained
        return unit(TruncatedSVD(rank, random_state=0).fit_transform(table))


def centred(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors about their mean, of length 1: what all texts of a desk have in common tells none of them apart."""
    return unit(vectors - vectors.mean(axis=0))


def topic_vectors(vectors: NDArray[np.float32], texts: Sequence[str], letter_weight: float) -> NDArray[np.float32]:
    """Vectors of an encoder about their mean, with those of the letters beside them where the encoder wants that.

    Args:
        vectors: of the texts, shape ``(texts, dimensions)``.
        texts: in the same order.
        letter_weight: see :class:`studio.encoders.encoder.EncoderTraits`.
    """
    if not letter_weight:
        return centred(vectors)
    return unit(np.concatenate([centred(vectors), letter_weight * letter_vectors(texts)], axis=1))


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows brought to length 1; a row of zeros stays."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)
