"""The process that trains one run: ``python -m studio.training.worker RUN_DIR --home HOME --model-dir DIR``.

It reads ``recipe.json``, ``model.json``, ``train.jsonl`` and ``held_out.jsonl`` from the run's folder, writes
``events.jsonl`` as it goes, and ``result.json`` last. Started again, it goes on from the newest intact checkpoint.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

from studio.domain.event import Ended, Phase
from studio.domain.problem import Problem
from studio.domain.recipe import Recipe
from studio.domain.run import RunResult, RunState, progress_of
from studio.errors import AfinaError, from_exception
from studio.storage.compute_lock import ComputeLock
from studio.storage.files import write_atomic
from studio.storage.kept_adapter import kept_adapter
from studio.storage.workspace import RunFolder
from studio.training.loop.recovery import go_slower
from studio.training.run_files.disk_space import pause_for_disk
from studio.training.run_files.event_log import EventLog, read_events
from studio.training.supervision.exit_diagnosis import DISK_FULL
from studio.training.supervision.prewarmed_worker import WAIT_OPTION, wait_for_run
from studio.training.supervision.worker_process import announce


def main(arguments: list[str] | None = None) -> int:
    """Trains.

    Returns:
        0 when ``result.json`` is written or the run has paused; :data:`DISK_FULL` when there is no room for either.
    """
    parser = argparse.ArgumentParser(prog="python -m studio.training.worker", description=__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--home", type=Path, required=True, help="folder of the workspace")
    parser.add_argument("--model-dir", type=Path, required=True, help="folder of the installed base model")
    parser.add_argument("--reserve", type=int, default=0, help="bytes of the disk that are left free")
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[1:2] == [WAIT_OPTION]:
        told = wait_for_run(RunFolder(Path(given[0])), Path(given[2]))
        if told is None:
            return 0
        given = [given[0], *told]
    args = parser.parse_args(given)
    folder = RunFolder(args.run_dir)
    try:
        announce(folder)
        with EventLog(folder.events) as log:
            _work(args, folder, log)
    except (AfinaError, OSError) as error:
        if from_exception(error).code != "disk.full":
            raise
        return DISK_FULL
    return 0


def _work(args: argparse.Namespace, folder: RunFolder, log: EventLog) -> None:
    """Trains until the run is over or pauses, going back and learning more slowly when it goes astray."""
    while True:
        try:
            result = _train(args, folder, log)
        except Exception as error:
            known = from_exception(error)
            if known.code == "train.diverged" and go_slower(folder, log, int(known.params.get("step", 0))):
                continue
            if known.code == "disk.full":
                pause_for_disk(folder, known, args.reserve)
                result = None
            else:
                traceback.print_exc()  # into worker.log, for the helper
                result = _failed(folder, known)
        break
    if result is None:
        log.write(Ended(time=time.time(), state="paused", step=progress_of(read_events(folder.events)[0]).step))
    else:
        _finish(folder, log, result)


def _train(args: argparse.Namespace, folder: RunFolder, log: EventLog) -> RunResult | None:
    log.write(Phase(time=time.time(), name="loading_model"))
    from studio.training.hparam_search.folder import StudyFolder

    study = StudyFolder(folder.path)
    if study.is_study:
        from studio.training.hparam_search.search_worker import run_study

        return run_study(study, args.home, args.model_dir)

    from studio.training.loop.factory import assemble

    recipe = Recipe.model_validate_json(folder.recipe.read_text(encoding="utf-8"))
    loop, saved = assemble(folder, recipe, args.model_dir, ComputeLock(args.home), log, reserve=args.reserve)
    return loop.run(saved)


def _failed(folder: RunFolder, error: AfinaError) -> RunResult:
    """The result of a run that could not go on; the best adapter so far stays usable."""
    kept = kept_adapter(folder)
    progress = progress_of(read_events(folder.events)[0])
    return RunResult(
        state=RunState.FAILED,
        steps=progress.step,
        best_step=kept.step if kept else None,
        adapter=kept.name if kept else None,
        seconds=progress.training_seconds,
        ended_at=time.time(),
        problem=Problem.of(error),
    )


def _finish(folder: RunFolder, log: EventLog, result: RunResult) -> None:
    """Tells the end twice: as an event for the screen, then in the file that counts."""
    log.write(Ended(time=time.time(), state=result.state.value, step=result.steps, problem=result.problem))
    write_atomic(folder.result, result.model_dump_json(indent=1))


if __name__ == "__main__":
    sys.exit(main())
