"""A small process that speaks the files of a training worker, in a second instead of a minute and without torch.

``steps.json`` in the run's folder says how: ``steps``, ``seconds`` a step, ``checkpoint_every``, and what goes wrong:
``die_at`` (exits with 3 at that step), ``starve_at`` (killed at these steps, and the count of kills for memory goes up), ``print`` (text for the log), ``deaf`` (does not look at the stop request).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

import psutil

from studio.domain.event import Checkpoint, Ended, Evaluation, Phase, Started, Step
from studio.domain.run import RunResult, RunState
from studio.storage.files import write_atomic
from studio.storage.manifest import write_manifest
from studio.storage.workspace import RunFolder
from studio.training.run_files.event_log import EventLog
from studio.training.supervision.exit_diagnosis import memory_kills


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--model-dir", type=Path)
    parser.add_argument("--reserve", type=int)
    folder = RunFolder(parser.parse_args().run)
    started = psutil.Process().create_time()
    kills = folder.path / "kills"
    if not kills.exists():
        kills.write_text("oom_kill 0\n")
    note = {"pid": os.getpid(), "process_started": started, "kill_counter": str(kills)}
    write_atomic(folder.worker, json.dumps(note | {"memory_kills": memory_kills(kills)}))
    with (folder.path / "starts.log").open("a") as log:
        log.write(f"{os.getpid()}\n")
    plan = {
        "steps": 10,
        "seconds": 0.02,
        "checkpoint_every": 5,
        "deaf": False,
        "die_at": None,
        "starve_at": [],
        "print": "",
    }
    if (folder.path / "steps.json").exists():
        plan |= json.loads((folder.path / "steps.json").read_text())
    print(plan["print"], file=sys.stderr, flush=True)
    train(folder, plan)


def train(folder: RunFolder, plan: dict) -> None:
    done = max((int(path.name[5:]) for path in folder.checkpoints.glob("step-??????")), default=0)
    state, step = RunState.FINISHED, done
    with EventLog(folder.events) as events:
        events.write(_started(plan, done))
        for step in range(done + 1, plan["steps"] + 1):
            if folder.stop_request.exists() and not plan["deaf"]:
                state, step = RunState.STOPPED, step - 1
                break
            if folder.pause_request.exists() and not plan["deaf"]:
                keep(folder, events, step - 1)
                events.write(Ended(time=time.time(), state="paused", step=step - 1))
                return
            if plan["die_at"] == step:
                sys.exit(3)
            starve(folder, events, step, plan["starve_at"])
            time.sleep(plan["seconds"])
            events.write(
                Step(time=time.time(), step=step, epoch=step / 5, loss=3 / step, learning_rate=1e-3, grad_norm=1.0,
                     tokens=100, seconds=plan["seconds"])
            )  # fmt: skip
            if step % plan["checkpoint_every"] == 0:
                keep(folder, events, step)
    best = json.loads(folder.best.read_text()) if folder.best.exists() else {}
    result = RunResult(state=state, steps=step, best_step=best.get("step"), adapter=best.get("adapter"))
    write_atomic(folder.result, result.model_dump_json())


def starve(folder: RunFolder, events: EventLog, step: int, steps: list[int]) -> None:
    """Dies as a process does that the kernel kills for memory, once for each of ``steps``."""
    kills = folder.path / "kills"
    count = memory_kills(kills) or 0
    if count < len(steps) and steps[count] == step:
        events.write(Phase(time=time.time(), name="training"))
        kills.write_text(f"oom_kill {count + 1}\n")
        os.kill(os.getpid(), signal.SIGKILL)


def keep(folder: RunFolder, events: EventLog, step: int) -> None:
    name = f"step-{step:06d}"
    for parent in (folder.checkpoints, folder.adapters):
        (parent / name).mkdir(parents=True, exist_ok=True)
        (parent / name / "config.json").write_text("{}")
        write_manifest(parent / name)
    write_atomic(folder.best, json.dumps({"step": step, "adapter": f"adapters/{name}"}))
    events.write(Evaluation(time=time.time(), step=step, epoch=step / 5, loss=4 / step, best=True))
    events.write(Checkpoint(time=time.time(), step=step, path=f"checkpoints/{name}"))


def _started(plan: dict, resumed_from: int) -> Started:
    return Started(
        time=time.time(), pid=os.getpid(), device="cpu", precision="fp32", threads=1, total_steps=plan["steps"],
        steps_per_epoch=5, train_examples=8, held_out_examples=2, trainable_parameters=1, total_parameters=2,
        resumed_from=resumed_from,
    )  # fmt: skip


if __name__ == "__main__":
    main()
