"""The sums of :mod:`studio.data.similarity.minhash` for many texts: compiled code, on several cores."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from studio.data.similarity import minhash_kernels
from studio.data.similarity.minhash import (
    BANDS,
    BATCH,
    COUNTED,
    HASHES,
    LONGEST,
    SLACK,
    THREADS,
    UNSURE,
    Hashes,
    Ints,
    Sketches,
    bucket_of,
    dice_of,
    mark_of,
    mixed,
    spaced,
)


def roots_of(texts: Sequence[str], away: Hashes | None, threshold: float) -> Ints:
    """The cluster of each text: the place of its first.

    Args:
        texts: of :func:`studio.data.similarity.clusters.near`, those with pieces enough.
        away: ``(N,)``; texts with different values are never compared. All are where None.
        threshold: of the Jaccard index of their pieces.
    """
    sketches = _sketches_of_many(texts)
    marks = sketches.marks if away is None else mixed(sketches.marks, away)
    bounds = ((threshold - SLACK) * HASHES, threshold, UNSURE, LONGEST)

    def join(bands: range) -> Ints:
        """The clusters that some of the bands show."""
        roots = np.arange(len(texts))
        unsure = np.empty((COUNTED, 2), np.int64)
        for band in bands:
            bucket = bucket_of(sketches.signatures, marks, band)
            order = np.argsort(bucket, kind="stable")
            bucket = bucket[order]
            place = 0
            while place < len(texts):
                count, place = minhash_kernels.join_band(order, bucket, sketches.columns, roots, bounds, unsure, place)
                pairs = unsure[:count][minhash_kernels.apart(roots, unsure[:count])]
                near_enough = np.zeros(len(pairs), np.bool_)
                if len(pairs):
                    minhash_kernels.near_enough(
                        *spaced([texts[i] for i in pairs.ravel().tolist()]), threshold, near_enough
                    )
                minhash_kernels.join(roots, pairs, near_enough)
        return roots

    with ThreadPoolExecutor(THREADS) as pool:
        roots, *others = pool.map(join, (range(first, BANDS, THREADS) for first in range(THREADS)))
    everything = np.arange(len(texts))
    for more in others:
        minhash_kernels.join(roots, np.stack((everything, more), axis=1), everything != more)
    while not np.array_equal(roots, higher := roots[roots]):
        roots = higher
    return roots


def _sketches_of_many(texts: Sequence[str]) -> Sketches:
    made = Sketches.of(len(texts))

    def sketch(first: int) -> None:
        batch = slice(first, first + BATCH)
        minhash_kernels.sketch(*spaced(texts[batch]), dice_of(), tuple(column[batch] for column in made.columns))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(sketch, range(0, len(texts), BATCH)))
    for place in np.flatnonzero(made.marks == minhash_kernels.FOREIGN).tolist():
        made.marks[place] = mark_of(texts[place])
    return made
