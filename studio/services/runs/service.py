"""Runs: started, watched, paused, stopped, gone on with, reordered, deleted."""

from __future__ import annotations

from collections.abc import Callable

from studio.domain.run import RunState, RunView
from studio.services.runs.chart_commentary import Sentence, reading
from studio.services.runs.starting import RunStarts


class RunService(RunStarts):
    """The runs of a workspace: what is shown of them (:class:`RunViews`), what a person does to them
    (:class:`RunControls`), how they begin (:class:`RunStarts`), and here what the studio does of itself.
    """

    def when_over(self, callback: Callable[[str, RunState], None]) -> None:
        """Has something done when a run is over, in the thread that sees runs through: with its id and its state."""
        self._supervisor.when_over = callback

    def start_supervisor(self) -> None:
        """Starts the thread that sees runs through. Starting or going on with a run does so by itself."""
        self._supervisor.start()

    def close(self) -> None:
        """Ends the supervisor; workers go on, and the next supervisor finds them."""
        self._supervisor.close()
        self.stop_measuring()

    def measure(self, model_id: str) -> None:
        """Measures in the background how fast this machine trains a model, unless that is known or runs need the cores."""
        if self._is_idle():
            self._estimates.measure(model_id)

    def is_measuring(self, model_id: str) -> bool:
        """Whether such a measurement is under way."""
        return self._estimates.is_measuring(model_id)

    def stop_measuring(self) -> None:
        """Ends such measurements: what is about to train needs the cores."""
        self._estimates.stop_measuring()

    def prepare(self) -> None:
        """Starts a worker that does its imports before it is needed. Nothing while runs need the cores."""
        if self._is_idle():
            self._supervisor.prepare()

    def reading(self, view: RunView) -> Sentence:
        """The sentence that reads the chart: its catalog key and parameters."""
        return reading(view)

    def _is_idle(self) -> bool:
        return not self._queue.active() and not self._queue.waiting()
