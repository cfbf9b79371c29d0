"""MinHash of texts with banding, in numpy: which of some thousand texts are near-identical."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

HASHES: Final = 32
BANDS: Final = 8  # of 4 hashes: two texts that share 80 % of their pieces meet in a band with probability 0.98
_NEIGHBOURS: Final = 6  # of a bucket that a text is compared with: enough to meet one, too few to be quadratic
_BITS: Final = 2048  # of the picture of a text's pieces, from which most overlaps are read
SLACK: Final = 0.2  # below the threshold, where hashes alone rule an overlap out
UNSURE: Final = 0.05  # around the threshold, where the picture may err and the pieces themselves are counted
LONGEST: Final = 800  # pieces of a text of which the picture is sharp enough
BATCH: Final = 1_000  # texts at once: so few stay in the processor's cache
_PAIRS: Final = 200_000  # pairs looked at at once
COUNTED: Final = 4_000  # pairs counted at once
THREADS: Final = min(4, os.cpu_count() or 1)
_BASIS, _PRIME = 0xCBF29CE484222325, 0x100000001B3  # FNV-1a, 64 bits
_NUMBERS: Final = re.compile(r"\d+")
_DIGIT: Final = re.compile(r"\d")

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]


def roots_of(texts: Sequence[str], away: Hashes | None, threshold: float) -> Ints:
    """The cluster of each text: the place of its first.

    Args:
        texts: of :func:`studio.data.similarity.clusters.near`, those with pieces enough.
        away: ``(N,)``; texts with different values are never compared. All are where None.
        threshold: of the Jaccard index of their pieces.
    """
    sketches = _sketches(texts)
    marks = sketches.marks if away is None else mixed(sketches.marks, away)
    roots = np.arange(len(texts))
    for lefts, rights in _candidates(sketches, marks, roots, threshold):
        overlaps = _seen(sketches, lefts, rights)
        longest = np.maximum(sketches.sizes[lefts], sketches.sizes[rights])
        unsure = (np.abs(overlaps - threshold) < UNSURE) | (longest > LONGEST)
        sure = (overlaps >= threshold) & ~unsure
        _join(roots, lefts[sure], rights[sure])
        _join_counted(roots, texts, lefts[unsure], rights[unsure], threshold)
    return roots


@dataclass(frozen=True)
class Sketches:
    """Of each text: MinHash values ``(N, 32)``, the picture of its pieces ``(N, 32)`` words, their number ``(N,)``,
    a hash of the numbers in it ``(N,)``."""

    signatures: NDArray[np.uint32]
    pictures: NDArray[np.uint64]
    sizes: Ints
    marks: Hashes

    @classmethod
    def of(cls, count: int) -> Sketches:
        """Of so many texts, still to be filled."""
        pictures = np.zeros((count, _BITS // 64), np.uint64)
        signatures = np.empty((count, HASHES), np.uint32)
        return cls(signatures, pictures, np.empty(count, np.int64), np.empty(count, np.uint64))

    @property
    def columns(self) -> tuple[NDArray[np.uint32], Hashes, Ints, Hashes]:
        """All four."""
        return self.signatures, self.pictures, self.sizes, self.marks


def dice_of() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Masks and factors that make 32 hashes of one, ``(32,)`` each."""
    dice = np.random.default_rng(1)
    masks = dice.integers(0, 1 << 32, HASHES, dtype=np.uint32)
    return masks, dice.integers(0, 1 << 32, HASHES, dtype=np.uint32) | np.uint32(1)


def mark_of(key: str) -> int:
    """A number for the numbers in a text; 0 for none."""
    found = 0
    for number in _NUMBERS.findall(key) if _DIGIT.search(key) else ():
        for letter in f"{number} ":
            found = ((found or _BASIS) ^ ord(letter)) * _PRIME & 0xFFFFFFFFFFFFFFFF
    return found


def _sketches(texts: Sequence[str]) -> Sketches:
    count = len(texts)
    made = Sketches.of(count)
    made.marks[:] = np.fromiter(map(mark_of, texts), np.uint64, count)
    masks, factors = dice_of()

    def sketch(first: int) -> None:
        batch = slice(first, min(count, first + BATCH))
        pieces, owners = _hashed(texts[first : first + BATCH])
        sizes = made.sizes[batch] = np.bincount(owners)
        starts = np.cumsum(sizes) - sizes
        for k in range(HASHES):
            made.signatures[batch, k] = np.minimum.reduceat((pieces ^ masks[k]) * factors[k], starts)
        dots = np.zeros(len(sizes) * _BITS, np.bool_)
        dots[owners * _BITS + (pieces & np.uint32(_BITS - 1))] = True
        made.pictures[batch] = np.packbits(dots).view(np.uint64).reshape(len(sizes), -1)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(sketch, range(0, count, BATCH)))
    return made


def spaced(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Ints]:
    """The letters of some texts, a space put around each, and their lengths without it."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    joined = f" {'  '.join(texts)} "
    return np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32), lengths


def _hashed(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Ints]:
    """The hashes of the different three-letter pieces of some texts, a space put around each, and whose they are."""
    letters, lengths = spaced(texts)
    whole = np.ones(len(letters), np.bool_)
    ends = np.cumsum(lengths + 2)
    whole[ends - 1] = whole[ends - 2] = False  # pieces that would reach into the next text
    a, b, c = letters[:-2], letters[1:-1], letters[2:]
    found = (a * np.uint32(0x9E3779B1) + b * np.uint32(0x85EBCA77) + c * np.uint32(0xC2B2AE3D))[whole[:-2]]
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        found = (found ^ (found >> np.uint32(shift))) * np.uint32(factor)
    owned = (np.repeat(np.arange(len(texts), dtype=np.uint64), lengths) << np.uint64(32)) | found
    different = _different(owned)
    return different.astype(np.uint32), (different >> np.uint64(32)).astype(np.int64)


def _different(values: Hashes) -> Hashes:
    ordered = np.sort(values)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]


def _candidates(sketches: Sketches, marks: Hashes, roots: Ints, threshold: float) -> Iterator[tuple[Ints, Ints]]:
    """Pairs that share a band and are not known to belong together; their hashes do not rule the overlap out.

    32 hashes estimate the overlap with a deviation of 0.07: far below the threshold needs no exact count.
    """
    floor = (threshold - SLACK) * HASHES
    places = np.arange(len(marks))
    for band in range(BANDS):
        bucket = bucket_of(sketches.signatures, marks, band)
        order = np.argsort(bucket, kind="stable")
        ordered = bucket[order]
        fresh = np.concatenate(([True], ordered[1:] != ordered[:-1]))
        starts = np.maximum.accumulate(np.where(fresh, places, 0))
        for neighbour in range(_NEIGHBOURS):
            later = np.flatnonzero(places - starts > neighbour)
            for first in range(0, len(later), _PAIRS):
                some = later[first : first + _PAIRS]
                lefts, rights = order[starts[some] + neighbour], order[some]
                apart = roots[lefts] != roots[rights]
                lefts, rights = lefts[apart], rights[apart]
                alike = np.count_nonzero(sketches.signatures[lefts] == sketches.signatures[rights], axis=1) >= floor
                if alike.any():
                    yield lefts[alike], rights[alike]


def bucket_of(signatures: NDArray[np.uint32], marks: Hashes, band: int) -> Hashes:
    """Of each text, one hash of the hashes of a band."""
    width = HASHES // BANDS
    bucket = marks
    for k in range(band * width, (band + 1) * width):
        bucket = mixed(bucket, signatures[:, k].astype(np.uint64))
    return bucket


def _seen(sketches: Sketches, lefts: Ints, rights: Ints) -> NDArray[np.float64]:
    """The overlap of each pair, from the sizes of both and the picture of both together.

    Of ``n`` pieces put into ``m`` places at random, ``m (1 - exp(-n / m))`` places are taken (linear counting, Whang et
    al. 1990).
    """
    taken = np.bitwise_count(sketches.pictures[lefts] | sketches.pictures[rights]).sum(axis=1, dtype=np.int64)
    either = -_BITS * np.log1p(-np.minimum(taken, _BITS - 1) / _BITS)
    overlap: NDArray[np.float64] = (sketches.sizes[lefts] + sketches.sizes[rights]) / either - 1
    return overlap


def _join_counted(roots: Ints, texts: Sequence[str], lefts: Ints, rights: Ints, threshold: float) -> None:
    """Puts the clusters of those pairs together whose pieces overlap by the threshold, counted one by one."""
    for first in range(0, len(lefts), COUNTED):
        a, b = lefts[first : first + COUNTED], rights[first : first + COUNTED]
        apart = roots[a] != roots[b]
        a, b = a[apart], b[apart]
        if not len(a):
            continue
        (left, of_left), (right, of_right) = (
            _hashed([texts[i] for i in a.tolist()]),
            _hashed([texts[i] for i in b.tolist()]),
        )
        owned = [of_left.astype(np.uint64) << np.uint64(32) | left, of_right.astype(np.uint64) << np.uint64(32) | right]
        either = np.bincount((_different(np.concatenate(owned)) >> np.uint64(32)).astype(np.int64))
        near_enough = np.bincount(of_left) + np.bincount(of_right) - either >= threshold * either
        _join(roots, a[near_enough], b[near_enough])


def _join(roots: Ints, lefts: Ints, rights: Ints) -> None:
    """Puts the clusters of each pair together under the lower number; every text points at its root afterwards."""
    if not len(lefts):
        return
    parents = roots.tolist() if len(lefts) * 20 > len(roots) else roots
    for left, right in zip(lefts.tolist(), rights.tolist(), strict=True):
        a, b = _root(parents, left), _root(parents, right)
        if a != b:
            parents[max(a, b)] = min(a, b)
    roots[:] = parents
    while not np.array_equal(roots, higher := roots[roots]):
        roots[:] = higher


def _root(parents: list[int] | Ints, index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = int(parents[index])
    return index


def mixed(one: Hashes, other: Hashes) -> Hashes:
    """One hash of two."""
    found = (one ^ (other + np.uint64(0x9E3779B97F4A7C15) + (one << np.uint64(6)))) * np.uint64(0xBF58476D1CE4E5B9)
    return found ^ (found >> np.uint64(29))
