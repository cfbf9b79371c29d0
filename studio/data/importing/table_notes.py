"""What a person should know of how a table is read: what was guessed, and what looks odd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studio.data.importing import record_layouts
from studio.data.importing.column_content import content_of
from studio.data.importing.column_mapping import Guess, second_pair
from studio.data.importing.findings import Findings
from studio.data.importing.prompt_templates import unwrap
from studio.data.importing.record_layouts import Kind
from studio.data.importing.table import Table
from studio.domain.dataset import Mapping
from studio.domain.problem import Severity


def note_layout(
    findings: Findings, table: Table, how: record_layouts.Layout, found: Guess, values: Sequence[dict[str, Any]]
) -> None:
    """Notes what was guessed of a table: its titles, its layout, its columns."""
    if table.titles_guessed is not None:
        findings.file("data.header_guessed", table.label, Severity.NOTE, row=table.titles_guessed)
    if how.kind is Kind.PREFERENCE:
        findings.file("data.preference", table.label, Severity.NOTE)
    elif how.kind is Kind.TEMPLATE:
        texts = (record_layouts.shown(row.get(how.column or "")) for row in values)
        known = dict.fromkeys(whole.template for text in texts if (whole := unwrap(text)))
        findings.file("data.template", table.label, Severity.NOTE, template=", ".join(known))
    elif how.kind is Kind.PASSAGES:
        findings.file("data.passages", table.label)
    elif how.kind is Kind.COLUMNS and not found.by_header:
        asked, answered = ", ".join(found.mapping.question), ", ".join(found.mapping.answer)
        findings.file("data.mapping_guessed", table.label, Severity.NOTE, question=asked, answer=answered)


def note_doubts(findings: Findings, table: Table, values: Sequence[dict[str, Any]], mapping: Mapping) -> None:
    """Warns of a column that is read by its title, or because a person said so, and holds no texts."""
    if more := second_pair(table.columns, values, mapping):
        params = {"columns": ", ".join(more)[:300], "n": len(more)}
        findings.file("data.second_pair", table.label, Severity.WARNING, **params)
    for column in (*mapping.question, *mapping.answer):
        cells = [row[column] for row in values if row.get(column) not in (None, "")]
        content = content_of(cells) if len(cells) >= 3 else None  # of fewer nothing can be said
        if content is not None:
            params = {"column": column, "kinds": {column: content.value}}
            findings.file("data.odd_column", table.label, Severity.WARNING, **params)
