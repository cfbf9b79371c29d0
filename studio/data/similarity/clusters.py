"""Which texts are near-identical: the same words, or nearly the same letters. Scales to a million texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import xxhash
from numpy.typing import NDArray

from studio.data.text import plain

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_HASHES: Final = 32
_BANDS: Final = 8  # of 4 hashes: two texts that share 80 % of their pieces meet in a band with probability 0.98
_NEIGHBOURS: Final = 6  # of a bucket that a text is compared with: enough to meet one, too few to be quadratic
_SLACK: Final = 0.2  # below the threshold, where hashes alone rule an overlap out: 32 of them err by 0.07
_TEXTS_AT_ONCE: Final = 1_000  # so few stay in the processor's cache
_PAIRS_AT_ONCE: Final = 20_000
_PIECE_BITS: Final = 30  # of the hash of a piece, so that it is a column of a sparse matrix
_NUMBERS: Final = re.compile(r"\d+")

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Signatures = NDArray[np.uint32]
THRESHOLD: Final = 0.8  # of the Jaccard index
_FEWEST_PIECES: Final = 6  # in fewer, one letter decides


def cluster_roots(texts: Sequence[str], apart: Hashes | None, threshold: float) -> Ints:
    """The cluster of each text: the place of its first."""
    from scipy.sparse import coo_array  # loaded by the first check, not by every process
    from scipy.sparse.csgraph import connected_components

    pieces, signatures = _signatures_of(texts)
    marks = np.fromiter(map(_number_mark, texts), np.uint64, len(texts))
    lefts, rights = _candidates(
        signatures, marks if apart is None else combined_hashes(marks, apart), threshold - _SLACK
    )
    near = _overlaps(pieces, lefts, rights) >= threshold
    links = (np.ones(np.count_nonzero(near), np.bool_), (lefts[near], rights[near]))
    _, labels = connected_components(coo_array(links, shape=(len(texts), len(texts))), directed=False)
    roots: Ints = np.unique(labels, return_index=True)[1][labels]
    return roots


def combined_hashes(one: Hashes, other: Hashes) -> Hashes:
    """One hash of two."""
    found = (one ^ (other + np.uint64(0x9E3779B97F4A7C15) + (one << np.uint64(6)))) * np.uint64(0xBF58476D1CE4E5B9)
    return found ^ (found >> np.uint64(29))


def _number_mark(text: str) -> int:
    """A hash of the numbers in a text; 0 for none."""
    numbers = _NUMBERS.findall(text)
    return xxhash.xxh3_64_intdigest(" ".join(numbers).encode()) if numbers else 0


def _signatures_of(texts: Sequence[str]) -> tuple[csr_array, Signatures]:
    """The pieces of each text as a row of a sparse matrix ``(N, 2**30)``, and its MinHash values ``(N, 32)``."""
    from scipy.sparse import csr_array

    random = np.random.default_rng(1)
    masks = random.integers(0, 1 << 32, _HASHES, dtype=np.uint32)
    factors = random.integers(0, 1 << 32, _HASHES, dtype=np.uint32) | np.uint32(1)
    signatures = np.empty((len(texts), _HASHES), np.uint32)
    columns = np.empty(sum(map(len, texts)), np.int32)
    ends = np.zeros(len(texts) + 1, np.int64)
    for first in range(0, len(texts), _TEXTS_AT_ONCE):
        pieces, counts = _hashed_pieces(texts[first : first + _TEXTS_AT_ONCE])
        rows = slice(first, first + len(counts))
        starts = np.cumsum(counts) - counts
        for k in range(_HASHES):
            signatures[rows, k] = np.minimum.reduceat((pieces ^ masks[k]) * factors[k], starts)
        begin = ends[first]
        columns[begin : begin + len(pieces)] = pieces
        ends[first + 1 : first + len(counts) + 1] = begin + starts + counts
    columns = columns[: ends[-1]]
    return csr_array((np.ones(len(columns), np.int8), columns, ends), shape=(len(texts), 1 << _PIECE_BITS)), signatures


def _hashed_pieces(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Ints]:
    """The hashes of the different three-letter pieces of some texts, a space put around each; rising within a text.

    Returns:
        All pieces, one text after the other, and how many each text has, ``(len(texts),)``.
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    letters = np.frombuffer(f" {'  '.join(texts)} ".encode("utf-32-le", "surrogatepass"), np.uint32)
    inside = np.ones(len(letters), np.bool_)
    ends = np.cumsum(lengths + 2)
    inside[ends - 1] = inside[ends - 2] = False  # pieces that would reach into the next text
    a, b, c = letters[:-2], letters[1:-1], letters[2:]
    hashes = (a * np.uint32(0x9E3779B1) + b * np.uint32(0x85EBCA77) + c * np.uint32(0xC2B2AE3D))[inside[:-2]]
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        hashes = (hashes ^ (hashes >> np.uint32(shift))) * np.uint32(factor)
    owners = np.repeat(np.arange(len(texts), dtype=np.uint64), lengths) << np.uint64(32)
    ordered = np.sort(owners | (hashes >> np.uint32(32 - _PIECE_BITS)))
    different = ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]
    return different.astype(np.uint32), np.bincount((different >> np.uint64(32)).astype(np.int64))


def _candidates(signatures: Signatures, marks: Hashes, floor: float) -> tuple[Ints, Ints]:
    """Pairs of texts that share a mark and a band, and at least the share ``floor`` of their hashes; each once."""
    places = np.arange(len(marks))
    pairs = []
    for band in np.split(signatures, _BANDS, axis=1):
        bucket = marks
        for k in range(band.shape[1]):
            bucket = combined_hashes(bucket, band[:, k].astype(np.uint64))
        order = np.argsort(bucket, kind="stable")
        ordered = bucket[order]
        starts = np.maximum.accumulate(np.where(np.append(True, ordered[1:] != ordered[:-1]), places, 0))
        for neighbour in range(_NEIGHBOURS):
            later = np.flatnonzero(places - starts > neighbour)
            for some in np.split(later, range(_PAIRS_AT_ONCE, len(later), _PAIRS_AT_ONCE)):
                lefts, rights = order[starts[some] + neighbour], order[some]
                alike = np.count_nonzero(signatures[lefts] == signatures[rights], axis=1) >= floor * _HASHES
                pairs.append(lefts[alike] << 32 | rights[alike])
    different = np.unique(np.concatenate(pairs))
    return different >> 32, different & 0xFFFFFFFF


def _overlaps(pieces: csr_array, lefts: Ints, rights: Ints) -> NDArray[np.float64]:
    """The Jaccard index of the pieces of each pair."""
    sizes = np.diff(pieces.indptr)
    shared = np.empty(len(lefts), np.int64)
    for first in range(0, len(lefts), _PAIRS_AT_ONCE):
        some = slice(first, first + _PAIRS_AT_ONCE)
        shared[some] = np.diff(pieces[lefts[some]].multiply(pieces[rights[some]]).indptr)
    overlaps: NDArray[np.float64] = shared / (sizes[lefts] + sizes[rights] - shared)
    return overlaps


def clusters(texts: Sequence[str], threshold: float = THRESHOLD) -> list[int]:
    """The cluster of each text: near-identical ones share a number (the index of the first of them).

    Two texts are near-identical when they name the same numbers ("size 38" is not "size 40") and their sets of
    three-letter pieces overlap by ``threshold`` (Jaccard index). Candidates come from MinHash with banding (Broder
    1997; Leskovec et al., Mining of Massive Datasets, 3.4).
    """
    keys = [plain(text) or text.strip() for text in texts]
    first = {key: at for at, key in reversed(list(enumerate(keys)))}
    unique = list(dict.fromkeys(keys))
    leaders = dict(zip(unique, near(unique, threshold).tolist(), strict=True))
    return [first[unique[leaders[key]]] for key in keys]


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
    chosen = np.flatnonzero([_has_pieces(key) for key in keys])
    if len(chosen) < 2:
        return parents
    texts = [keys[i] for i in chosen.tolist()]
    parents[chosen] = chosen[cluster_roots(texts, apart[chosen] if apart is not None else None, threshold)]
    return parents


def _has_pieces(key: str) -> bool:
    """Whether a text has enough different three-letter pieces; it has as many as letters at least."""
    return len(set(key)) >= _FEWEST_PIECES or len({f" {key} "[i : i + 3] for i in range(len(key))}) >= _FEWEST_PIECES
