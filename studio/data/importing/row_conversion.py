"""Which columns of a table are read as what, and the conversation that a row of it becomes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from studio.data.importing import record_layouts
from studio.data.importing.column_mapping import Guess, guess
from studio.data.importing.column_names import held_out_value, title_rank
from studio.data.importing.record_layouts import Kind, Layout
from studio.data.importing.table import Record, Table
from studio.domain.conversation import Conversation, Message, Source
from studio.domain.dataset import Mapping

_OWN: Final = frozenset(
    ("history", "system", "system_prompt", "chosen_messages", "rejected_messages", "rejected")
)  # read by layout, not by mapping


def choose(table: Table, rows: Sequence[dict[str, Any]], how: Layout, chosen: Mapping | None) -> Guess:
    """The mapping of a table.

    Args:
        table: for its columns.
        rows: some of its first rows.
        how: the layout of its records.
        chosen: by a person. With questions and answers it says everything, where the table has those columns;
            with less, the rest is found around it.
    """
    columns = table.columns
    chosen = chosen or Mapping()
    if how.kind not in (Kind.COLUMNS, Kind.PREFERENCE):
        beside = guess(columns, rows, Mapping(topic=chosen.topic, id=chosen.id, held_out=chosen.held_out)).mapping
        return Guess(Mapping(topic=beside.topic, id=beside.id, held_out=beside.held_out), True)
    if how.kind is Kind.COLUMNS and chosen.is_complete and {*chosen.question, *chosen.answer} <= set(columns):
        return Guess(chosen.only(columns), True)
    if chosen.is_complete and not {*chosen.question, *chosen.answer} <= set(columns):
        chosen = Mapping(company=chosen.company, sheets=chosen.sheets)  # chosen for other files
    if how.kind is Kind.PREFERENCE:  # what was rejected is no question
        columns = tuple(name for name in columns if not name.lower().startswith("rejected"))
    found = guess(columns, rows, chosen)
    if how.kind is Kind.PREFERENCE:
        return Guess(found.mapping.model_copy(update={"answer": ("chosen",)}), True)
    return found


def conversation_of(
    row: Record,
    table: Table,
    messages: tuple[Message, ...],
    mapping: Mapping,
    used: frozenset[str | None],
    held_out: bool | None,
    example_id: str = "",
) -> Conversation:
    """The example of a row, with all that the row says beside its texts."""
    values = row.values
    own = held_out_value(values.get(mapping.held_out)) if mapping.held_out else None
    topic = record_layouts.shown(values.get(mapping.topic)).strip()[:200] if mapping.topic else ""
    key = record_layouts.shown(values.get(mapping.id)).strip()[:200] if mapping.id else ""
    return Conversation(
        messages=messages,
        id=example_id,
        source=Source(file=table.file, row=row.number, sheet=table.sheet, key=key or None),
        topic=topic or None,
        held_out=own if own is not None else held_out,
        extra={key: value for key, value in values.items() if key not in used and value not in ("", None, [], {})},
    )


def with_lists(table: Table, first: list[Record]) -> tuple[Table, list[Record]]:
    """A table whose questions or answers are lists written as JSON, ``["Yes.", "Sure."]``, with real lists in their place."""
    columns = []
    for column in table.columns:
        cells = [cell for row in first if (cell := row.values.get(column)) not in (None, "")]
        if cells and title_rank(column) == 3 and all(_listed(cell) is not None for cell in cells):
            columns.append(column)
    if not columns:
        return table, first

    def opened(row: Record) -> Record:
        lists = {name: _listed(row.values.get(name)) for name in columns}
        return Record(row.number, row.values | {name: found for name, found in lists.items() if found is not None})

    return replace(table, rows=map(opened, table.rows)), [opened(row) for row in first]


def _listed(cell: Any) -> list[str] | None:
    if not isinstance(cell, str) or not (cell.startswith("[") and cell.endswith("]")):
        return None
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) and value and all(isinstance(item, str) for item in value) else None


def used_columns(mapping: Mapping, how: Layout) -> frozenset[str | None]:
    """The columns of a table that examples are made of; the others are kept beside them."""
    return frozenset((*mapping.columns, how.column, how.then, *_OWN))
