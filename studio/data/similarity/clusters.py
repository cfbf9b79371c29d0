"""Which texts are near-identical: the same words, or nearly the same letters. Scales to a million texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from studio.data.similarity import minhash
from studio.data.similarity.minhash import Hashes, Ints
from studio.data.text import plain

THRESHOLD: Final = 0.8  # of the Jaccard index
_FEWEST_PIECES: Final = 6  # in fewer, one letter decides


def clusters(texts: Sequence[str], threshold: float = THRESHOLD) -> list[int]:
    """The cluster of each text: near-identical ones share a number (the index of the first of them).

    Two texts are near-identical when they name the same numbers ("size 38" is not "size 40") and their sets of
    three-letter pieces overlap by ``threshold`` (Jaccard index). Candidates come from MinHash with banding (Broder
    1997; Leskovec et al., Mining of Massive Datasets, 3.4).
    """
    firsts: dict[str, int] = {}
    place: list[int] = []
    for text in texts:
        place.append(firsts.setdefault(plain(text) or text.strip(), len(firsts)))
    index: dict[int, int] = {}
    for at, unique in enumerate(place):
        index.setdefault(unique, at)
    labels = near(list(firsts), threshold)
    return [index[int(labels[unique])] for unique in place]


def near(keys: Sequence[str], threshold: float = THRESHOLD, apart: Hashes | None = None) -> Ints:
    """The cluster of each of some different texts, which :func:`studio.data.text.plain` has been applied to.

    Args:
        keys: the texts.
        threshold: of the Jaccard index of their pieces.
        apart: ``(len(keys),)``; texts with different values are never compared.

    Returns:
        ``(len(keys),)``: the index of the first text of each one's cluster.
    """
    parents = np.arange(len(keys))
    chosen = np.flatnonzero([len(key) >= _FEWEST_PIECES and _enough(key) for key in keys])
    if len(chosen) < 2:
        return parents
    texts = [keys[i] for i in chosen.tolist()]
    parents[chosen] = chosen[minhash.roots_of(texts, apart[chosen] if apart is not None else None, threshold)]
    return parents


def _enough(key: str) -> bool:
    padded = f" {key} "
    return len(key) > 40 or len({padded[i : i + 3] for i in range(len(key))}) >= _FEWEST_PIECES
