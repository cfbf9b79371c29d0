"""Runs laid over each other: one chart, and a table of what differed and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from markupsafe import Markup

from studio.services.runs.comparison import Row
from studio.web.ui.charts import overlay_chart
from studio.web.ui.components import Ui, render
from studio.web.ui.pages.train.fields import setting_name, shown_value

_RESULTS: Final = ("loss", "right", "seconds")


def render_overlay(ui: Ui, run_ids: Sequence[str]) -> Markup:
    """Chart and table of two to six runs."""
    text, found = ui.text, ui.services.comparison.compare(run_ids)
    asked = [len(view.progress.answers) for view in found.runs]
    columns = []
    for row in (*found.differences, *found.results):
        values = [_value(ui, row, value, count) for value, count in zip(row.values, asked, strict=True)]
        columns.append((_title(ui, row), values, row.best))
    note = text("train.overlay.same" if not found.differences else "train.overlay.note")
    chart = overlay_chart(text, found)
    return render(text, "train/overlay", runs=found.runs, best=found.best, columns=columns, chart=chart, note=note)


def _title(ui: Ui, row: Row) -> str:
    known = (*_RESULTS, "model", "examples", "alpha")
    return ui.text(f"train.overlay.{row.name}") if row.name in known else setting_name(ui, row.name)


def _value(ui: Ui, row: Row, value: Any, asked: int) -> str:
    text = ui.text
    match row.name:
        case "loss" | "right" | "seconds" | "examples" if value is None:
            return "–"
        case "loss":
            return text.number(value, 3)
        case "right":
            return text("train.overlay.right_of", right=value, asked=asked)
        case "seconds":
            return text.duration(value)
        case "examples":
            return text("train.overlay.version", n=value)
        case "model":
            return str(value)
        case _:
            return shown_value(ui, row.name, value)
