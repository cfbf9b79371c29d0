"""What the upper part of the Examples screen shows: how much there is, where from, and how an import goes on."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from studio.domain.dataset import DatasetView
from studio.domain.left_out import LeftOut, left_out, totals
from studio.processes.job_registry import Job
from studio.web.ui.components import EMPTY, Ui, badge, bar, button, empty_state, join, notice, problem_notice, wrapped

_ICON: Final = Markup(
    '<svg viewBox="0 0 48 48" fill="none" stroke="var(--af-primary)" stroke-width="2.4" stroke-linecap="round"'
    ' aria-hidden="true"><rect x="6" y="9" width="36" height="30" rx="5"/><path d="M6 18h36M6 28h36M20 18v21"/></svg>'
)
_GOING: Final = Markup(
    '<section class="af-card" aria-live="polite"><div class="af-row af-between"><div><h2>{phase}</h2>'
    '<p class="af-muted af-small">{rows}</p></div>{stop}</div>{bar}</section>'
)

_LEFT_OUT: Final = Markup(
    '<section class="af-card" id="left-out"><h2>{title}</h2><p class="af-muted af-small">{why}</p>{shown}{more}</section>'
)
_REASONS_SHOWN: Final = 5


def render_head(ui: Ui, view: DatasetView | None) -> str:
    """How many examples there are, where from, and how many are kept aside; or the empty state."""
    text = ui.text
    sample = button(text("examples.sample"), "sample", elem_id="examples-sample")
    if view is None:
        return wrapped(empty_state(_ICON, text("examples.empty_title"), text("examples.empty"), sample))
    version = view.version
    counts = [badge(text("examples.read", n=version.examples), "good")]
    held_out, why = _held_out(ui, view)
    if held_out:
        counts.append(badge(text("examples.held_out", n=held_out)))
    counts.append(badge(text("examples.version", number=str(version.number))))
    origin = EMPTY
    if version.files:
        origin = Markup('<span class="af-muted af-small">{}</span>').format(
            text("examples.from", files=", ".join(dict.fromkeys(version.files)))
        )
    line = Markup('<div class="af-row">{}{}</div><p class="af-muted af-small">{}</p>')
    return wrapped(line.format(join(counts), origin, why))


def render_template_link(ui: Ui) -> str:
    """The way to a spreadsheet with the right titles, for whoever has no file yet."""
    html = Markup(
        '<p class="af-small af-muted">{} <a id="examples-template" href="../download/template/{}" download>{}</a></p>'
    )
    return wrapped(html.format(ui.text("examples.template.why"), ui.text.locale, ui.text("examples.template.get")))


def _held_out(ui: Ui, view: DatasetView) -> tuple[int, str]:
    """How many examples are kept for the proof, and a sentence about them."""
    counts = ui.services.splits.counts(view.version.project_id)
    if counts is None:
        return view.version.held_out, ui.text("examples.held_out_later")
    return counts[0], f"{ui.text('examples.held_out_why')} {ui.text(f'examples.split.kind.{counts[1].value}')}"


def render_going(ui: Ui, progress: Job) -> str:
    """How far an import is, with the way to stop it."""
    text = ui.text
    phase = text(f"examples.import.phase.{progress.stage}")
    stop = button(text("common.stop"), "stop", elem_id="examples-stop")
    card = _GOING.format(
        phase=phase,
        rows=text("examples.import.rows", n=progress.done),
        stop=stop,
        bar=bar(progress.fraction, phase, going=True),
    )
    return wrapped(card)


def render_summary(ui: Ui, view: DatasetView | None) -> str:
    """What was left out while reading, and why; below it what else is worth a look; or that all is well."""
    if view is None:
        return ""
    if not view.problems:
        return wrapped(notice(ui.text("examples.all_good"), "good"))
    gone = left_out(view.problems)
    told = [item.problem for item in gone]
    others = [problem for problem in view.problems if problem not in told]
    parts = [_left_out(ui, gone) if gone else notice(ui.text("examples.all_good"), "good")]
    if others:
        parts.append(Markup("<h2>{}</h2>").format(ui.text("examples.problems", n=len(others))))
        parts += [problem_notice(ui.text, problem) for problem in others]
    return wrapped(join(parts))


def _left_out(ui: Ui, gone: tuple[LeftOut, ...]) -> Markup:
    """One panel: how much of what, then each reason with its file and rows; a long list is folded."""
    text = ui.text
    counts = ", ".join(text(f"examples.left_out.{unit.value}", n=count) for unit, count in totals(gone).items())
    reasons = [Markup("<li>{}</li>").format(text.problem(item.problem)) for item in gone]
    shown = Markup('<ul class="af-reasons">{}</ul>').format(join(reasons[:_REASONS_SHOWN]))
    more = EMPTY
    if rest := reasons[_REASONS_SHOWN:]:
        more = Markup('<details><summary>{}</summary><ul class="af-reasons">{}</ul></details>').format(
            text("examples.left_out.more", n=len(rest)), join(rest)
        )
    return _LEFT_OUT.format(
        title=text("examples.left_out.title", counts=counts), why=text("examples.left_out.why"), shown=shown, more=more
    )
