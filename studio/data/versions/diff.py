"""How two versions of the examples differ."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from studio.data.jsonl_codec import line_id
from studio.data.versions.rows import Rows
from studio.domain.conversation import Conversation


@dataclass(frozen=True)
class Difference:
    """How one version became another: how many examples of each kind, and the first of them."""

    counts: dict[str, int]  # ``added``, ``removed`` and ``changed``
    added: tuple[Conversation, ...] = ()  # examples that are only in the newer one
    removed: tuple[Conversation, ...] = ()  # examples that are only in the older one
    # examples that are in both and differ: as they were, and as they are
    changed: tuple[tuple[Conversation, Conversation], ...] = ()


def difference(older: Rows, newer: Rows, limit: int) -> Difference:
    """Compares examples by their ids; moving one changes nothing. Only what is shown is read.

    Raises ``disk.missing``, ``data.version_damaged``.
    """
    before: dict[str, int] = {}
    prints = array("q")
    for position, line in enumerate(older.lines()):
        before[line_id(line)] = position
        prints.append(hash(line))
    kept = bytearray(len(prints))
    added: list[int] = []
    changed: list[tuple[int, int]] = []
    for position, line in enumerate(newer.lines()):
        was = before.get(line_id(line))
        if was is None:
            added.append(position)
            continue
        kept[was] = 1
        if prints[was] != hash(line):
            changed.append((was, position))
    removed = [position for position in before.values() if not kept[position]]
    shown = changed[:limit]
    return Difference(
        {"added": len(added), "removed": len(removed), "changed": len(changed)},
        newer.at(added[:limit]),
        older.at(removed[:limit]),
        tuple(zip(older.at(was for was, _ in shown), newer.at(now for _, now in shown), strict=True)),
    )
