"""Runs laid over each other: one chart, and a table of what differed and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from markupsafe import Markup

from studio.services.runs.comparison import Comparison, Row
from studio.web.ui.charts import overlay_chart
from studio.web.ui.components import EMPTY, Ui, badge, join
from studio.web.ui.pages.train.fields import setting_name, shown_value

_OVERLAY: Final = Markup(
    '<section class="af-card" id="train-overlay" aria-label="{title}"><div><h3>{title}</h3>'
    '<p class="af-reading">{reading}</p></div>{chart}<table class="af-over"><thead><tr>{head}</tr></thead>'
    "<tbody>{rows}</tbody></table><p class='af-muted af-small'>{note}</p></section>"
)
_RESULTS: Final = ("loss", "right", "seconds")


def render_overlay(ui: Ui, run_ids: Sequence[str]) -> Markup:
    """Chart and table of two to six runs."""
    text = ui.text
    found = ui.services.comparison.compare(run_ids)
    columns = [*found.differences, *found.results]
    head = [text("train.overlay.run"), *(_title(ui, row) for row in columns)]
    return _OVERLAY.format(
        title=text("train.overlay.title"),
        reading=_reading(ui, found),
        chart=overlay_chart(text, found),
        head=join(Markup("<th scope='col'>{}</th>").format(title) for title in head),
        rows=join(_row(ui, found, columns, index) for index in range(len(found.runs))),
        note=text("train.overlay.same" if not found.differences else "train.overlay.note"),
    )


def _reading(ui: Ui, found: Comparison) -> str:
    if found.best is None:
        return ui.text("train.overlay.no_best")
    return ui.text("train.overlay.best", name=found.runs[found.best].name)


def _title(ui: Ui, row: Row) -> str:
    known = (*_RESULTS, "model", "examples", "alpha")
    return ui.text(f"train.overlay.{row.name}") if row.name in known else setting_name(ui, row.name)


def _row(ui: Ui, found: Comparison, columns: Sequence[Row], index: int) -> Markup:
    view = found.runs[index]
    name = Markup('<th scope="row"><i class="s{}"></i>{}{}</th>').format(
        index + 1, view.name, badge(ui.text("train.overlay.mark"), "good") if found.best == index else EMPTY
    )
    cells = [
        Markup('<td data-label="{}"{}>{}</td>').format(
            _title(ui, row),
            Markup(' class="best"') if row.best == index else EMPTY,
            _value(ui, row, row.values[index], len(view.progress.answers)),
        )
        for row in columns
    ]
    return Markup("<tr{}>{}</tr>").format(
        Markup(' class="chosen"') if found.best == index else EMPTY, join([name, *cells])
    )


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
