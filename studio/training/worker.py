"""The process that trains one run: ``python -m studio.training.worker RUN_DIR --home HOME --model-dir DIR``.

It reads ``recipe.json``, ``model.json``, ``train.jsonl`` and ``held_out.jsonl`` from the run's folder, writes
``events.jsonl`` as it goes, and ``result.json`` last. Started again, it goes on from the newest intact checkpoint.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from pathlib import Path

from studio.domain.event import Ended, Phase
from studio.domain.problem import Problem
from studio.domain.recipe import Recipe
from studio.domain.run import RunResult, RunState, progress_of
from studio.errors import AfinaError, from_exception
from studio.storage.files import write_atomic
from studio.storage.turns import Turns
from studio.storage.workspace import RunFolder
from studio.training.events import EventLog, read_events


def main(arguments: list[str] | None = None) -> int:
    """Trains; returns 0 when ``result.json`` is written, or the run has paused."""
    parser = argparse.ArgumentParser(prog="python -m studio.training.worker", description=__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--home", type=Path, required=True, help="folder of the workspace")
    parser.add_argument("--model-dir", type=Path, required=True, help="folder of the installed base model")
    args = parser.parse_args(arguments)
    folder = RunFolder(args.run_dir)
    _announce(folder)
    with EventLog(folder.events) as log:
        try:
            result: RunResult | None = _train(folder, args.home, args.model_dir, log)
        except Exception as error:
            traceback.print_exc()  # into worker.log, for the helper
            result = _failed(folder, from_exception(error))
        if result is None:
            log.write(Ended(time=time.time(), state="paused", step=progress_of(read_events(folder.events)[0]).step))
        else:
            _finish(folder, log, result)
    return 0


def _announce(folder: RunFolder) -> None:
    import psutil

    process = psutil.Process()
    write_atomic(folder.worker, json.dumps({"pid": process.pid, "process_started": process.create_time()}))


def _train(folder: RunFolder, home: Path, model_dir: Path, log: EventLog) -> RunResult | None:
    log.write(Phase(time=time.time(), name="loading_model"))
    from studio.training.study_folder import StudyFolder

    study = StudyFolder(folder)
    if study.is_study:
        from studio.training.study import run_study

        return run_study(study, home, model_dir)

    from studio.training.assembly import assemble

    recipe = Recipe.model_validate_json(folder.recipe.read_text(encoding="utf-8"))
    loop, found = assemble(folder, recipe, model_dir, Turns(home), log)
    return loop.run(found)


def _failed(folder: RunFolder, error: AfinaError) -> RunResult:
    """The result of a run that could not go on; the best adapter so far stays usable."""
    best: dict[str, object] = {}
    if folder.best.is_file():
        best = json.loads(folder.best.read_text(encoding="utf-8"))
    progress = progress_of(read_events(folder.events)[0])
    return RunResult(
        state=RunState.FAILED,
        steps=progress.step,
        best_step=best.get("step"),
        adapter=best.get("adapter"),
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
