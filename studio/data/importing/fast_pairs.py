"""Rows of a question and an answer as lines of a version: what a million rows of a table go through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from studio.data.importing.column_names import held_out_value
from studio.data.importing.record_layouts import MEDIA_KEYS, Kind, Layout, joined, pair_problem
from studio.data.importing.table import Table
from studio.data.limits import MAX_CELL
from studio.domain.conversation import Role
from studio.domain.dataset import Mapping

_KEPT: Final = 200  # letters of a topic, a key
_ODD: Final = MEDIA_KEYS | {"history", "kto_tag", "label"}  # columns that change what a row is
_USER, _ASSISTANT = Role.USER.value, Role.ASSISTANT.value


@dataclass(frozen=True)
class PairLine:
    """What became of a row: its line, or the problem that kept it out.

    Args:
        line: of the version.
        code: of the problem; of something worth knowing where there is a line.
    """

    line: bytes | None = None
    code: str | None = None


class Pairs:
    """Makes the lines that :func:`studio.data.importing.row_conversion.conversation_of` and :func:`studio.data.jsonl_codec.line_of` would.

    Args:
        table: of texts alone.
        mapping: of its columns.
        used: columns that are not kept beside the texts.
        held_out: what the file or sheet says, where the row says nothing.
    """

    def __init__(self, table: Table, mapping: Mapping, used: Iterable[str | None], held_out: bool | None) -> None:
        places = {name: place for place, name in enumerate(table.columns)}
        self._source = {"file": table.file} | ({"sheet": table.sheet} if table.sheet is not None else {})
        self._question = [places[name] for name in mapping.question if name in places]
        self._answer = [places[name] for name in mapping.answer if name in places]
        self._topic, self._key = places.get(mapping.topic or ""), places.get(mapping.id or "")
        self._flag, self._held_out = places.get(mapping.held_out or ""), held_out
        self._others = [(places[name], name) for name in table.columns if name not in set(used)]

    @classmethod
    def fit(cls, table: Table, how: Layout, mapping: Mapping) -> bool:
        """Whether every row of a table is a question with its answer and nothing else that is learned from."""
        plain_texts = table.cells is not None and how.kind is Kind.COLUMNS
        return plain_texts and not mapping.system and _ODD.isdisjoint(table.columns)

    def read(self, number: int, cells: Sequence[str], named: str) -> PairLine:
        """What becomes of the cells of row ``number``, as an example with the id ``named``."""
        width = len(cells)
        question, damaged = joined([cells[at] for at in self._question if at < width])
        answer, dirty = joined([cells[at] for at in self._answer if at < width])
        problem = pair_problem(question, answer)
        if problem is not None:
            return PairLine(code=problem)
        if len(question) > MAX_CELL or len(answer) > MAX_CELL:
            return PairLine(code="data.cell_too_long")
        source = {"file": self._source["file"], "row": number, **self._source}
        if key := self._text(cells, self._key):
            source["key"] = key
        line: dict[str, Any] = {
            "messages": [{"role": _USER, "content": question}, {"role": _ASSISTANT, "content": answer}],
            "id": named,
            "source": source,
        }
        if topic := self._text(cells, self._topic):
            line["topic"] = topic
        own = held_out_value(cells[self._flag]) if self._flag is not None and self._flag < width else None
        if own is not None or self._held_out is not None:
            line["held_out"] = own if own is not None else self._held_out
        if extra := {name: cells[at] for at, name in self._others if at < width and cells[at]}:
            line["extra"] = extra
        made = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        return PairLine(made, "data.control_characters" if damaged or dirty else None)

    @staticmethod
    def _text(cells: Sequence[str], at: int | None) -> str:
        return cells[at].strip()[:_KEPT] if at is not None and at < len(cells) else ""
