"""The table of examples as HTML; ``static/examples.js`` keeps what is typed into it until it is saved."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.conversation import row_label
from studio.services.examples.table import TablePage, TableRow
from studio.web.downloads import ENDINGS, EXAMPLES
from studio.web.ui.components import EMPTY, Ui, badge, button, join, wrapped
from studio.web.ui.session import Place

_TABLE: Final = Markup(
    '<div class="af-row af-between af-table-top"><span class="af-muted af-small" id="examples-count">{count}</span>'
    '<span class="af-row">{buttons}</span></div>'
    '<div class="af-rows-box" tabindex="-1"><table class="af-rows" data-project="{project}" data-version="{version}"'
    ' data-applied="{applied}"><thead><tr><th scope="col">{number}</th><th scope="col">{question}</th>'
    '<th scope="col">{answer}</th><th scope="col">{held_out}</th><th></th></tr></thead><tbody>{rows}</tbody></table>'
    "{nothing}<template>{blank}</template></div>{pager}{downloads}"
    '<div class="af-unsaved" role="status" hidden><span data-one="{one}" data-other="{other}"></span>'
    '<span class="af-row"><button type="button" class="af-button small" data-discard data-ask="{discard_ask}"'
    ' data-yes="{discard}" data-no="{keep}" data-leave="{leave}" data-leave-yes="{leave_yes}">{discard}</button>'
    '<button type="button" class="af-button primary small" id="examples-save" data-save>{save}</button></span></div>'
)
_ROW: Final = Markup(
    '<tr data-id="{id}"><th scope="row" title="{where}">{number}{file}</th>'
    '<td data-label="{question_label}"><textarea rows="1" data-field="question" aria-label="{question_label} {number}"'
    "{locked}>\n{question}</textarea></td>"
    '<td data-label="{answer_label}"><textarea rows="1" data-field="answer" aria-label="{answer_label} {number}">'
    "\n{answer}</textarea>{marks}</td>"
    '<td class="af-proof" data-label="{held_out_label}"><input type="checkbox" data-field="held_out"'
    ' aria-label="{held_out_label} {number}"{ticked}></td>'
    '<td class="af-remove"><button type="button" data-remove aria-label="{remove} {number}" title="{remove}">×</button>'
    "</td></tr>"
)
_PAGER: Final = Markup('<nav class="af-pager af-row" aria-label="{label}">{back}<span>{where}</span>{on}</nav>')


def render_table(ui: Ui, place: Place, page: TablePage, nonce: str = "") -> str:
    """A page of the table."""
    text = ui.text
    labels = {name: text(f"examples.head.{name}") for name in ("number", "question", "answer", "held_out")}
    changes = ui.text.entries["examples.grid.unsaved"]
    forms = changes if isinstance(changes, dict) else {"one": changes, "other": changes}
    nothing = (
        Markup('<p class="af-muted af-nothing">{}</p>').format(text("examples.grid.nothing"))
        if not page.rows
        else EMPTY
    )
    html = _TABLE.format(
        count=_count(ui, page),
        buttons=_buttons(ui, place),
        project=place.project,
        version=page.version.id,
        applied=nonce,
        rows=join(_row(ui, row, page) for row in page.rows),
        blank=_blank(ui),
        nothing=nothing,
        pager=_pager(ui, page),
        downloads=_downloads(ui, place),
        one=forms["one"],
        other=forms["other"],
        discard=text("examples.grid.discard"),
        discard_ask=text("examples.grid.discard_ask"),
        keep=text("examples.grid.keep"),
        leave=text("examples.grid.leave"),
        leave_yes=text("examples.grid.leave_yes"),
        save=text("examples.save"),
        **labels,
    )
    return wrapped(html)


def problem_choices(ui: Ui, place: Place, chosen: str) -> Any:
    """The filter by problem, with the problems that were found."""
    report = ui.services.checks.known(place.project)
    found = [finding for finding in report.findings if finding.count] if report else []
    choices = [(f"{ui.text(f'checks.rule.{f.code}')} ({ui.text.number(f.count)})", f.code) for f in found]
    known = {code for _, code in choices}
    return gr.Dropdown(
        choices=[(ui.text("examples.grid.problem.all"), ""), *choices], value=chosen if chosen in known else ""
    )


def _count(ui: Ui, page: TablePage) -> str:
    if page.total == page.version.examples:
        return ui.text("examples.read", n=page.total)
    return ui.text("examples.grid.found", n=page.total, all=page.version.examples)


def _buttons(ui: Ui, place: Place) -> Markup:
    text, history = ui.text, ui.services.history
    can_undo, can_redo = history.steps(place.project)
    off = Markup('<button type="button" class="af-button small" id="{}" disabled>{}</button>')
    add = Markup('<button type="button" class="af-button small" id="examples-add" data-add>+ {}</button>')
    steps = [
        button(text(f"examples.{name}"), name, kind="small", elem_id=f"examples-{name}")
        if can
        else off.format(f"examples-{name}", text(f"examples.{name}"))
        for name, can in (("undo", can_undo), ("redo", can_redo))
    ]
    return join([add.format(text("examples.grid.add")), *steps])


def _row(ui: Ui, row: TableRow, page: TablePage) -> Markup:
    conversation, text = row.conversation, ui.text
    number, source = row_label(conversation, row.place), conversation.source
    if not page.version.files:
        number = number.removeprefix("#")  # there are no rows of a file that it could be taken for
    where = (
        text("examples.grid.row_of_file", file=source.label, row=str(source.row))
        if source
        else text("examples.grid.row_of_table")
    )
    marks = [badge(text(f"checks.rule.{code}"), "warn") for code in row.problems]
    more = sum(message.role.value != "system" for message in conversation.messages) - 2
    if more > 0:
        marks.insert(0, badge(text("examples.grid.turns", n=more)))
    shown = Markup('<div class="af-marks">{}</div>').format(join(marks)) if marks else EMPTY
    return _formatted(
        ui,
        id=conversation.id,
        number=number,
        where=where,
        file=Markup("<small>{}</small>").format(source.label) if source and page.several_files else EMPTY,
        question=conversation.question,
        answer=conversation.answer,
        marks=shown,
        ticked=Markup(" checked") if conversation.held_out else EMPTY,
        locked=EMPTY if conversation.question else Markup(" readonly"),
    )


def _blank(ui: Ui) -> Markup:
    """A new row, which the page's script fills in and copies."""
    return _formatted(
        ui,
        id="",
        number=ui.text("examples.grid.new"),
        where="",
        file=EMPTY,
        question="",
        answer="",
        marks=EMPTY,
        ticked=EMPTY,
        locked=EMPTY,
    )


def _formatted(ui: Ui, **values: Any) -> Markup:
    text = ui.text
    return _ROW.format(
        question_label=text("examples.head.question"),
        answer_label=text("examples.head.answer"),
        held_out_label=text("examples.head.held_out"),
        remove=text("examples.grid.remove"),
        **values,
    )


def _pager(ui: Ui, page: TablePage) -> Markup:
    if page.pages == 1:
        return EMPTY
    text = ui.text
    back = button(text("examples.grid.back"), "page", kind="small", page=str(page.page - 1)) if page.page > 1 else EMPTY
    on = (
        button(text("examples.grid.on"), "page", kind="small", page=str(page.page + 1))
        if page.page < page.pages
        else EMPTY
    )
    where = text("examples.grid.where", page=page.page, pages=page.pages)
    return _PAGER.format(label=text("examples.grid.pages"), back=back, where=where, on=on)


def _downloads(ui: Ui, place: Place) -> Markup:
    """The examples as files; the address is relative to the studio's, which begins with the language."""
    link = Markup('<a href="..{path}/{project}.{ending}" download id="examples-as-{ending}">{label}</a>')
    links = join(
        link.format(path=EXAMPLES, project=place.project, ending=ending, label=ui.text(f"examples.download.{ending}"))
        for ending in ENDINGS
    )
    return Markup('<p class="af-row af-downloads"><span class="af-muted">{}</span>{}</p>').format(
        ui.text("examples.download.title"), links
    )
