"""Which texts are near-identical: the same words, or nearly the same letters. Scales to a hundred thousand texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from studio.data.text import plain

_HASHES: Final = 32
_BANDS: Final = 8  # of 4 hashes: two texts that share 80 % of their pieces meet in a band with probability 0.99
_PRIME: Final = (1 << 31) - 1
THRESHOLD: Final = 0.8


def clusters(texts: Sequence[str], threshold: float = THRESHOLD) -> list[int]:
    """The cluster of each text: near-identical ones share a number (the index of the first of them).

    Two texts are near-identical when their sets of three-letter pieces overlap by ``threshold`` (Jaccard index).
    Candidates come from MinHash with banding (Broder 1997; Leskovec et al., Mining of Massive Datasets, 3.4).
    """
    parents = list(range(len(texts)))
    firsts: dict[str, int] = {}
    keys = [plain(text) or text.strip() for text in texts]
    for index, key in enumerate(keys):
        first = firsts.setdefault(key, index)
        parents[index] = first
    distinct = sorted(firsts.values())
    pieces = {index: _pieces(keys[index]) for index in distinct}
    for left, right in _candidates({index: found for index, found in pieces.items() if len(found) >= 6}):
        a, b = _root(parents, left), _root(parents, right)
        if a != b and _overlap(pieces[left], pieces[right]) >= threshold:
            parents[max(a, b)] = min(a, b)
    return [_root(parents, index) for index in range(len(texts))]


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def _pieces(key: str) -> frozenset[int]:
    padded = f" {key} "
    return frozenset(_hash(padded[i : i + 3]) for i in range(len(padded) - 2))


def _hash(piece: str) -> int:
    value = 0
    for letter in piece:
        value = (value * 1_000_003 + ord(letter)) % _PRIME
    return value


def _overlap(left: frozenset[int], right: frozenset[int]) -> float:
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


def _candidates(pieces: dict[int, frozenset[int]]) -> set[tuple[int, int]]:
    random = np.random.default_rng(1)
    a = random.integers(1, _PRIME, _HASHES, dtype=np.int64)[:, None]
    b = random.integers(0, _PRIME, _HASHES, dtype=np.int64)[:, None]
    width = _HASHES // _BANDS
    buckets: dict[tuple[int, bytes], int] = {}
    pairs: set[tuple[int, int]] = set()
    chains: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)
    for index, found in pieces.items():
        values = np.fromiter(found, dtype=np.int64, count=len(found))[None, :]
        signature = ((a * values + b) % _PRIME).min(axis=1)
        for band in range(_BANDS):
            key = (band, signature[band * width : (band + 1) * width].tobytes())
            if key in buckets:
                # A bucket keeps a few members: enough to meet a neighbour, too few to make pairs quadratic.
                members = chains[key]
                pairs.update((member, index) for member in (buckets[key], *members))
                if len(members) < 8:
                    members.append(index)
            else:
                buckets[key] = index
    return pairs
