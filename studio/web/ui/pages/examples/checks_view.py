"""The check-up as HTML: a pure rendering of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from studio.data.checks import registry
from studio.data.checks.check import Finding
from studio.data.checks.report import Change, Report
from studio.data.checks.score import cost
from studio.domain.conversation import Conversation, row_label
from studio.domain.problem import Severity
from studio.services.examples.background_checks import Checkup
from studio.web.ui.components import EMPTY, Ui, badge, bar, button, join, notice, problem_notice, wrapped
from studio.web.ui.pages.examples.marks import change_card

_CARD: Final = Markup('<section class="af-card af-checkup" id="checkup" data-state="{state}">{}</section>')
_HEAD: Final = Markup(
    '<div class="af-checkup-head">{ring}<div class="af-checkup-words"><h2>{title}</h2><p>{sentence}</p></div>{act}</div>'
)
_GOING: Final = Markup(
    '<div class="af-checkup-head"><div class="af-checkup-words"><h2>{}</h2><p class="af-muted">{}</p></div>{}</div>{}'
)
_RING: Final = Markup(
    '<svg class="af-ring {level}" viewBox="0 0 84 84" role="img" aria-label="{label}" data-score="{score}">'
    '<circle cx="42" cy="42" r="36"/><circle class="on" cx="42" cy="42" r="36" pathLength="100"'
    ' stroke-dasharray="{score} 100" transform="rotate(-90 42 42)"/>'
    '<text x="42" y="43">{score}</text><text class="of" x="42" y="59">/ 100</text></svg>'
)
_WORTH: Final = Markup(
    '<li><span class="af-points">+{points}</span><div><h3>{title}</h3><p class="af-small af-muted">{sentence}</p></div>'
    '<span class="af-row">{buttons}</span></li>'
)
_FINDING: Final = Markup(
    '<details class="af-finding" id="finding-{code}"><summary data-action="open" data-code="{code}">{mark}'
    '<b>{title}</b><span>{count}</span></summary><div class="af-finding-body"><p>{sentence}</p>{body}</div></details>'
)
_CHOICE: Final = Markup(
    '<label class="af-choice"><input type="radio" name="choice-{code}" value="{choice}" data-action="open"'
    ' data-code="{code}" data-choice="{choice}"{checked}> {label}</label>'
)
_PICK: Final = Markup('<fieldset class="af-pick"><legend>{question}</legend>{answers}</fieldset>')
_ANSWER: Final = Markup('<label><input type="radio" name="pick-{group}" value="{id}"><span>{answer}</span></label>')
_MARKS: Final = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTE: ""}
CHOOSE: Final = "choose"
CONTRADICTIONS: Final = "contradictions"  # the one finding in which a person picks among the answers


def level(score: int) -> str:
    """The name of a score: ``great``, ``good``, ``fair`` or ``poor``."""
    return next(name for name, least in (("great", 90), ("good", 75), ("fair", 50), ("poor", 0)) if score >= least)


def render_checkup(ui: Ui, checkup: Checkup, bodies: Mapping[str, str]) -> str:
    """The health of the examples."""
    text = ui.text
    if checkup.is_running:
        return wrapped(_CARD.format(_going(ui, checkup), state="running"))
    problem = EMPTY if checkup.problem is None else problem_notice(text, checkup.problem)
    if checkup.report is None:
        again = button(text("checks.again"), "again", elem_id="examples-check-again")
        said = notice(text("checks.stopped")) if checkup.stopped else problem
        title = Markup("<h2>{}</h2>").format(text("checks.title"))
        return wrapped(_CARD.format(join([title, said, again]), state="stopped" if checkup.stopped else "failed"))
    report = checkup.report
    parts = [problem, _head(ui, report)]
    if report.top3:
        title = Markup("<h3>{}</h3>").format(text("checks.worth"))
        parts += [
            title,
            Markup('<ol class="af-worth">{}</ol>').format(join(_worth(ui, report, f) for f in report.top3)),
        ]
    if report.findings:
        parts.append(_findings(ui, report, bodies))
    else:
        parts.append(notice(text("checks.clean"), "good"))
    return wrapped(_CARD.format(join(parts), state="ready"))


def _going(ui: Ui, checkup: Checkup) -> Markup:
    """How far a check-up or a fix is; that of a large set can be stopped."""
    text = ui.text
    words = text("checks.fixing" if checkup.fixes else "checks.running", n=checkup.examples)
    stop = EMPTY if checkup.done is None else button(text("common.stop"), "stop", elem_id="examples-check-stop")
    return _GOING.format(text("checks.title"), words, stop, bar(checkup.done or 0.0, words, going=True))


def _head(ui: Ui, report: Report) -> Markup:
    text, safe = ui.text, registry.fixable(report.findings)
    act: Markup = EMPTY
    if safe:
        by_code = {finding.code: finding for finding in report.findings}
        act = button(
            text("checks.fix_all", n=len(safe)),
            "fix",
            kind="primary",
            elem_id="examples-fix-all",
            ask=text("checks.fix_all_ask", n=len(safe)),
            detail="\n".join(f"· {_plan(ui, by_code[code])}" for code in safe),
            yes=text("checks.fix_all_yes"),
            no=text("common.cancel"),
        )
    name = level(report.score)
    ring = _RING.format(score=report.score, level=name, label=text("checks.score", score=report.score))
    return _HEAD.format(ring=ring, title=text("checks.title"), sentence=text(f"checks.level.{name}"), act=act)


def _plan(ui: Ui, finding: Finding) -> str:
    """What fixing everything does about a finding, in one line."""
    check = registry.get(finding.code)
    how = (
        f"checks.rule.{finding.code}.choice.{check.choices[0]}" if check.choices else f"checks.rule.{finding.code}.fix"
    )
    title, n = ui.text(f"checks.rule.{finding.code}"), ui.text.number(finding.count)
    return f"{title} ({n}): {ui.text(how, **finding.params)}"


def sentence(ui: Ui, finding: Finding) -> str:
    """What was found, as a person reads it; rows are numbered as in the table below and in her file."""
    return ui.text(f"checks.rule.{finding.code}.found", **finding.params)


def _worth(ui: Ui, report: Report, finding: Finding) -> Markup:
    return _WORTH.format(
        points=max(1, round(cost(finding, report.examples))),
        title=ui.text(f"checks.rule.{finding.code}"),
        sentence=sentence(ui, finding),
        buttons=join([fix_button(ui, finding), rows_button(ui, finding)]),
    )


def _findings(ui: Ui, report: Report, bodies: Mapping[str, str]) -> Markup:
    order = {severity: place for place, severity in enumerate(Severity)}
    ranked = sorted(report.findings, key=lambda f: (order[f.severity], -cost(f, report.examples)))
    items = join(_finding(ui, finding, bodies.get(finding.code)) for finding in ranked)
    title = ui.text("checks.all", n=len(ranked))
    return Markup('<details id="findings"><summary>{}</summary><div class="af-findings">{}</div></details>').format(
        title, items
    )


def _finding(ui: Ui, finding: Finding, body: str | None) -> Markup:
    count = ui.text("examples.read", n=finding.count) if finding.count else ""
    waiting = Markup('<p class="af-muted af-small" data-loading>{}</p>').format(ui.text("checks.loading"))
    return _FINDING.format(
        code=finding.code,
        mark=badge(ui.text(f"checks.severity.{finding.severity.value}"), _MARKS[finding.severity]),
        title=ui.text(f"checks.rule.{finding.code}"),
        count=count,
        sentence=sentence(ui, finding),
        body=waiting if body is None else Markup(body),
    )


def fix_button(ui: Ui, finding: Finding, choice: str = "") -> Markup:
    """The button that puts a finding right; nothing where only a person can."""
    check = registry.get(finding.code)
    if check.fix is None:
        return EMPTY
    choice = choice or (check.choices[0] if check.choices else "")
    label = f"checks.rule.{finding.code}.choice.{choice}" if choice else f"checks.rule.{finding.code}.fix"
    codes = f"{finding.code}={choice}" if choice else finding.code
    return button(ui.text(label, **finding.params), "fix", kind="small", codes=codes)


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
    parts = []
    if check.choices:
        offered = [*([CHOOSE] if finding.code == CONTRADICTIONS else []), *check.choices]
        parts.append(
            Markup('<div class="af-row">{}</div>').format(join(_choice(ui, finding, c, choice) for c in offered))
        )
    if choice == CHOOSE:
        parts += [_pick(ui, number, group, finding) for number, group in enumerate(groups)]
        keep = button(text("checks.keep"), "fix", kind="primary small", collect=finding.code)
        return str(join([*parts, Markup('<div class="af-row">{}{}</div>').format(keep, rows_button(ui, finding))]))
    places = dict(zip(finding.ids, finding.positions, strict=True))
    cards = [change_card(ui, _label(ui, c.before, places.get(c.before.id)), c.before, c.after) for c in changes]
    if cards:
        title = text("checks.preview", n=len(cards), all=finding.count)
        parts.append(Markup('<p class="af-small af-muted">{}</p>{}').format(title, join(cards)))
    buttons = [fix_button(ui, finding, choice), rows_button(ui, finding)]
    return str(join([*parts, Markup('<div class="af-row">{}</div>').format(join(buttons))]))


def _label(ui: Ui, conversation: Conversation, place: int | None) -> str:
    return "" if place is None else ui.text("checks.row", number=row_label(conversation, place + 1))


def _choice(ui: Ui, finding: Finding, choice: str, chosen: str) -> Markup:
    key = "checks.choose" if choice == CHOOSE else f"checks.rule.{finding.code}.choice.{choice}"
    checked = Markup(" checked") if choice == chosen else EMPTY
    return _CHOICE.format(code=finding.code, choice=choice, label=ui.text(key), checked=checked)


def _pick(ui: Ui, number: int, group: Sequence[Conversation], finding: Finding) -> Markup:
    answers = join(_ANSWER.format(group=number, id=c.id, answer=c.answer) for c in group)
    return _PICK.format(question=group[0].question, answers=answers)
