"""The child process of :mod:`studio.services.examples.question_map`: lays out a map of questions.

Reads a :class:`Job` from standard input; says how many questions a model has read now and then, and in the end
the :class:`Places`.
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from studio.data.insights import map_layout
from studio.encoders.encoder import Encoder, EncoderTraits
from studio.encoders.letters import letter_vectors, topic_vectors, unit
from studio.processes.child import say, work_as_child
from studio.services.examples.question_map import Job, Places
from studio.storage.files import atomic_path

_KEY_BYTES: Final = 16
_NEAREST: Final = 3
_VECTORS_KEPT: Final = 20_000  # vectors of questions, those of the newest map first

Floats = NDArray[np.float32]


def main() -> int:
    """Entry point of the child process; returns its exit code."""
    job = Job.model_validate_json(sys.stdin.readline())
    return work_as_child(lambda: say(places=places_of(job).model_dump(mode="json")))


def places_of(job: Job) -> Places:
    """Where each question of a job stands, which group it is in, and which others are nearest."""
    if job.model_dir is None:
        vectors = letter_vectors(job.questions)
    else:
        vectors = topic_vectors(read(job), job.questions, EncoderTraits.read(job.model_dir).letter_weight)
    places = map_layout.places(vectors)
    labels = map_layout.groups(vectors)
    return Places(
        x=tuple(round(float(value), 4) for value in places[:, 0]),
        y=tuple(round(float(value), 4) for value in places[:, 1]),
        groups=tuple(map(int, labels)),
        names=tuple(map_layout.names(job.questions, labels)),
        near=tuple(tuple(map(int, row)) for row in map_layout.nearest(vectors, _NEAREST)),
    )


def read(job: Job) -> Floats:
    """Vectors of the questions, shape ``(questions, 384)``; those read for an earlier version are not read again."""
    assert job.model_dir is not None
    keys = [hashlib.sha256(question.encode()).digest()[:_KEY_BYTES] for question in job.questions]
    known = _remembered(job.cache)
    fresh = {key: question for key, question in zip(keys, job.questions, strict=True) if key not in known}
    if fresh:
        encoder = Encoder.load(job.model_dir, job.precision)
        found = encoder.encode(list(fresh.values()), lambda done, total: say(done=done, total=total))
        known = dict(zip(fresh, found, strict=True)) | known
        _remember(job.cache, keys, known)
    return np.stack([known[key] for key in keys])


def _remembered(path: Path) -> dict[bytes, Floats]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            keys, vectors = stored["keys"], stored["vectors"].astype(np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # none yet, or damaged: read anew
        return {}
    return dict(zip((key.tobytes() for key in keys), unit(vectors), strict=True))


def _remember(path: Path, newest: Sequence[bytes], known: dict[bytes, Floats]) -> None:
    chosen = list(dict.fromkeys([*newest, *known]))[:_VECTORS_KEPT]
    keys = np.stack([np.frombuffer(key, np.uint8) for key in chosen])
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, keys=keys, vectors=np.stack([known[key] for key in chosen]).astype(np.float16))


if __name__ == "__main__":
    sys.exit(main())
