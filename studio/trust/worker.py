"""Decides who answers questions, in a child process: ``python -m studio.trust.worker JOB OUT``.

``JOB`` is a :class:`studio.trust.decision.TrustJob` as JSON; writes a :class:`studio.trust.decision.TrustResult` to ``OUT``. What is fitted to a run's examples is kept in
the folder of the run and read again as long as they, and the encoder, are the same.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import numpy as np
from filelock import FileLock

from studio.data.jsonl_codec import parsed
from studio.domain.conversation import Conversation
from studio.encoders.encoder import Encoder
from studio.encoders.question_encoder import load_question_encoder
from studio.encoders.tuning import EncoderPair, load_tuned
from studio.errors import AfinaError
from studio.processes.child import give_way, work_as_child
from studio.storage.compute_lock import ComputeLock
from studio.storage.files import write_atomic
from studio.trust.decision import Decision, TrustJob, TrustResult
from studio.trust.fitting import fit, known_questions
from studio.trust.index import Floats, Index
from studio.trust.selector import AnswerSelector
from studio.trust.selector_files import load_selector, save_selector
from studio.trust.summary import tuned_folder, tuning_file

_CHUNK: Final = 1_000  # questions that are decided at a time


def main(arguments: list[str]) -> int:
    """Entry point of the child process."""
    give_way()

    def work() -> None:
        job = TrustJob.model_validate_json(Path(arguments[0]).read_bytes())
        with nullcontext() if job.home is None else ComputeLock(job.home).answering():
            result = decide(job)
        write_atomic(Path(arguments[1]), result.model_dump_json())

    return work_as_child(work)


def decide(job: TrustJob) -> TrustResult:
    """Fits where needed, then decides. Without any usable example everything is handed over."""
    selector, vectors = fitted_selector(job)
    decisions: list[Decision] = []
    for start in range(0, len(job.questions), _CHUNK):
        texts = job.questions[start : start + _CHUNK]
        decisions += selector.decide(texts, vectors(texts), job.careful)
    return TrustResult(decisions=tuple(decisions), curve=selector.curve)


class Vectors:
    """The encoder, loaded when it is first needed; vectors without dimensions where there is none.

    Args:
        folder: of the installed encoder; None for none.
        tuned: folder with layers that were tuned.
    """

    def __init__(self, folder: Path | None, tuned: Path | None = None) -> None:
        self._folder, self._tuned = folder, tuned
        self._encoder: Encoder | EncoderPair | None = None

    def __call__(self, texts: tuple[str, ...]) -> Floats:
        if self._folder is None:
            return np.zeros((len(texts), 0), np.float32)
        if self._encoder is None:
            encoder = load_question_encoder(self._folder)
            self._encoder = encoder if self._tuned is None else load_tuned(encoder, self._tuned)
        return self._encoder.encode(texts)


def fitted_selector(job: TrustJob) -> tuple[AnswerSelector, Vectors]:
    """The selector in the folder of a job, refitted if examples or encoder have changed, and what reads for it."""
    data = [path.read_bytes() for path in job.examples]
    ways = b"letters" if job.letters_only else job.encoder.encode()
    fingerprint = hashlib.sha256(b"\0".join([ways, *data])).hexdigest()
    if not job.folder.parent.is_dir():
        raise AfinaError("general.not_found", what=job.folder.parent.name)
    # Two that fit the same run (an exam beside an export) would remove what the other is about to keep.
    with FileLock(job.folder.with_name(f"{job.folder.name}.lock")):
        return _kept_or_fitted(job, data, fingerprint)


def _kept_or_fitted(job: TrustJob, data: list[bytes], fingerprint: str) -> tuple[AnswerSelector, Vectors]:
    for folder in (tuned_folder(job.folder), job.folder):
        kept = load_selector(folder)
        if kept is not None and kept[0].fingerprint == fingerprint:
            return kept[1], Vectors(job.encoder_dir, folder)
    examples: list[Conversation] = [parsed(line) for part in data for line in part.splitlines() if line.strip()]
    known = known_questions(examples, job.language)
    vectors, read = Vectors(job.encoder_dir), (known.questions, known.answers)
    selector = fit(Index(known, *map(vectors, read)) if job.letters_only else Index.of(known, vectors))
    if not job.examples[0].is_file():
        raise AfinaError("general.not_found", what=job.folder.parent.name)  # the run was deleted meanwhile
    tuning_file(job.folder).unlink(missing_ok=True)
    for folder in (tuned_folder(job.folder), job.folder):
        shutil.rmtree(folder, ignore_errors=True)
    save_selector(job.folder, selector, job.encoder, fingerprint)
    return selector, vectors


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
