"""The plots of the examples: counted in the background, looked at by a page as often as it likes."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from studio.data.checks.check import Dataset
from studio.data.insights.statistics import Insights, main_language
from studio.data.jsonl_codec import line_id, parsed
from studio.domain.conversation import Conversation
from studio.domain.problem import Problem
from studio.errors import AfinaError, Stopped, from_exception
from studio.models import hardware
from studio.models.probe import choose_precision, known_speed
from studio.processes.job_registry import ActiveJob, JobRegistry
from studio.services.examples.question_map import QuestionMap, make_map

if TYPE_CHECKING:
    from studio.services.encoders import EncoderInstall, EncoderService
    from studio.services.examples.checks import CheckService
    from studio.services.examples.datasets import DatasetService
    from studio.services.models import ModelService

_VERSIONS_KEPT: Final = 3
SPLIT_SHOWN: Final = 5_000  # examples above which the proof is drawn when training starts


@dataclass(frozen=True)
class InsightView:
    """What the plots show, as far as it is known."""

    version_id: str  # of the examples
    insights: Insights | None = None  # lengths, languages, topics and copies; None while they are counted
    map: QuestionMap | None = None  # of the questions; None while it is made, for too few questions, or after a problem
    language: str = ""  # most examples are in; empty where none can be told
    held_out: frozenset[str] = frozenset()  # ids of the examples for the proof
    is_running: bool = True  # whether more is on its way
    done: int = 0  # questions read for the map
    total: int = 0  # questions to read; 0 where nothing is being read
    problem: Problem | None = None  # what went wrong


Key = tuple[str, str, str, tuple[str, ...]]


class InsightService:
    """The plots of projects. Safe to use from many threads."""

    def __init__(
        self, datasets: DatasetService, models: ModelService, checks: CheckService, encoders: EncoderService
    ) -> None:
        self._datasets = datasets
        self._models = models
        self._checks = checks
        self.encoders = encoders
        self._lock = threading.Lock()
        self._views: OrderedDict[Key, InsightView] = OrderedDict()
        self._jobs = JobRegistry(datasets.workspace.home, "insights")

    def look(self, project_id: str) -> InsightView:
        """The plots of the current examples as far as they are; begins to count where needed. Never waits.

        Raises ``data.no_dataset``, ``general.not_found``.
        """
        key = self._key(project_id)
        with self._lock:
            if key not in self._views:
                if self._jobs.start(_name(key), lambda job: self._run(project_id, key, job)) is None:
                    return InsightView(key[0])  # one that was given up is still ending
                self._views[key] = InsightView(key[0])
            self._views.move_to_end(key)
            while len(self._views) > _VERSIONS_KEPT:
                self._jobs.cancel(_name(self._views.popitem(last=False)[0]))
            return self._views[key]

    def wait(self, project_id: str) -> InsightView:
        """The plots once everything is there."""
        self.look(project_id)
        self._jobs.wait(_name(self._key(project_id)))
        return self.look(project_id)

    def examples(self, project_id: str, ids: Iterable[str]) -> list[Conversation]:
        """Those of the current examples, in that order, that are still there; the file is read once."""
        wanted = list(ids)
        known = dict.fromkeys(wanted)
        with self._datasets.file_of(self._key(project_id)[0]).open("rb") as lines:
            found = {key: parsed(line) for line in lines if (key := line_id(line)) in known}
        return [found[key] for key in wanted if key in found]

    def again(self, project_id: str) -> None:
        """Forgets what went wrong, so that the next look begins anew."""
        key = self._key(project_id)
        self._jobs.cancel(_name(key))
        with self._lock:
            self._views.pop(key, None)

    def close(self) -> None:
        """Stops whatever is under way."""
        self.encoders.close()
        self._jobs.close()

    def _key(self, project_id: str) -> Key:
        version = self._datasets.version(project_id)
        if version is None:
            raise AfinaError("data.no_dataset")
        model_id, system_prompt = self._datasets.model_of(project_id)
        installed = model_id if model_id and self._models.is_installed(model_id) else ""
        return version.id, installed, system_prompt or "", self.encoders.installed

    def _run(self, project_id: str, key: Key, job: ActiveJob) -> None:
        def update(**values: object) -> None:
            with self._lock:
                if key in self._views:  # else other versions were looked at meanwhile
                    self._views[key] = replace(self._views[key], **values)  # type: ignore[arg-type]

        try:
            dataset = self._checks.dataset(project_id)
            held_out = self._held_out(key[0], dataset)
            found = Insights.of(dataset, held_out)
            language = main_language(found.languages)
            update(insights=found, language=language, held_out=held_out)
            made = make_map(
                dataset,
                self._datasets.workspace.project(project_id) / "insights",
                self.encoders.for_language(language).folder,
                self._precision(),
                lambda done, total: update(done=done, total=total),
                job.is_cancelled,
            )
            update(map=made, total=0)
        except Stopped:
            raise
        except Exception as error:  # whatever it is, the screen must say it
            update(problem=Problem.of(from_exception(error)))
            raise
        finally:
            update(is_running=False)

    def encoder(self, project_id: str) -> EncoderInstall:
        """The encoder for the language of the current examples."""
        return self.encoders.for_language(self.look(project_id).language)

    def _precision(self) -> str:
        machine = hardware.machine()
        return choose_precision(known_speed(self._datasets.workspace.home, machine)).value

    def _held_out(self, version_id: str, dataset: Dataset) -> frozenset[str]:
        """The examples for the proof: those that say so, else those that a training would draw."""
        flagged = frozenset(dataset.ids(np.flatnonzero(dataset.facts.rows["held_out"])))
        if flagged or len(dataset) > SPLIT_SHOWN:
            return flagged
        return frozenset(c.id for c in self._datasets.parts(version_id).held_out)


def _name(key: Key) -> str:
    """Of the job that counts: one a version, a model, a prompt and what reads questions."""
    return f"{key[0]}-{hashlib.sha256(repr(key).encode()).hexdigest()[:8]}"
