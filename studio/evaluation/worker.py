"""The process that sits one exam: ``python -m studio.evaluation.worker RUN_DIR --home HOME --models MODELS …``.

It waits for its turn (one exam at a time in a workspace), and outlives the studio.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from filelock import FileLock, Timeout

from studio.domain.problem import Problem
from studio.domain.proof_progress import ProofPhase, ProofState, ProofStatus
from studio.errors import Stopped, from_exception
from studio.evaluation.exam_time import PHASE_ORDER
from studio.evaluation.proof_files import ProofFiles
from studio.models.hardware import machine
from studio.models.probe import known_speed
from studio.storage.compute_lock import ComputeLock
from studio.storage.uses import uses_of, using
from studio.storage.workspace import RunFolder
from studio.training.supervision.memory_admission import fits_beside

if TYPE_CHECKING:
    from studio.evaluation.exam_runner import Side
    from studio.evaluation.scoring import Encode

MODULE = "studio.evaluation.worker"
_TRAINS: Final = "studio.training.worker"
_LOOK_SECONDS: Final = 1.0  # between two looks at the memory


def main(arguments: list[str] | None = None) -> int:
    """Sits an exam. Returns 0; how it went is in the files of the exam."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--home", type=Path, required=True, help="folder of the workspace")
    parser.add_argument("--models", type=Path, required=True, help="folder of the base models")
    parser.add_argument("--against", help="id of the run that it is compared with")
    parser.add_argument(
        "--names", type=json.loads, default=("", ""), help="of the run and of what it is compared with, JSON"
    )
    parser.add_argument("--seconds", type=float, default=900.0, help="that it may take")
    parser.add_argument("--phases", nargs="+", default=[str(phase) for phase in PHASE_ORDER], help="what is asked")
    args = parser.parse_args(arguments)
    files = ProofFiles(RunFolder(args.run_dir), args.against)
    if not files.run.recipe.exists():
        return 0  # deleted before its turn came: nothing may bring its folder back
    process = psutil.Process()
    files.note_worker(process.pid, process.create_time())
    try:
        _wait_and_run(args, files)
    except Stopped:
        _end(files, ProofState.STOPPED)
    except Exception as error:
        traceback.print_exc()  # into the log, for the helper
        _end(files, ProofState.FAILED, Problem.of(from_exception(error)))
    return 0


def _wait_and_run(args: argparse.Namespace, files: ProofFiles) -> None:
    files.note(ProofStatus(state=ProofState.WAITING))
    lock = FileLock(args.home / "exams.lock")
    while not lock.is_locked:
        if files.stop_request.exists() or not files.run.recipe.exists():
            raise Stopped
        try:
            lock.acquire(timeout=0.2)
        except Timeout:
            continue
    try:
        _run(args, files)
    finally:
        lock.release()


def _run(args: argparse.Namespace, files: ProofFiles) -> None:
    from studio.chat.worker import load_engine
    from studio.evaluation.answering import ComputeTurns
    from studio.evaluation.exam_runner import ExamRunner, Side

    other = RunFolder(files.run.path.parent / args.against) if args.against else files.run
    sides = (
        Side.of(other, args.models, args.home, tuned=bool(args.against)),
        Side.of(files.run, args.models, args.home, tuned=True),
    )
    turns = ComputeTurns(ComputeLock(args.home), lambda: bool(_trainings(args.home)))
    runner = ExamRunner(
        files,
        sides,
        args.home,
        turns,
        lambda model_dir: load_engine(model_dir, args.home),
        tuple(args.names),
        lambda language: _encoder(args.models, language),
        args.seconds,
        [ProofPhase(phase) for phase in args.phases],
    )
    _wait_for_memory(args, files, sides)
    with ExitStack() as stack:
        for model_dir in {side.model_dir for side in sides}:
            stack.enter_context(using(model_dir, "exam"))
        runner.run()


def _wait_for_memory(args: argparse.Namespace, files: ProofFiles, sides: tuple[Side, Side]) -> None:
    """Waits while a training, a chat or an export has the memory; whatever other programs have is not waited for.

    Raises:
        Stopped: when a person asked for it.
    """
    needed = max(side.bytes_to_answer(known_speed(args.home, machine())) for side in sides)
    while not fits_beside(needed, trainings := _trainings(args.home)) and (
        trainings or any(uses_of(folder) for folder in args.models.iterdir())
    ):
        files.note(ProofStatus(state=ProofState.WAITING, phase=ProofPhase.MEMORY))
        if files.stop_request.exists() or not files.run.recipe.exists():
            raise Stopped
        time.sleep(_LOOK_SECONDS)


def _encoder(models: Path, language: str) -> Encode | None:
    """The sentence encoder of a language, where it is installed: an exam fetches nothing."""
    from studio.encoders.catalog import ENCODERS, encoder_for
    from studio.encoders.encoder import Encoder

    cards = ENCODERS if language == "en" else (encoder_for(language),)
    folders = (models / card.id for card in cards)
    found = next((folder for folder in folders if (folder / "model.safetensors").is_file()), None)
    return Encoder.load(found).encode if found is not None else None


def _trainings(home: Path) -> list[RunFolder]:
    """The runs of the workspace that are being trained; a worker that waits for one has no folder yet."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if _TRAINS in command and str(home.resolve()) in command:
            folder = RunFolder(Path(command[command.index(_TRAINS) + 1]))
            if folder.recipe.exists() and not folder.result.exists():
                found.append(folder)
    return found


def _end(files: ProofFiles, state: ProofState, problem: Problem | None = None) -> None:
    if not files.run.recipe.exists():
        return
    noted = files.read_status() or ProofStatus()
    files.note(noted.model_copy(update={"state": state, "phase": None, "seconds_left": None, "problem": problem}))


if __name__ == "__main__":
    sys.exit(main())
