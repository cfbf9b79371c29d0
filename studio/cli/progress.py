"""Watching a run from the terminal: a bar, a line for each evaluation, and what Ctrl+C does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from studio.cli.terminal import Terminal
from studio.domain.run import RunState, RunView
from studio.domain.study import StudyView

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from studio.services.runs.service import RunService

_INTERVAL = 0.5  # seconds between two looks at the folder
View = TypeVar("View", RunView, StudyView)


def watch(terminal: Terminal, runs: RunService, run_id: str) -> RunView:
    """Shows a run until it is over or pauses. The first Ctrl+C asks it to stop and keep the best; the second one leaves it.

    Args:
        terminal: where it is shown; with ``--json`` each change is a line of JSON.

    Raises:
        KeyboardInterrupt: at the second Ctrl+C. The run stops by itself.
    """
    with terminal.progress() as bar:
        display = _RunDisplay(terminal, bar, bar.add_task("", total=None, rest=""))

        def look() -> RunView:
            view = runs.view(run_id)
            display.update(view)
            return view

        def stop() -> None:
            terminal.say("cli.train.stopping")
            runs.stop(run_id)

        return follow(look, stop)


def follow(look: Callable[[], View], stop: Callable[[], object]) -> View:
    """Looks at a run or a study until it is over or pauses. The first Ctrl+C stops it, the second one is raised."""
    asked = False
    while True:
        try:
            view = look()
            if view.state.is_over or view.state is RunState.PAUSED:
                return view
            time.sleep(_INTERVAL)
        except KeyboardInterrupt:
            if asked:
                raise
            asked = True
            stop()


class _RunDisplay:
    """What was shown last, so that a line is written once."""

    def __init__(self, terminal: Terminal, bar: Progress, task: TaskID) -> None:
        self._terminal = terminal
        self._bar = bar
        self._task = task
        self._evaluations = 0
        self._notices = 0
        self._line: dict[str, Any] = {}

    def update(self, view: RunView) -> None:
        """Brings the terminal up to date."""
        self._bar.update(
            self._task,
            description=self._phase(view),
            completed=view.fraction,
            total=1.0 if view.progress.total_steps else None,
            rest=self._rest(view),
        )
        self._write_new(view)
        line = _line(view)
        if line != self._line:
            self._line = line
            self._terminal.emit(line)

    def _phase(self, view: RunView) -> str:
        text = self._terminal.catalog
        if view.state is RunState.QUEUED and (view.queue_position or 0) > 1:
            return text("cli.queued_at", position=view.queue_position)
        if view.state is RunState.RUNNING and view.progress.phase:
            return text(f"cli.phase.{view.progress.phase}")
        return text(f"cli.state.{view.state}")

    def _rest(self, view: RunView) -> str:
        text, progress = self._terminal.catalog, view.progress
        parts = []
        if progress.train_loss:
            parts.append(text("cli.loss", loss=text.number(progress.train_loss[-1].value, 3)))
        if progress.tokens_per_second:
            parts.append(text("cli.speed", tokens=round(progress.tokens_per_second)))
        if progress.seconds_left is not None:
            key = "cli.left_at_most" if progress.may_end_earlier else "cli.left"
            parts.append(text(key, time=text.duration(progress.seconds_left)))
        return " · ".join(parts)

    def _write_new(self, view: RunView) -> None:
        text, progress = self._terminal.catalog, view.progress
        for point in progress.held_out_loss[self._evaluations :]:
            best = text("cli.best_so_far") if point.step == progress.best_step else ""
            loss = text.number(point.value, 3)
            self._bar.console.print(
                text("cli.evaluation", step=point.step, total=progress.total_steps, loss=loss, best=best).rstrip()
            )
        self._evaluations = len(progress.held_out_loss)
        for problem in progress.notices[self._notices :]:
            self._bar.console.print(f"! {text.problem(problem)}")
        self._notices = len(progress.notices)


def _line(view: RunView) -> dict[str, Any]:
    progress = view.progress
    return {
        "run": view.id,
        "state": view.state.value,
        "phase": progress.phase,
        "step": progress.step,
        "total_steps": progress.total_steps,
        "fraction": view.fraction,
        "loss": progress.train_loss[-1].value if progress.train_loss else None,
        "held_out_loss": progress.held_out_loss[-1].value if progress.held_out_loss else None,
        "seconds_left": progress.seconds_left,
    }
