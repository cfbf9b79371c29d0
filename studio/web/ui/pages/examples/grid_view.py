"""The table of examples as HTML; ``static/examples.js`` keeps what is typed into it until it is saved."""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.domain.conversation import row_label
from studio.services.examples.table import TablePage, TableRow
from studio.web.downloads import ENDINGS, EXAMPLES
from studio.web.ui.components import Ui
from studio.web.ui.session import Place


def render_table(ui: Ui, place: Place, page: TablePage, applied: str = "", refused: str = "") -> str:
    """A page of the table.

    Args:
        ui: what the page is built with.
        place: where the person is.
        page: the rows.
        applied: nonce of the save that this answers, if it was made.
        refused: nonce of the save that this answers, if it was refused.
    """
    can_undo, can_redo = ui.services.history.steps(place.project)
    return ui.render(
        "examples/table",
        place=place,
        page=page,
        rows=[_row(ui, row, page) for row in page.rows],
        applied=applied,
        refused=refused,
        can_undo=can_undo,
        can_redo=can_redo,
        unsaved=ui.text.entries["examples.grid.unsaved"],
        path=EXAMPLES,
        endings=ENDINGS,
    )


def problem_choices(ui: Ui, place: Place, chosen: str) -> Any:
    """The filter by problem, with the problems that were found.

    Args:
        ui: what the page is built with.
        place: where the person is.
        chosen: what it was set to; changed only where that is gone, as another may have been chosen meanwhile.
    """
    report = ui.services.checks.known(place.project)
    found = [finding for finding in report.findings if finding.count] if report else []
    choices = [(f"{ui.text(f'checks.rule.{f.code}')} ({ui.text.number(f.count)})", f.code) for f in found]
    known = {code for _, code in choices}
    choices.insert(0, (ui.text("examples.grid.problem.all"), ""))
    stays = not chosen or chosen in known
    return gr.Dropdown(choices=choices) if stays else gr.Dropdown(choices=choices, value="")


def _row(ui: Ui, row: TableRow, page: TablePage) -> dict[str, Any]:
    """What a line of the table shows."""
    conversation, text = row.conversation, ui.text
    number, source = row_label(conversation, row.place), conversation.source
    if not page.version.files:
        number = number.removeprefix("#")  # there are no rows of a file that it could be taken for
    where = text("examples.grid.row_of_table")
    if source:
        where = text("examples.grid.row_of_file", file=source.label, row=str(source.row))
    badges = [(text(f"checks.rule.{code}"), "warn") for code in row.problems]
    more = sum(message.role.value != "system" for message in conversation.messages) - 2
    if more > 0:
        badges.insert(0, (text("examples.grid.turns", n=more), ""))
    return {
        "id": conversation.id,
        "number": number,
        "where": where,
        "file": source.label if source and page.several_files else "",
        "question": conversation.question,
        "answer": conversation.answer,
        "badges": badges,
        "ticked": conversation.held_out,
        "locked": not conversation.question,
    }
