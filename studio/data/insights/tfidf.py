"""Vectors of texts from their letters alone: no model, no download, any language.

Pieces of three to five letters, weighted by TF-IDF and brought to few dimensions by a randomised singular value
decomposition (Deerwester et al. 1990, latent semantic analysis; Halko, Martinsson, Tropp 2011, algorithm 4.4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from studio.data.text import plain

_SIZES: Final = (3, 4, 5)
_MOST_PIECES: Final = 8_192
_OVERSAMPLING: Final = 16
_ROUNDS: Final = 3
DIMENSIONS: Final = 64


def vectors(texts: Sequence[str], dimensions: int = DIMENSIONS) -> NDArray[np.float32]:
    """One vector of length 1 a text: the cosine of two is how alike they are.

    Args:
        texts: in any language.
        dimensions: at most; few texts have fewer.

    Returns:
        Shape ``(texts, dimensions)``.
    """
    counted = [Counter(_pieces(text)) for text in texts]
    spread = Counter(piece for counts in counted for piece in counts)
    # A piece of one text alone says nothing of its neighbours.
    shared = [(piece, n) for piece, n in spread.most_common(_MOST_PIECES) if n > 1]
    if not shared:
        return np.eye(len(texts), min(len(texts), dimensions), dtype=np.float32)
    columns = {piece: column for column, (piece, _) in enumerate(shared)}
    weights = np.log((1 + len(texts)) / (1 + np.array([n for _, n in shared], np.float32))) + 1
    table = np.zeros((len(texts), len(columns)), np.float32)
    for row, counts in enumerate(counted):
        for piece, n in counts.items():
            column = columns.get(piece)
            if column is not None:
                table[row, column] = 1 + np.log(n)
    return unit(_reduced(unit(table * weights), dimensions))


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows brought to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), np.float32)


def _pieces(text: str) -> list[str]:
    """Pieces inside words, with the borders of the words."""
    found = []
    for word in (plain(text) or text.casefold()).split():
        padded = f" {word} "
        for size in _SIZES:
            found += [padded[i : i + size] for i in range(max(1, len(padded) - size + 1))]
    return found


def _reduced(table: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """The rows in the directions in which they differ most, each direction by its strength."""
    rank = min(dimensions, *table.shape)
    if rank == table.shape[1]:
        return table
    width = min(rank + _OVERSAMPLING, *table.shape)
    random = np.random.default_rng(0).standard_normal((table.shape[1], width), dtype=np.float32)
    basis, _ = np.linalg.qr(table @ random)
    for _ in range(_ROUNDS):
        basis, _ = np.linalg.qr(table.T @ basis)
        basis, _ = np.linalg.qr(table @ basis)
    left, strengths, _ = np.linalg.svd(basis.T @ table, full_matrices=False)
    return np.asarray((basis @ left)[:, :rank] * strengths[:rank], np.float32)
