"""Where the final exam of a version stands: not begun, going on with the time that is left, stopped, failed."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from studio.domain.proof_progress import ProofState, ProofStatus
from studio.web.ui.components import EMPTY, Ui, notice, render

_GOING: Final = (ProofState.WAITING, ProofState.RUNNING)
_LOOK: Final = 1500  # milliseconds until the browser looks again


def is_going(status: ProofStatus) -> bool:
    """Whether the exam waits or is answered now."""
    return status.state in _GOING


def render_exam(ui: Ui, status: ProofStatus, *, has_result: bool, is_over: bool) -> Markup:
    """The card of the exam; nothing where it is done and there is nothing to say.

    Args:
        ui: what the page is built with.
        has_result: whether an earlier one has a verdict, which is shown below.
        is_over: whether the run has ended; before that there is no exam.
    """
    text = ui.text
    if not is_over:
        return notice(text("proof.exam.not_over"))
    if status.state is ProofState.DONE or (status.state is ProofState.NONE and has_result):
        return EMPTY
    titles = {ProofState.WAITING: "waiting", ProofState.RUNNING: "going", ProofState.FAILED: "failed"}
    title = text(f"proof.exam.{titles.get(status.state, 'none_title')}")
    body = exam_body(ui, status)
    return render(text, "proof/exam", state=status.state.value, title=title, look=_LOOK, body=body)


def exam_body(ui: Ui, status: ProofStatus) -> Markup:
    """What changes while the exam goes on."""
    text, counts = ui.text, []
    if status.total:
        counts.append(text("proof.exam.done_of", done=status.done, total=status.total))
    if status.seconds_left is not None:
        counts.append(text("proof.exam.left", time=text.duration(status.seconds_left)))
    return render(text, "proof/exam_body", status=status, counts=counts)
