"""The health of a project's examples: what is wrong with them, and what a click would change."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from studio.data import checks
from studio.data.checks.base import Dataset
from studio.data.checks.report import Change, Report, changes, preview
from studio.data.memory import collector_at_rest
from studio.domain.conversation import Conversation, with_system
from studio.domain.dataset import DatasetView
from studio.domain.model import BaseModelCard
from studio.domain.recipe import Recipe
from studio.errors import AfinaError
from studio.storage.workspace import Workspace
from studio.training.presets import resolve

if TYPE_CHECKING:
    from studio.models.chat_template import ChatTemplate
    from studio.models.tokenizer import Tokenizer
    from studio.services.datasets import DatasetService
    from studio.services.models import ModelService

_KEPT: Final = 4  # datasets with what was found in them: a version never changes
_AT_ONCE: Final = 1_000


class ModelTokens:
    """Lengths for one base model, counted as the training does.

    Args:
        workspace: where it is installed.
        card: of the model.
        conversations: of the dataset; the longest example that a training takes follows from their mean length.
        system_prompt: said before each example that has none of its own.
    """

    def __init__(
        self,
        workspace: Workspace,
        card: BaseModelCard,
        conversations: Sequence[Conversation],
        system_prompt: str | None = None,
    ) -> None:
        self._folder = workspace.model(card.id)
        self._card = card
        self._conversations = conversations
        self._system_prompt = system_prompt

    @cached_property
    def _template(self) -> ChatTemplate:
        from studio.models.chat_template import ChatTemplate

        return ChatTemplate.load(self._folder)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from studio.models.tokenizer import Tokenizer

        return Tokenizer.load(self._folder)

    @cached_property
    def _own(self) -> tuple[int, ...]:
        return self._counted(self._conversations)

    @cached_property
    def limit(self) -> int:
        """Longest example in tokens that a training with the usual settings takes whole."""
        mean = sum(self._own) / max(1, len(self._own))
        recipe = Recipe(model=self._card.id, system_prompt=self._system_prompt)
        return resolve(recipe, self._card, len(self._own), 0, mean).max_length or self._card.context_length

    def lengths(self, conversations: Sequence[Conversation]) -> Sequence[int]:
        """The length of each example in tokens, special tokens included."""
        return self._own if conversations is self._conversations else self._counted(conversations)

    def _counted(self, conversations: Sequence[Conversation]) -> tuple[int, ...]:
        counts: list[int] = []
        for first in range(0, len(conversations), _AT_ONCE):
            chunk = conversations[first : first + _AT_ONCE]
            rendered = [self._template.segments(with_system(c, self._system_prompt)) for c in chunk]
            tokens = iter(self._tokenizer.encode_batch([s.text for segments in rendered for s in segments]))
            counts += [sum(len(next(tokens)) for _ in segments) for segments in rendered]
        return tuple(counts)


@dataclass(frozen=True)
class _Checked:
    dataset: Dataset
    report: Report


class CheckService:
    """What the checks say of the current examples of a project. Safe to use from many threads.

    Args:
        datasets: the examples.
        models: base models, for lengths in tokens.
    """

    def __init__(self, datasets: DatasetService, models: ModelService) -> None:
        self._datasets = datasets
        self._models = models
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str, str], _Checked] = OrderedDict()

    def report(self, project_id: str) -> Report:
        """The health score, all findings and the three most worth doing. Remembered as long as nothing changes.

        Raises:
            AfinaError: ``data.no_dataset``, ``general.not_found``.
        """
        return self._checked(project_id).report

    def known(self, project_id: str) -> Report | None:
        """The report of the current examples where it is remembered; never waits. Raises as :meth:`report`."""
        key = self._key(project_id)
        checked = self._known.get(key)
        return checked.report if checked else None

    def dataset(self, project_id: str) -> Dataset:
        """The current examples as the checks see them, with what they worked out. Raises as :meth:`report`."""
        return self._checked(project_id).dataset

    def groups(self, project_id: str, code: str, limit: int) -> list[list[Conversation]]:
        """The examples that a check found to belong together: copies, answers that contradict each other.

        Args:
            project_id: the project.
            code: of the check.
            limit: groups at most.

        Raises:
            AfinaError: as :meth:`report`.
        """
        checked = self._checked(project_id)
        found = next((finding for finding in checked.report.findings if finding.code == code), None)
        groups = found.groups[:limit] if found else ()
        return [[checked.dataset.conversations[place] for place in group] for group in groups]

    def preview(self, project_id: str, code: str, limit: int = 5) -> list[Change]:
        """What a fix would change, the first examples of it; nothing is written.

        Args:
            project_id: the project.
            code: of a check, or ``code=choice``, such as ``contradictions=longest``.
            limit: examples at most.

        Raises:
            AfinaError: ``checks.unknown``, ``checks.no_fix``, ``checks.unknown_choice``; as :meth:`report`.
        """
        return preview(self._checked(project_id).dataset, code, limit)

    def fix(self, project_id: str, codes: Sequence[str]) -> DatasetView:
        """Makes a version in which some kinds of problems are put right; undo goes back.

        Args:
            project_id: the project.
            codes: as of :meth:`preview`; none means all that :func:`studio.data.checks.fixable` names.

        Raises:
            AfinaError: ``checks.nothing_left`` when no example would be left; as :meth:`preview`.
        """
        checked = self._checked(project_id)
        wanted = list(codes) or checks.fixable(checked.report.findings)
        before = checked.dataset.conversations
        after = checks.fix_all(checked.dataset, wanted).conversations
        if not after:
            raise AfinaError("checks.nothing_left")
        changed = changes(before, after)
        if changed:
            removed = sum(change.after is None for change in changed)
            params: dict[str, str | int | float] = {
                "n": len(wanted),
                "codes": ", ".join(wanted)[:300],
                "changed": len(changed) - removed,
                "removed": removed,
            }
            self._datasets.replace(project_id, after, "fix", params)
        view = self._datasets.current(project_id)
        assert view is not None
        return view

    def examine(
        self, conversations: Sequence[Conversation], model_id: str | None = None, system_prompt: str | None = None
    ) -> Dataset:
        """A dataset for the checks, without a project.

        Args:
            conversations: the examples.
            model_id: an installed base model, for lengths in tokens; None leaves lengths out.
            system_prompt: said before each example.

        Raises:
            AfinaError: ``general.not_found`` for an unknown model, ``model.not_installed``.
        """
        dataset = Dataset.of(conversations)
        if model_id is None:
            return dataset
        card = self._models.get(model_id)
        if not self._models.is_installed(model_id):
            raise AfinaError("model.not_installed", what=card.name)
        tokens = ModelTokens(self._datasets.workspace, card, dataset.conversations, system_prompt)
        return Dataset(dataset.conversations, tokens)

    def _key(self, project_id: str) -> tuple[str, str, str]:
        version = self._datasets.version(project_id)
        if version is None:
            raise AfinaError("data.no_dataset")
        model_id, system_prompt = self._datasets.model_of(project_id)
        installed = model_id if model_id and self._models.is_installed(model_id) else None
        return version.id, installed or "", system_prompt or ""

    def _checked(self, project_id: str) -> _Checked:
        key = version_id, installed, system_prompt = self._key(project_id)
        with self._lock:
            if key not in self._known:
                with collector_at_rest():
                    dataset = self.examine(self._datasets.load(version_id), installed or None, system_prompt or None)
                    self._known[key] = _Checked(dataset, Report.of(dataset))
            self._known.move_to_end(key)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            return self._known[key]
