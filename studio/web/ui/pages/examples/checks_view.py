"""The check-up as HTML: a pure rendering of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from markupsafe import Markup

from studio.data.checks import registry
from studio.data.checks.check import Finding
from studio.data.checks.report import Change, cost
from studio.domain.conversation import Conversation, row_label
from studio.domain.problem import Severity
from studio.services.examples.background_checks import Checkup
from studio.web.ui.components import EMPTY, Ui, button, join, notice, render
from studio.web.ui.pages.examples.marks import change_card

CHOOSE: Final = "choose"
CONTRADICTIONS: Final = "contradictions"  # the one finding in which a person picks among the answers


def level(score: int) -> str:
    """The name of a score: ``great``, ``good``, ``fair`` or ``poor``."""
    return next(name for name, least in (("great", 90), ("good", 75), ("fair", 50), ("poor", 0)) if score >= least)


def render_checkup(ui: Ui, checkup: Checkup, bodies: Mapping[str, str]) -> str:
    """The health of the examples."""
    report = checkup.report
    if report is None:
        state = "running" if checkup.is_running else "stopped" if checkup.stopped else "failed"
        return ui.render("examples/checks", checkup=checkup, state=state)
    order = {severity: place for place, severity in enumerate(Severity)}
    by_code = {finding.code: finding for finding in report.findings}
    return ui.render(
        "examples/checks",
        checkup=checkup,
        state="ready",
        report=report,
        level=level(report.score),
        plan=[_plan(ui, by_code[code]) for code in registry.fixable(report.findings)],
        points=lambda finding: max(1, round(cost(finding, report.examples))),
        ranked=sorted(report.findings, key=lambda f: (order[f.severity], -cost(f, report.examples))),
        sentence=partial(sentence, ui),
        fix_button=partial(fix_button, ui),
        rows_button=partial(rows_button, ui),
        bodies=bodies,
    )


def _plan(ui: Ui, finding: Finding) -> str:
    """What fixing everything does about a finding, in one line."""
    title, n = ui.text(f"checks.rule.{finding.code}"), ui.text.number(finding.count)
    return f"· {title} ({n}): {_fix_label(ui, finding, next(iter(registry.get(finding.code).choices), ''))}"


def _fix_label(ui: Ui, finding: Finding, choice: str) -> str:
    if choice:
        return ui.text(f"checks.rule.{finding.code}.choice.{choice}", **finding.params)
    return ui.text(f"checks.rule.{finding.code}.fix", **finding.params)


def sentence(ui: Ui, finding: Finding) -> str:
    """What was found, as a person reads it; rows are numbered as in the table below and in her file."""
    return ui.text(f"checks.rule.{finding.code}.found", **finding.params)


def fix_button(ui: Ui, finding: Finding, choice: str = "") -> Markup:
    """The button that puts a finding right; nothing where only a person can."""
    check = registry.get(finding.code)
    if check.fix is None:
        return EMPTY
    choice = choice or next(iter(check.choices), "")
    codes = f"{finding.code}={choice}" if choice else finding.code
    return button(_fix_label(ui, finding, choice), "fix", kind="small", codes=codes)


def rows_button(ui: Ui, finding: Finding) -> Markup:
    """The button that shows a finding's rows in the table."""
    if not finding.count:
        return EMPTY
    return button(ui.text("checks.rows"), "filter", kind="quiet small", code=finding.code)


def render_body(
    ui: Ui, finding: Finding, choice: str, changes: Sequence[Change], groups: Sequence[Sequence[Conversation]]
) -> str:
    """What stands in an opened finding: ways to fix, what would change, and the buttons."""
    check, text = registry.get(finding.code), ui.text
    if check.fix is None:
        by_hand = notice(text("checks.by_hand")) if finding.count else EMPTY
        return str(join([by_hand, rows_button(ui, finding)]))
    choices = {one: text(f"checks.rule.{finding.code}.choice.{one}") for one in check.choices}
    if choices and finding.code == CONTRADICTIONS:
        choices = {CHOOSE: text("checks.choose")} | choices
    if choice == CHOOSE:
        act = button(text("checks.keep"), "fix", kind="primary small", collect=finding.code)
    else:
        act = fix_button(ui, finding, choice)
    places = dict(zip(finding.ids, finding.positions, strict=True))
    cards = [change_card(ui, _label(ui, c.before, places.get(c.before.id)), c.before, c.after) for c in changes]
    return render(
        ui.text,
        "examples/checks_body",
        code=finding.code,
        count=finding.count,
        choices=choices,
        choice=choice,
        groups=groups,
        cards=cards,
        act=act,
        rows=rows_button(ui, finding),
    )


def _label(ui: Ui, conversation: Conversation, place: int | None) -> str:
    return "" if place is None else ui.text("checks.row", number=row_label(conversation, place + 1))
