"""The picture of one example: who says what, from which column, and what else a part could be made of."""

from __future__ import annotations

from typing import Final

from studio.data.importing.column_mapping import reason
from studio.domain.dataset import ColumnRole, DatasetView
from studio.web.ui.components import Ui

_OPTIONAL: Final = (ColumnRole.SYSTEM, ColumnRole.TOPIC, ColumnRole.ID)
_SHOWN: Final = 400  # characters of a part
_COLUMNS: Final = 40


def render_mapping(ui: Ui, view: DatasetView, system_prompt: str, picking: ColumnRole | None = None) -> str:
    """One example as a conversation."""
    mapping = view.mapping
    value = getattr(mapping, picking.value) if picking is not None else None
    taken = value if isinstance(value, tuple) else tuple(filter(None, [value]))

    def why(column: str, role: str) -> str:
        """Why a column has its part."""
        if view.version.action == "mapping":
            return ui.text("examples.mapping.why.chosen")
        return ui.text(f"examples.mapping.why.{reason(column, ColumnRole(role), view.columns, view.sample)}")

    return ui.render(
        "examples/mapping",
        mapping=mapping,
        row=_row_of(view) if mapping.is_complete else None,
        messages=view.conversations[0].messages if view.conversations else (),
        sheets=[table for table in view.tables if table.sheet],
        speakers=[pair for table in view.tables for pair in table.speakers],
        system_prompt=system_prompt,
        optional=[role.value for role in _OPTIONAL],
        picking=picking.value if picking is not None else "",
        taken=taken,
        joinable=isinstance(value, tuple) and bool(value),
        columns=view.columns[:_COLUMNS],
        cell=lambda name: _short(next((row[name] for row in view.sample if row.get(name)), ""), 120),
        why=why,
        short=_short,
        ask=_ask(ui, view),
    )


def _row_of(view: DatasetView) -> dict[str, str] | None:
    """The first row of the sample with a question and an answer."""
    mapping = view.mapping
    for row in view.sample:
        if any(row.get(name) for name in mapping.question) and any(row.get(name) for name in mapping.answer):
            return dict(row)
    return None


def _ask(ui: Ui, view: DatasetView) -> dict[str, str]:
    """What is asked before the files are read again, where examples were changed by hand since."""
    if view.version.action in ("import", "mapping", "sample"):
        return {}
    text = ui.text
    return {
        "ask": text("examples.mapping.again"),
        "detail": text("examples.mapping.again_detail", number=str(view.version.number)),
        "yes": text("examples.mapping.again_yes"),
        "no": text("common.cancel"),
    }


def _short(text: str, limit: int = _SHOWN) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
