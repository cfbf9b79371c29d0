"""Tunes the encoder of a fitted run, in a child process: ``python -m studio.trust.tuning_worker JOB``.

``JOB`` is a :class:`studio.trust.decision.TrustJob` as JSON. What was fitted first stays in force until the end, and after
it where the tuned encoder is not better at the job's carefulness. Says ``done`` and ``total`` steps on the way.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import torch

from studio.encoders.question_encoder import load_question_encoder
from studio.encoders.tuning import can_tune, save_layers
from studio.errors import AfinaError
from studio.models.probe import speed_here
from studio.processes.child import say, work_as_child
from studio.storage.compute_lock import ComputeLock
from studio.storage.files import write_atomic
from studio.trust.decision import TrustJob
from studio.trust.selector_files import load_selector, read_record, save_selector
from studio.trust.summary import TuningResult, tuned_folder, tuning_file
from studio.trust.tuned_fitting import fit_tuned, is_better, is_worth_tuning

_NICE: Final = 10  # whoever else computes goes first


def main(arguments: list[str]) -> int:
    """Entry point of the child process."""

    def work() -> None:
        with suppress(AttributeError, OSError):
            os.nice(_NICE)
        torch.set_num_threads(max(1, torch.get_num_threads() // 2))
        tune_selector(TrustJob.model_validate_json(Path(arguments[0]).read_bytes()))

    return work_as_child(work)


def tune_selector(job: TrustJob) -> None:
    """Fits with a tuned encoder, and keeps that where it is better. Does nothing before the first selector is there.

    Args:
        job: with an encoder; ``careful`` is the position that has to be better.
    """
    assert job.encoder_dir is not None
    kept = load_selector(job.folder)
    if kept is None:
        return
    record, first = kept
    lock = ComputeLock(job.home) if job.home is not None else None

    def before_step(done: int, total: int) -> None:
        say(done=done, total=total)
        if lock is not None:
            lock.wait()

    encoder = load_question_encoder(job.encoder_dir)
    better = None
    if can_tune(encoder) and is_worth_tuning(first.index):
        speed = None if job.home is None else speed_here(job.home)
        in_bf16 = speed is not None and speed.bf16 > speed.fp32
        tuned, layers = fit_tuned(first, encoder, in_bf16=in_bf16, before_step=before_step)
        better = tuned if is_better(tuned, first, job.careful) else None
    if not job.examples[0].is_file():
        raise AfinaError("general.not_found", what=job.folder.parent.name)  # the run was deleted meanwhile
    current = read_record(job.folder)
    if current is None or current.fingerprint != record.fingerprint:
        return  # fitted to something else meanwhile
    if better is not None:
        folder = tuned_folder(job.folder)
        shutil.rmtree(folder, ignore_errors=True)
        save_selector(folder, better, job.encoder, record.fingerprint, lambda made: save_layers(layers, made))
    result = TuningResult(is_better=better is not None)
    write_atomic(tuning_file(job.folder), result.model_dump_json())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
