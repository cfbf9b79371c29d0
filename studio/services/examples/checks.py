"""The health of a project's examples: what is wrong with them, and what a click would change."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from studio.data.checks import registry, report_file
from studio.data.checks.check import Dataset
from studio.data.checks.dataset import ScannedDataset
from studio.data.checks.facts import Facts
from studio.data.checks.report import Change, Report, changes, preview
from studio.data.limits import CHECKED_AT_ONCE
from studio.data.similarity.clusters import Hashes
from studio.data.versions.rows import Rows
from studio.data.versions.versions import Versions
from studio.domain.conversation import Conversation
from studio.domain.dataset import DatasetView
from studio.errors import AfinaError
from studio.processes.child import Cancelled, never
from studio.processes.large_job import run_large_job
from studio.services.examples.token_lengths import ModelTokens

if TYPE_CHECKING:
    from studio.services.examples.datasets import DatasetService
    from studio.services.models import ModelService

_MAX_CACHED_DATASETS: Final = 4  # datasets with what was found in them: a version never changes


@dataclass(frozen=True)
class _Checked:
    dataset: Dataset
    report: Report


class CheckService:
    """What the checks say of the current examples of a project. Safe to use from many threads."""

    def __init__(self, datasets: DatasetService, models: ModelService) -> None:
        self._datasets = datasets
        self._models = models
        self._versions = Versions(datasets.workspace)
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._shares: dict[str, float] = {}
        self._known: OrderedDict[tuple[str, str, str], _Checked] = OrderedDict()

    def report(self, project_id: str, cancelled: Cancelled = never) -> Report:
        """The health score, all findings and the three most worth doing. Remembered as long as nothing changes.

        Raises ``data.no_dataset``, ``general.not_found``, :class:`Stopped`.
        """
        return self._checked(project_id, cancelled).report

    def known(self, project_id: str) -> Report | None:
        """The report of the current examples where it is remembered; never waits. Raises as :meth:`report`."""
        key = self._key(project_id)
        checked = self._known.get(key) or self._saved(project_id, key)
        return checked.report if checked else None

    def share(self, project_id: str) -> float | None:
        """How much of a large set is checked, 0 to 1; None while nothing goes on with it, or it is not large."""
        return self._shares.get(project_id)

    def is_large(self, project_id: str) -> bool:
        """Whether checks and fixes of the current examples take a while: they run in processes of their own."""
        version = self._datasets.version(project_id)
        return version is not None and version.examples > CHECKED_AT_ONCE

    def dataset(self, project_id: str) -> Dataset:
        """The current examples as the checks see them, with what they worked out. Raises as :meth:`report`."""
        return self._checked(project_id).dataset

    def groups(self, project_id: str, code: str, limit: int) -> list[list[Conversation]]:
        """The examples that a check found to belong together: copies, answers that contradict each other.

        Raises as :meth:`report`.
        """
        checked = self._checked(project_id)
        found = next((finding for finding in checked.report.findings if finding.code == code), None)
        groups = found.groups[:limit] if found else ()
        return [[checked.dataset.conversations[place] for place in group] for group in groups]

    def preview(self, project_id: str, code: str, limit: int = 5) -> list[Change]:
        """What a fix would change, the first examples of it; nothing is written.

        Raises ``checks.unknown``, ``checks.no_fix``, ``checks.unknown_choice``; as :meth:`report`.
        """
        return preview(self._checked(project_id).dataset, code, limit)

    def fix(self, project_id: str, codes: Sequence[str], cancelled: Cancelled = never) -> DatasetView:
        """Makes a version in which some kinds of problems are put right; undo goes back.

        Args:
            codes: as of :meth:`preview`; none means all that :func:`studio.data.checks.registry.fixable` names.
            cancelled: asked often; True to leave a large set as it is.

        Raises:
            AfinaError: ``checks.nothing_left`` when no example would be left; as :meth:`preview`.
            Stopped: where ``cancelled`` said so in time.
        """
        for code in codes:
            registry.parse(code)
        if self.is_large(project_id):
            self._aside(project_id, {"do": "fix", "project_id": project_id, "codes": list(codes)}, cancelled)
        else:
            base, checked = self._key(project_id)[0], self._checked(project_id)
            wanted = list(codes) or registry.fixable(checked.report.findings)
            fixed = registry.fix(checked.dataset, *wanted)
            changed = changes(checked.dataset.conversations, fixed.conversations)
            removed = sum(change.after is None for change in changed)
            self._replace(project_id, fixed, wanted, len(changed) - removed, removed, base)
        view = self._datasets.current(project_id)
        assert view is not None
        return view

    def check_large(self, project_id: str, facts: Facts) -> Report:
        """Checks a large set and keeps the report beside its file; in the process that made the facts."""
        key = self._key(project_id)
        dataset = self._large(project_id, key, facts)
        report = Report.of(dataset)
        report_file.save(self._path(key), dataset, report)
        return report

    def fix_large(self, project_id: str, codes: Sequence[str], facts: Facts, base: str) -> None:
        """As :meth:`fix`, in the process that made the facts of the version ``base``; checks the new version too."""
        dataset = self._large(project_id, (base, *self._key(project_id)[1:]), facts)
        wanted = list(codes) or registry.fixable(registry.find_all(dataset))
        fixed = registry.fix(dataset, *wanted)
        rows = fixed.conversations
        assert isinstance(rows, Rows)
        self._replace(project_id, fixed, wanted, rows.changed, len(dataset) - len(rows), base)
        if self.is_large(project_id):
            self.check_large(project_id, fixed.facts)

    def examine(
        self, conversations: Sequence[Conversation], model_id: str | None = None, system_prompt: str | None = None
    ) -> Dataset:
        """A dataset for the checks, without a project. Raises ``general.not_found``, ``model.not_installed``."""
        dataset = ScannedDataset.of(conversations)
        if model_id is None:
            return dataset
        card = self._models.get(model_id)
        if not self._models.is_installed(model_id):
            raise AfinaError("model.not_installed", what=card.name)
        tokens = ModelTokens(self._datasets.workspace, card, dataset.conversations, system_prompt)
        return ScannedDataset(dataset.conversations, tokens)

    def _key(self, project_id: str) -> tuple[str, str, str]:
        version = self._datasets.version(project_id)
        if version is None:
            raise AfinaError("data.no_dataset")
        model_id, system_prompt = self._datasets.model_of(project_id)
        installed = model_id if model_id and self._models.is_installed(model_id) else None
        return version.id, installed or "", system_prompt or ""

    def _replace(
        self, project_id: str, fixed: Dataset, wanted: Sequence[str], changed: int, removed: int, base: str
    ) -> None:
        """Makes the version of a fix, where it changes anything."""
        after = fixed.conversations
        if not after:
            raise AfinaError("checks.nothing_left")
        if not changed and not removed:
            return
        params: dict[str, str | int | float] = {
            "n": len(wanted),
            "codes": ", ".join(wanted)[:300],
            "changed": changed,
            "removed": removed,
        }
        if len(fixed.personal.recalled):
            params["contacts"] = " ".join(f"{value:x}" for value in fixed.personal.recalled.tolist())
        self._datasets.replace(project_id, after.lines() if isinstance(after, Rows) else after, "fix", params, base)

    def _contacts(self, project_id: str) -> Hashes:
        """Values that fixes knew to be the company's own, and that what they left does not show any more."""
        on_message = " ".join(str(version.params.get("contacts", "")) for version in self._versions.list(project_id))
        return np.array([int(value, 16) for value in on_message.split()], np.uint64)

    def _large(self, project_id: str, key: tuple[str, str, str], facts: Facts) -> Dataset:
        rows = Rows(self._datasets.file_of(key[0]))
        return ScannedDataset(rows, self._tokens(key, rows), facts, self._contacts(project_id))

    def _tokens(self, key: tuple[str, str, str], rows: Rows) -> ModelTokens | None:
        _, model_id, system_prompt = key
        if not model_id:
            return None
        card = self._models.get(model_id)
        return ModelTokens(self._datasets.workspace, card, rows, system_prompt or None)

    def _path(self, key: tuple[str, str, str]) -> Path:
        """Where the report of a large set is kept: beside its examples, one for each model."""
        model = hashlib.sha256("\n".join(key[1:]).encode()).hexdigest()[:12]
        return self._datasets.file_of(key[0]).with_suffix(f".{model}.npz")

    def _saved(self, project_id: str, key: tuple[str, str, str]) -> _Checked | None:
        """The report of a large set that is on disk; None where there is none, or none that can be read."""
        try:
            path = self._path(key)
            if not path.exists():
                return None
            examples = self._datasets.file_of(key[0])
            tokens = self._tokens(key, Rows(examples))
            checked = _Checked(*report_file.load(path, examples, tokens, self._contacts(project_id)))
        except AfinaError:
            return None
        with self._lock:
            self._keep(key, checked)
        return checked

    def _aside(self, project_id: str, job: dict[str, Any], cancelled: Cancelled) -> None:
        """Runs a job on a large set in a process of its own; one at a time, each takes every core."""

        def on_message(message: dict[str, Any]) -> None:
            self._shares[project_id] = float(message["done"])

        with self._turn:
            self._shares[project_id] = 0.0
            try:
                run_large_job(self._datasets.workspace.settings, job, on_message, cancelled)
            finally:
                self._shares.pop(project_id, None)

    def _keep(self, key: tuple[str, str, str], checked: _Checked) -> None:
        self._known[key] = checked
        self._known.move_to_end(key)
        while len(self._known) > _MAX_CACHED_DATASETS:
            self._known.popitem(last=False)

    def _checked(self, project_id: str, cancelled: Cancelled = never) -> _Checked:
        key = version_id, installed, system_prompt = self._key(project_id)
        if self.is_large(project_id):
            checked = self._known.get(key) or self._saved(project_id, key)
            if checked is None:
                self._aside(project_id, {"do": "check", "project_id": project_id}, cancelled)
                checked = self._saved(project_id, key)
            if checked is None:
                raise AfinaError("disk.missing", path=str(self._path(key)))
            return checked
        with self._lock:
            if key not in self._known:
                dataset = self.examine(self._datasets.load(version_id), installed or None, system_prompt or None)
                dataset = replace(dataset, contacts=self._contacts(project_id))
                self._known[key] = _Checked(dataset, Report.of(dataset))
            self._keep(key, self._known[key])
            return self._known[key]
