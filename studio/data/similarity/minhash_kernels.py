"""The inner loops of :mod:`studio.data.similarity.minhash` where there are many texts: the same sums, compiled for this processor.

Not imported before it is needed: the compiler is 30 MB.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from studio.compiled import compiled

_HASHES: Final = 32
_WORDS: Final = 32  # of 64 bits, in a picture
_NEIGHBOURS: Final = 6  # of similar._NEIGHBOURS
_BASIS, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # FNV-1a, 64 bits
FOREIGN: Final = np.uint64(1)


@compiled(inline="always")
def _piece(letters: Any, at: int) -> Any:
    """The hash of three letters; that of similar._hashed."""
    found = np.uint32(
        letters[at] * np.uint32(0x9E3779B1)
        + letters[at + 1] * np.uint32(0x85EBCA77)
        + letters[at + 2] * np.uint32(0xC2B2AE3D)
    )
    found = np.uint32((found ^ (found >> np.uint32(16))) * np.uint32(0x7FEB352D))
    return np.uint32((found ^ (found >> np.uint32(15))) * np.uint32(0x846CA68B))


@compiled()
def _pieces(letters: Any, first: int, count: int, table: Any, turn: Any, into: Any) -> int:
    """Puts the different pieces of a text into ``into`` and says how many they are.

    ``table`` is ``(2, M)``: a hash table with twice as many places as pieces, and whose turn each place was last taken.
    """
    places = np.uint32(table.shape[1] - 1)
    different = 0
    for at in range(first, first + count):
        piece = _piece(letters, at)
        place = piece & places
        while table[1, place] == turn and table[0, place] != piece:
            place = np.uint32(place + np.uint32(1)) & places
        if table[1, place] != turn:
            table[1, place] = turn
            table[0, place] = piece
            into[different] = piece
            different += 1
    return different


@compiled()
def sketch(letters: Any, lengths: Any, dice: Any, sketches: Any) -> None:
    """Fills the sketches of some texts.

    Args:
        letters: of all texts, uint32, two spaces between two of them and one at the ends.
        lengths: ``(N,)``, letters of each.
        dice: masks and factors of the hashes, ``(32,)`` uint32 each.
        sketches: to fill: MinHash values ``(N, 32)`` uint32, pictures ``(N, 32)`` uint64 zeros, sizes ``(N,)`` int64,
            marks ``(N,)`` uint64.
    """
    masks, factors = dice
    signatures, pictures, sizes, marks = sketches
    most = 0
    for length in lengths:
        most = max(most, length)
    table = np.zeros((2, _places(most)), np.uint32)
    pieces = np.empty(most, np.uint32)
    lowest = np.empty(_HASHES, np.uint32)
    first = 0
    for text in range(len(lengths)):
        count = _pieces(letters, first, lengths[text], table, np.uint32(text + 1), pieces)
        marks[text] = _mark(letters, first, lengths[text])
        first += lengths[text] + 2
        sizes[text] = count
        lowest[:] = np.uint32(0xFFFFFFFF)
        for at in range(count):
            piece = pieces[at]
            for k in range(_HASHES):
                lowest[k] = min(lowest[k], np.uint32((piece ^ masks[k]) * factors[k]))
            dot = piece & np.uint32(64 * _WORDS - 1)
            pictures[text, dot >> np.uint32(6)] |= np.uint64(1) << np.uint64(dot & np.uint32(63))
        signatures[text] = lowest


@compiled()
def _mark(letters: Any, first: int, count: int) -> Any:
    """As similar._mark, for digits of ASCII; FOREIGN for a text with other letters."""
    found = np.uint64(0)
    inside = False
    for at in range(first + 1, first + count + 2):
        letter = letters[at]
        if letter > 127:
            return FOREIGN
        digit = 48 <= letter <= 57
        if digit or inside:
            found = ((found or _BASIS) ^ np.uint64(letter if digit else 32)) * _PRIME
        inside = digit
    return found


@compiled()
def near_enough(letters: Any, lengths: Any, threshold: float, found: Any) -> None:
    """Fills ``(N,)``: whether the pieces of texts 0 and 1, 2 and 3 … overlap by the threshold; see :func:`sketch`."""
    most = 0
    for length in lengths:
        most = max(most, length)
    table = np.zeros((2, _places(2 * most)), np.uint32)
    pieces = np.empty(2 * most, np.uint32)
    first = 0
    for pair in range(len(found)):
        turn = np.uint32(2 * pair + 1)
        one, other = lengths[2 * pair], lengths[2 * pair + 1]
        left = _pieces(letters, first, one, table, turn, pieces)
        fresh = _pieces(letters, first + one + 2, other, table, turn, pieces)  # those that the first text has not
        right = _pieces(letters, first + one + 2, other, table, np.uint32(turn + np.uint32(1)), pieces)
        first += one + other + 4
        either = left + fresh
        found[pair] = left + right - either >= threshold * either


@compiled()
def _places(most: int) -> int:
    found = 64
    while found < 2 * most:
        found *= 2
    return found


@compiled()
def _root(parents: Any, index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


@compiled()
def join(parents: Any, pairs: Any, chosen: Any) -> None:
    """Puts the clusters of the chosen ones of some pairs ``(N, 2)`` together, under the lower number."""
    for pair in range(len(pairs)):
        if chosen[pair]:
            one, other = _root(parents, pairs[pair, 0]), _root(parents, pairs[pair, 1])
            parents[max(one, other)] = min(one, other)


@compiled()
def apart(parents: Any, pairs: Any) -> Any:
    """``(N,)``: whether the two of each pair are in different clusters."""
    found = np.empty(len(pairs), np.bool_)
    for pair in range(len(pairs)):
        found[pair] = _root(parents, pairs[pair, 0]) != _root(parents, pairs[pair, 1])
    return found


@compiled()
def join_band(
    order: Any, ordered: Any, sketches: Any, parents: Any, bounds: Any, unsure_pairs: Any, place: int
) -> tuple[int, int]:
    """Puts texts of one bucket together that are near enough by their pictures; as similar._candidates and _seen.

    Args:
        order: ``(N,)``, texts by their buckets.
        ordered: ``(N,)``, uint64, the bucket of each.
        sketches: of :func:`sketch`.
        parents: ``(N,)``, int64, clusters; changed.
        bounds: hashes that two texts share at least, threshold of the overlap, how near it the picture may err, pieces
            of a text of which the picture is sharp enough.
        unsure_pairs: ``(M, 2)``, int64, to fill with the pairs whose pieces must be counted.
        place: in ``order`` to begin at.

    Returns:
        How many pairs those are; and where to go on, ``N`` at the end.
    """
    signatures, pictures, sizes, _ = sketches
    floor, threshold, blur, longest = bounds
    bits = 64 * _WORDS
    unsure = 0
    start = place
    while start > 0 and ordered[start - 1] == ordered[place]:
        start -= 1
    while place < len(order) and unsure + _NEIGHBOURS <= len(unsure_pairs):
        if ordered[place] != ordered[start]:
            start = place
        right = order[place]
        for other in range(start, min(start + _NEIGHBOURS, place)):
            left = order[other]
            one, two = _root(parents, left), _root(parents, right)
            if one == two:
                continue
            same = 0
            for k in range(_HASHES):
                same += signatures[left, k] == signatures[right, k]
            if same < floor:
                continue
            taken = 0
            for k in range(_WORDS):
                taken += _ones(pictures[left, k] | pictures[right, k])
            either = -bits * np.log1p(-min(taken, bits - 1) / bits)
            overlap = (sizes[left] + sizes[right]) / either - 1
            if abs(overlap - threshold) < blur or max(sizes[left], sizes[right]) > longest:
                unsure_pairs[unsure, 0] = left
                unsure_pairs[unsure, 1] = right
                unsure += 1
            elif overlap >= threshold:
                parents[max(one, two)] = min(one, two)
        place += 1
    return unsure, place


@compiled()
def firsts(keys: Any, first: Any, rank: Any) -> int:
    """Fills the first position of each different key, and for every position the place of its key among them.

    Args:
        keys: ``(N,)``, uint64.
        first: ``(N,)``, int64, to fill.
        rank: ``(N,)``, int64, to fill.

    Returns:
        How many different keys there are.
    """
    table = np.full(_places(len(keys)), -1, np.int32)
    places = np.uint64(len(table) - 1)
    different = 0
    for at in range(len(keys)):
        place = ((keys[at] * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & places
        while table[place] >= 0 and keys[first[table[place]]] != keys[at]:
            place = (place + np.uint64(1)) & places
        if table[place] < 0:
            table[place] = different
            first[different] = at
            different += 1
        rank[at] = table[place]
    return different


@compiled(inline="always")
def _ones(word: Any) -> Any:
    """The bits of a word that are set (Warren, Hacker's Delight, 5-1)."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))
