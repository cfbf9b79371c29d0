"""Where the final exam of a version stands: not begun, going on with the time that is left, stopped, failed."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from studio.domain.proof import ProofState, ProofStatus
from studio.web.ui.components import EMPTY, Ui, bar, button, notice, problem_notice

_GOING: Final = (ProofState.WAITING, ProofState.RUNNING)
_LOOK: Final = 1500  # milliseconds until the browser looks again
_CARD: Final = Markup(
    '<section class="af-card" id="proof-exam" data-state="{state}" data-wait="{wait}" aria-label="{title}">'
    '<p class="af-notice warning" data-offline role="alert" hidden>{offline}</p>'
    '<div class="af-row af-between"><h2>{title}</h2><span class="af-row">{acts}</span></div>'
    '<div class="af-stack" data-part="exam">{body}</div></section>'
)
_LINE: Final = Markup('<p class="af-muted">{}</p>')
_PROGRESS: Final = Markup(
    '{bar}<div class="af-row af-between af-small af-muted"><span>{phase}</span><span>{count}</span></div>'
)


def is_going(status: ProofStatus) -> bool:
    """Whether the exam waits or is answered now."""
    return status.state in _GOING


def render_exam(ui: Ui, status: ProofStatus, *, has_result: bool, is_over: bool) -> Markup:
    """The card of the exam; nothing where it is done and there is nothing to say.

    Args:
        ui: what the page is built with.
        status: of the exam.
        has_result: whether an earlier one has a verdict, which is shown below.
        is_over: whether the run has ended; before that there is no exam.
    """
    text = ui.text
    if not is_over:
        return notice(text("proof.exam.not_over"))
    if status.state is ProofState.DONE or (status.state is ProofState.NONE and has_result):
        return EMPTY
    acts, wait = EMPTY, 0
    if is_going(status):
        title = "proof.exam.waiting" if status.state is ProofState.WAITING else "proof.exam.going"
        acts, wait = button(text("proof.exam.stop"), "stop", kind="small", elem_id="proof-stop"), _LOOK
    elif status.state is ProofState.NONE:
        title = "proof.exam.none_title"
        acts = button(text("proof.exam.start"), "start", kind="primary", elem_id="proof-start")
    else:
        title = "proof.exam.failed" if status.state is ProofState.FAILED else "proof.exam.stopped"
        acts = button(text("proof.exam.go_on"), "start", kind="primary small", elem_id="proof-start")
    return _CARD.format(
        state=status.state.value,
        wait=wait,
        title=text(title) if status.state is not ProofState.STOPPED else text("proof.exam.none_title"),
        offline=text("proof.exam.offline"),
        acts=acts,
        body=exam_body(ui, status),
    )


def exam_body(ui: Ui, status: ProofStatus) -> Markup:
    """What changes while the exam goes on."""
    text = ui.text
    match status.state:
        case ProofState.NONE:
            return _LINE.format(_how_long(ui, status))
        case ProofState.STOPPED:
            return _LINE.format(text("proof.exam.stopped"))
        case ProofState.FAILED:
            return problem_notice(text, status.problem) if status.problem else EMPTY
    phase = text(f"proof.phase.{status.phase.value}") if status.phase else ""
    count = [text("proof.exam.done_of", done=status.done, total=status.total)] if status.total else []
    if status.seconds_left is not None:
        count.append(text("proof.exam.left", time=text.duration(status.seconds_left)))
    share = status.done / status.total if status.total else 0.0
    return _PROGRESS.format(bar=bar(share, text("proof.exam.going"), going=True), phase=phase, count=" · ".join(count))


def _how_long(ui: Ui, status: ProofStatus) -> str:
    if status.seconds_left is None:
        return ui.text("proof.exam.none_unknown")
    return ui.text("proof.exam.none", n=max(1, round(status.seconds_left / 60)))
