"""What the checks need to know of each example, in columns: a hundred bytes an example, whatever its length.

Examples are scanned once, block by block and in several processes where there are many; facts of blocks are joined, and
after a fix only those of the changed examples are made anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from studio.data.similarity.clusters import Hashes, Ints

# Of each example. Hashes are 64 bits wide: two of a million texts share one with a probability of 3e-8.
_ROW: Final = np.dtype(
    [
        ("flags", np.uint64),  # one bit a check of single examples, by its place in the registry
        ("held_out", np.bool_),
        ("reworded", np.bool_),  # a question of training in other words, for the test
        ("asked_in", np.uint8),  # language of the last question: 0 for unclear, else its place in languages.NAMES + 1
        ("answered_in", np.uint8),
        ("wanted", np.uint16),  # kinds of personal data that a question asks for: one bit a place in registry.KINDS
        ("open_end", np.bool_),  # a long answer whose last sign is a letter
        ("length", np.int32),  # letters of the answer
        ("bytes", np.int64),  # of all texts: no model makes more tokens of them
        ("file", np.int16),  # place in Facts.files; -1 for none
        ("line", np.int32),  # row in that file
        ("exact", np.uint64),  # of all turns, letter case and spaces aside
        ("prompt", np.uint64),  # of all turns before the last answer, as compared; 0 for none
        ("history", np.uint64),  # of the same but the last; 0 for none
        ("question", np.uint64),  # of what the user says, as compared; key of Facts.questions
        ("answer", np.uint64),  # of the last answer, as compared; key of Facts.answers
        ("topic", np.uint64),  # 0 for none
    ]
)
# Of each value of personal data, in the order of the examples.
_VALUE: Final = np.dtype(
    [
        ("row", np.int32),
        ("turn", np.int32),
        ("kind", np.uint8),  # place in registry.KINDS
        ("asked", np.bool_),  # whether a user says it
        ("ours", np.bool_),  # whether it, or the words before it, show that it is the company's
        ("start", np.int32),
        ("end", np.int32),
        ("value", np.uint64),
        ("number", np.int32),  # of its mask; 0 until all are known
    ]
)
LAYOUT: Final = f"{_ROW.descr}{_VALUE.descr}"
File = tuple[str, str | None]


@dataclass
class FactsBuilder:
    """Facts that are being made; fields as of :class:`Facts`, ``files`` with their places."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    values: list[tuple[object, ...]] = field(default_factory=list)
    questions: dict[int, str] = field(default_factory=dict)
    answers: dict[int, str] = field(default_factory=dict)
    files: dict[File, int] = field(default_factory=dict)
    masks: dict[str, int] = field(default_factory=dict)


class Text(NamedTuple):
    """What is known of one text in the role of its speaker."""

    key: int  # hash of the text as compared
    compared: str  # the text as compared: :func:`studio.data.text.plain`, where that leaves something of it
    folded: int  # hash of it without regard to letter case and spaces
    letters: int  # of its plain form
    size: int  # in bytes
    flags: int  # of the checks of single texts
    flags_as_answer: int  # of the checks of answers; 0 of other texts
    flags_as_question: int  # of the checks of questions; 0 of other texts
    wanted: int  # kinds of personal data that it asks for as a question
    language: int  # its place; 0 of a system's text
    values: Sequence[tuple[int, int, int, int, bool]]  # personal data: kind, start, end, hash, whether the company's
    masks: Sequence[tuple[str, int]]  # that stand in it already


@dataclass(frozen=True)
class Facts:
    """Facts of some examples."""

    rows: NDArray[np.void]  # ``(N,)``, a record an example
    values: NDArray[np.void]  # ``(V,)``, a record a value of personal data, ``row`` rising
    questions: dict[int, str]  # text of each hash of what users ask, as :func:`studio.data.text.plain` leaves it
    answers: dict[int, str]  # text of each hash of an answer
    files: tuple[File, ...]  # where examples came from: file and sheet
    masks: dict[str, int]  # the highest number of each mask that stands in a text already, such as 7 for ``[EMAIL_7]``

    @classmethod
    def of(cls, made: FactsBuilder) -> Facts:
        """Facts from records in the order of the columns."""
        rows, values = np.array(made.rows, _ROW), np.array(made.values, _VALUE)
        return cls(rows, values, made.questions, made.answers, tuple(made.files), made.masks)

    def __len__(self) -> int:
        return len(self.rows)

    def taken(self, order: Ints) -> Facts:
        """The facts of the examples at some places, in that order; a place may not come twice.

        Args:
            order: ``(M,)``, places in ``rows``.
        """
        places = np.full(len(self.rows), -1, np.int32)
        places[order] = np.arange(len(order), dtype=np.int32)
        values = self.values[places[self.values["row"]] >= 0]
        values["row"] = places[values["row"]]
        values = values[np.argsort(values["row"], kind="stable")]
        return Facts(self.rows[order], values, self.questions, self.answers, self.files, self.masks)


def joined(parts: Iterable[Facts]) -> Facts:
    """The facts of all parts, one after the other."""
    rows, values = [np.empty(0, _ROW)], [np.empty(0, _VALUE)]
    questions: dict[int, str] = {}
    answers: dict[int, str] = {}
    files: dict[File, int] = {}
    masks: dict[str, int] = {}
    count = 0
    for part in parts:
        moved = part.rows.copy()
        places = np.array([*(files.setdefault(file, len(files)) for file in part.files), -1], np.int16)
        moved["file"] = places[part.rows["file"]]
        shifted = part.values.copy()
        shifted["row"] += count
        rows.append(moved)
        values.append(shifted)
        count += len(moved)
        questions |= part.questions
        answers |= part.answers
        for mask, number in part.masks.items():
            masks[mask] = max(masks.get(mask, 0), number)
    return Facts(np.concatenate(rows), np.concatenate(values), questions, answers, tuple(files), masks)


def hashed(text: str) -> int:
    """64 bits for a text, the same in every process; never 0."""
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass")) or 1


def chained(parts: Sequence[int]) -> int:
    """64 bits for some numbers in their order, the same in every process; never 0."""
    return hash(tuple(parts)) & 0xFFFFFFFFFFFFFFFF or 1


def equal_groups(keys: Hashes, places: Ints | None = None) -> list[list[int]]:
    """Positions with equal keys, for every key that is there at least twice; in the order of their first.

    Args:
        keys: ``(N,)``.
        places: ``(N,)``, what stands for each position in the groups, rising; the position itself where None.
    """
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(keys) else order
    ends = np.append(starts[1:], len(keys))
    several = np.flatnonzero(ends - starts > 1)
    several = several[np.argsort(order[starts[several]])]
    listed = (order if places is None else places[order]).tolist()
    return [listed[a:b] for a, b in zip(starts[several].tolist(), ends[several].tolist(), strict=True)]


def first_places(keys: Hashes) -> tuple[Ints, Ints]:
    """The first position of each different key, rising; and for every position, the place of its key among them."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse.reshape(-1)]
