"""Which texts are near-identical: the same words, or nearly the same letters. Scales to a hundred thousand texts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from studio.data.text import plain

_HASHES: Final = 32
_BANDS: Final = 8  # of 4 hashes: two texts that share 80 % of their pieces meet in a band with probability 0.98
_PRIME: Final = (1 << 31) - 1
_NEIGHBOURS: Final = 6  # of a bucket that a text is compared with: enough to meet one, too few to be quadratic
_NUMBERS: Final = re.compile(r"\d+")
THRESHOLD: Final = 0.8


def clusters(texts: Sequence[str], threshold: float = THRESHOLD) -> list[int]:
    """The cluster of each text: near-identical ones share a number (the index of the first of them).

    Two texts are near-identical when they name the same numbers ("size 38" is not "size 40") and their sets of
    three-letter pieces overlap by ``threshold`` (Jaccard index). Candidates come from MinHash with banding (Broder
    1997; Leskovec et al., Mining of Massive Datasets, 3.4).
    """
    parents = list(range(len(texts)))
    firsts: dict[str, int] = {}
    keys = [plain(text) or text.strip() for text in texts]
    for index, key in enumerate(keys):
        parents[index] = firsts.setdefault(key, index)
    vocabulary: dict[str, int] = {}
    pieces = {i: found for i in sorted(firsts.values()) if len(found := _pieces(keys[i], vocabulary)) >= 6}
    for left, right in _candidates(pieces, {i: tuple(_NUMBERS.findall(keys[i])) for i in pieces}, threshold):
        a, b = _root(parents, left), _root(parents, right)
        if a != b and _overlap(pieces[left], pieces[right]) >= threshold:
            parents[max(a, b)] = min(a, b)
    return [_root(parents, index) for index in range(len(texts))]


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def _pieces(key: str, vocabulary: dict[str, int]) -> frozenset[int]:
    padded = f" {key} "
    return frozenset(vocabulary.setdefault(padded[i : i + 3], len(vocabulary)) for i in range(len(padded) - 2))


def _overlap(left: frozenset[int], right: frozenset[int]) -> float:
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


def _signatures(pieces: dict[int, frozenset[int]]) -> NDArray[np.int32]:
    """One row of MinHash values a text, in the order of ``pieces``."""
    random = np.random.default_rng(1)
    a = random.integers(1, _PRIME, _HASHES, dtype=np.int64)[:, None]
    b = random.integers(0, _PRIME, _HASHES, dtype=np.int64)[:, None]
    signatures = np.empty((len(pieces), _HASHES), np.int32)
    for row, found in enumerate(pieces.values()):
        signatures[row] = ((a * np.fromiter(found, np.int64, len(found)) + b) % _PRIME).min(axis=1)
    return signatures


def _candidates(
    pieces: dict[int, frozenset[int]], numbers: dict[int, tuple[str, ...]], threshold: float
) -> Iterator[tuple[int, int]]:
    """Pairs that share a band, and whose hashes do not rule out an overlap of ``threshold``."""
    signatures = _signatures(pieces)
    indices = list(pieces)
    width = _HASHES // _BANDS
    # 32 hashes estimate the overlap with a deviation of 0.07: far below the threshold needs no exact count.
    floor = (threshold - 0.2) * _HASHES
    for band in range(_BANDS):
        buckets: defaultdict[tuple[bytes, tuple[str, ...]], list[int]] = defaultdict(list)
        lefts: list[int] = []
        rights: list[int] = []
        for row, index in enumerate(indices):
            bucket = buckets[signatures[row, band * width : (band + 1) * width].tobytes(), numbers[index]]
            lefts += bucket
            rights += [row] * len(bucket)
            if len(bucket) < _NEIGHBOURS:
                bucket.append(row)
        same = np.count_nonzero(signatures[lefts] == signatures[rights], axis=1) if lefts else np.empty(0)
        for pair in np.flatnonzero(same >= floor):
            yield indices[lefts[pair]], indices[rights[pair]]
