"""The final exams of the runs of a workspace: started, watched, stopped, read. The folder of the run is the truth."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from typing import Final

import psutil

from studio.domain.model import BaseModelCard
from studio.domain.problem import Problem
from studio.domain.proof import Proof
from studio.domain.proof_progress import ProofState, ProofStatus
from studio.domain.proof_table import ProofTable
from studio.domain.run import RunState
from studio.errors import AfinaError, from_exception
from studio.evaluation.exam_time import Pace
from studio.evaluation.proof_files import ProofFiles
from studio.evaluation.same_training import training_key
from studio.processes.environment import environment
from studio.services.proof.table import make_table
from studio.storage.database import RunRow
from studio.storage.kept_adapter import require_adapter
from studio.storage.run_result import read_result
from studio.storage.trash import is_in_trash, not_in_trash
from studio.storage.workspace import RunFolder, Workspace
from studio.trust.jobs import selector_folder
from studio.trust.summary import selector_stamp

_LOG: Final = logging.getLogger(__name__)
_WORKER: Final = "studio.evaluation.worker"
_SAME_START: Final = 1.0  # seconds; start times are rounded to the clock tick
_GOING: Final = (ProofState.WAITING, ProofState.RUNNING)
_SOON: Final = 60.0  # seconds after a training within which its exam starts by itself
DEFAULT_SECONDS: Final = 900.0


class ProofService:
    """Safe to use from many threads and processes."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._children: list[subprocess.Popen[bytes]] = []  # kept, so that those that have ended are no zombies

    def start(self, run_id: str, against: str | None = None, *, seconds: float = DEFAULT_SECONDS) -> ProofStatus:
        """Sits the exam of a run in a process of its own; nothing happens while it is on its way.

        A result that is there stays until the new one replaces it; answers that were given are not asked for again.

        Args:
            against: run that it is compared with; None: its base model.
            seconds: that it may take; questions that it has no time for are left out.

        Raises:
            AfinaError: ``general.not_found``, ``chat.not_ready`` before there is a tuned model, ``chat.base_missing``,
                ``proof.same_run``, ``disk.full`` …
        """
        if against == run_id:
            raise AfinaError("proof.same_run")
        for asked in (run_id, *([against] if against else [])):
            self._require_ready(asked)
        with self._lock:
            files = self._files(run_id, against)
            noted = files.read_status()
            if noted is not None and noted.state in _GOING and self._is_alive(files):
                return noted
            files.stop_request.unlink(missing_ok=True)
            own = psutil.Process()
            files.note_worker(own.pid, own.create_time())  # until the worker is there: nobody takes it for dead
            files.note(ProofStatus(state=ProofState.WAITING, seconds_left=self._foretold(files)))
            self._spawn(files, seconds)
        return self.status(run_id, against)

    def status(self, run_id: str, against: str | None = None) -> ProofStatus:
        """Where an exam stands. Cheap enough for a timer.

        Args:
            against: run that it is compared with; None: its base model.

        Returns:
            Before it was ever started, ``seconds_left`` is about what it would take; between the end of a training and the
            exam that follows by itself, it is waiting.

        Raises:
            AfinaError: ``general.not_found``.
        """
        files = self._files(run_id, against)
        noted = files.read_status()
        if noted is None:
            state = ProofState.WAITING if self._is_about_to_start(files) else ProofState.NONE
            return ProofStatus(state=state, seconds_left=self._foretold(files))
        if noted.state in _GOING and not self._is_alive(files):
            noted = files.read_status() or noted  # it may have ended since
            if noted.state in _GOING:
                problem = Problem(code="proof.worker_died")
                return noted.model_copy(update={"state": ProofState.FAILED, "seconds_left": None, "problem": problem})
        return noted

    def stop(self, run_id: str, against: str | None = None) -> None:
        """Asks an exam to stop; what was answered is kept. Args and errors as :meth:`status`."""
        files = self._files(run_id, against)
        if self._is_alive(files):
            try:
                files.stop_request.touch()
            except OSError as error:
                raise from_exception(error) from error

    def result(self, run_id: str, against: str | None = None) -> Proof | None:
        """The result of an exam; None before there is one. Args and errors as :meth:`status`."""
        return self._files(run_id, against).read_result()

    def is_counted_before_fit(self, run_id: str) -> bool:
        """Whether the run's examples were read anew since the exam counted what customers get."""
        run = self._workspace.run(run_id)
        result = ProofFiles(run).result
        return result.is_file() and selector_stamp(selector_folder(run)) > result.stat().st_mtime_ns

    def table(self, project_id: str) -> ProofTable:
        """All runs of a project on the questions that each of them answered, and who beats whom beyond chance.

        Args:
            project_id: whose runs; those that have sat the exam against their base model.
        """
        from sqlalchemy import select

        query = select(RunRow.id).where(RunRow.project_id == project_id, not_in_trash())
        with self._workspace.database.session() as session:
            ids = list(session.scalars(query.order_by(RunRow.created_at.desc())))
        found = (ProofFiles(self._workspace.run(run_id)).read_result() for run_id in ids)
        return make_table(
            [proof for proof in found if proof is not None], lambda run_id: training_key(self._workspace.run(run_id))
        )

    def start_unasked(self, run_id: str, state: RunState) -> None:
        """Called when a run is over: its exam follows, where it has one that nothing has read yet."""
        files = self._files(run_id, None)
        if _follows(files, state):
            try:
                self.start(run_id)
            except AfinaError as error:
                files.note(ProofStatus(state=ProofState.FAILED, problem=Problem.of(error)))

    def count_unasked(self, run_id: str) -> None:
        """Called when what customers get has changed: an exam that counted it before counts it anew, from its answers."""
        if self.is_counted_before_fit(run_id):
            try:
                self.start(run_id)
            except AfinaError:
                _LOG.exception("What customers get could not be counted anew; the page of the proof offers it")

    def close(self) -> None:
        """Ends nothing: exams go on by themselves, and are found again."""

    def _files(self, run_id: str, against: str | None) -> ProofFiles:
        if against is not None:
            self._workspace.run(against)  # an id that is none is refused
        return ProofFiles(self._workspace.run(run_id), against)

    def _require_ready(self, run_id: str) -> None:
        folder = self._workspace.run(run_id)
        if is_in_trash(self._workspace.database, run_id) or not folder.recipe.is_file():
            raise AfinaError("general.not_found", what=run_id)
        card = _card(folder)
        if not (self._workspace.model(card.id) / "afina.json").is_file():
            raise AfinaError("chat.base_missing", name=card.name)
        require_adapter(folder, "chat.not_ready")

    def _spawn(self, files: ProofFiles, seconds: float) -> None:
        names = (self._name(files.run.path.name), self._against_name(files))
        command = [sys.executable, "-m", _WORKER, str(files.run.path.resolve())]
        command += ["--home", str(self._workspace.home.resolve()), "--models", str(self._workspace.models.resolve())]
        command += ["--seconds", str(seconds)]
        command.append(f"--names={json.dumps(names)}")  # a name that begins with a dash is no option
        command += ["--against", files.against] if files.against else []
        try:
            with files.log.open("wb") as log:
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment(),
                    start_new_session=sys.platform != "win32",
                )
            files.note_worker(child.pid, psutil.Process(child.pid).create_time())
        except (OSError, psutil.Error) as error:
            files.worker.unlink(missing_ok=True)
            raise from_exception(error) from error
        self._children = [each for each in self._children if each.poll() is None] + [child]

    def _is_alive(self, files: ProofFiles) -> bool:
        try:
            noted = json.loads(files.worker.read_bytes())
            process = psutil.Process(int(noted["pid"]))
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return bool(abs(process.create_time() - float(noted["started"])) < _SAME_START)
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return False

    def _is_about_to_start(self, files: ProofFiles) -> bool:
        """Whether a training has just ended whose exam follows by itself: whoever looks is not asked to start it."""
        result = read_result(files.run)
        return (
            self._workspace.settings.exam_after_training
            and files.against is None
            and result is not None
            and time.time() - result.ended_at < _SOON
            and _follows(files, result.state)
        )

    def _foretold(self, files: ProofFiles) -> float | None:
        exam = files.run.exam if files.run.exam.is_file() else files.run.held_out
        try:
            questions = exam.read_bytes().count(b"\n")
            return Pace(self._workspace.home, _card(files.run).id).foretold(questions)
        except (OSError, ValueError, AfinaError):
            return None

    def _name(self, run_id: str) -> str:
        with self._workspace.database.session() as session:
            row = session.get(RunRow, run_id)
        return row.name if row is not None else run_id

    def _against_name(self, files: ProofFiles) -> str:
        return self._name(files.against) if files.against else _card(files.run).name


def _follows(files: ProofFiles, state: RunState) -> bool:
    """Whether a run that ended so has an exam that nothing has read yet."""
    over = (RunState.FINISHED, RunState.STOPPED)
    return (
        state in over and files.run.exam.is_file() and bool(files.run.exam.stat().st_size) and not files.status.exists()
    )


def _card(folder: RunFolder) -> BaseModelCard:
    try:
        return BaseModelCard.model_validate_json(folder.model.read_bytes())
    except OSError as error:
        raise AfinaError("general.not_found", what=folder.path.name) from error
