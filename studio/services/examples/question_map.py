"""The map of questions: alike ones close together. Worked out by a child process, kept beside the examples."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from studio.data.checks.check import Dataset
from studio.data.insights.statistics import spread
from studio.errors import AfinaError
from studio.models.sources.base import Cancelled, Progress
from studio.processes.child import run_child
from studio.storage.files import write_atomic

MOST_POINTS: Final = 5_000
FEWEST_POINTS: Final = 8
_MAPS_KEPT: Final = 8  # maps of a project


class MapBy(StrEnum):
    """What two questions must share to stand close together."""

    MEANING = "meaning"  # as the helper model reads them
    LETTERS = "letters"  # words and pieces of words


class Job(BaseModel):
    """What the child process is asked for."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    questions: tuple[str, ...]  # of the points, in their order
    model_dir: Path | None = None  # of the helper; None for letters
    precision: str = "fp32"  # of the helper: ``bf16`` or ``fp32``
    cache: Path  # file of vectors that were read earlier


class Places(BaseModel):
    """What the child process answers, one value a point."""

    model_config = ConfigDict(frozen=True)

    x: tuple[float, ...]  # place on the map, about -1 to 1
    y: tuple[float, ...]  # likewise
    groups: tuple[int, ...]  # number of the group of alike questions
    names: tuple[str, ...]  # of the groups: their most telling words
    near: tuple[tuple[int, ...], ...]  # the nearest other points, the nearest first


class QuestionMap(BaseModel):
    """A map of the questions of one version."""

    model_config = ConfigDict(frozen=True)

    by: MapBy  # what closeness means
    ids: tuple[str, ...]  # of the examples, one a point
    places: Places  # of the points
    examples: int  # how many there are in all; more than points where they were sampled

    @property
    def is_sample(self) -> bool:
        """Whether there are more examples than points."""
        return self.examples > len(self.ids)


def make_map(
    dataset: Dataset, folder: Path, model_dir: Path | None, precision: str, progress: Progress, cancelled: Cancelled
) -> QuestionMap | None:
    """The map of a dataset, from ``folder`` where it was made before; None for too few questions.

    Raises ``insights.map_failed``, ``model.weights_damaged``, ``disk.*``.
    """
    asked = [i for i, c in enumerate(dataset.conversations) if c.question.strip()]
    chosen = spread(asked, MOST_POINTS)
    if len(chosen) < FEWEST_POINTS:
        return None
    examples = dataset.at(chosen)
    questions, ids = tuple(c.question for c in examples), tuple(c.id for c in examples)
    by = MapBy.MEANING if model_dir else MapBy.LETTERS
    stored = folder / f"map-{_digest(by.value, model_dir.name if model_dir else '', *ids, *questions)}.json"
    try:
        return QuestionMap.model_validate_json(stored.read_bytes())
    except (OSError, ValueError):  # not made yet, or damaged: made anew
        pass
    folder.mkdir(parents=True, exist_ok=True)
    job = Job(questions=questions, model_dir=model_dir, precision=precision, cache=folder / "vectors.npz")
    places = _run(job, progress, cancelled)
    made = QuestionMap(by=by, ids=ids, places=places, examples=len(asked))
    write_atomic(stored, made.model_dump_json())
    _forget(folder)
    return made


def _run(job: Job, progress: Progress, cancelled: Cancelled) -> Places:
    places: list[Places] = []

    def told(message: dict[str, Any]) -> None:
        if "places" in message:
            places.append(Places.model_validate(message["places"]))
        else:
            progress(message["done"], message["total"])

    module = "studio.services.examples.question_map_worker"
    code = run_child(module, request=job.model_dump(mode="json"), on_message=told, cancelled=cancelled)
    if code or not places:
        raise AfinaError("insights.map_failed", detail=f"exit {code}")
    return places[0]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _forget(folder: Path) -> None:
    """Keeps the newest maps."""
    maps = sorted(folder.glob("map-*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in maps[_MAPS_KEPT:]:
        path.unlink(missing_ok=True)
