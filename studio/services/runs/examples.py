"""Which examples a run learns from and which it asks: of a project, of files, or given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from studio.data.splitting.practice import (
    PracticeKind,
    draw_practice,
    has_unique_answers,
    reworded_count,
    reworded_practice,
)
from studio.domain.conversation import Conversation
from studio.domain.dataset import Mapping, SplitChoice
from studio.domain.recipe import Recipe
from studio.errors import AfinaError
from studio.services.examples.datasets import DatasetService
from studio.storage.database import ProjectRow
from studio.storage.workspace import Workspace

_STORED: Final = "dataset:"


@dataclass(frozen=True)
class Examples:
    """The three parts of the examples of a run.

    Args:
        held_out: the final exam; a run never sees it.
        system_prompt: said before each question.
        practice: examples to choose checkpoint and settings by; not learned from.
        has_unique_answers: whether (nearly) every answer is there once; None where it is not known.
    """

    train: Sequence[Conversation]
    held_out: Sequence[Conversation]
    dataset_id: str | None = None
    system_prompt: str | None = None
    data: tuple[str, ...] = ()
    practice: Sequence[Conversation] = ()
    practice_kind: PracticeKind = PracticeKind.NONE
    has_unique_answers: bool | None = None

    @property
    def practice_count(self) -> int:
        """How many practice questions there are, at most where they are in other words."""
        if self.practice_kind is PracticeKind.REWORDED:
            return reworded_count(len(self.train))
        return len(self.practice)

    @property
    def learnable(self) -> tuple[Conversation, ...]:
        """Everything that is not in the exam."""
        return (*self.train, *self.practice)

    def practice_questions(self, seed: int) -> Sequence[Conversation]:
        """The practice part; questions of training in other words where it takes nothing from it."""
        if self.practice_kind is PracticeKind.REWORDED:
            return reworded_practice(self.train, seed)
        return self.practice


class RunExamples:
    """Finds the examples of a recipe."""

    def __init__(self, workspace: Workspace, datasets: DatasetService) -> None:
        self._workspace = workspace
        self._datasets = datasets

    def of(self, conversations: Sequence[Conversation], recipe: Recipe, dataset_id: str | None = None) -> Examples:
        """The given examples, with those aside that the recipe names as held out, else a share of them."""
        from studio.data.splitting.split import plan

        data = (f"{_STORED}{dataset_id}",) if dataset_id else recipe.data
        if recipe.held_out:
            train, held_out = list(conversations), self._read(recipe.held_out, recipe.columns)
        else:
            choice = self._choice(recipe, dataset_id)
            found = plan(conversations, choice.seed, choice.share)
            train, held_out = list(found.train), list(found.held_out)
        drawn = draw_practice(train, recipe.seed)
        practised = set(drawn.places)
        learned = [each for place, each in enumerate(train) if place not in practised]
        return Examples(
            learned,
            held_out,
            dataset_id,
            recipe.system_prompt,
            data,
            [train[place] for place in drawn.places],
            drawn.kind,
            has_unique_answers(learned, held_out),
        )

    def of_project(self, project_id: str, recipe: Recipe, *, estimate: bool = False) -> Examples:
        """The examples that a recipe names, or else the current ones of a project.

        Args:
            estimate: never waits for the test of a large set to be drawn: about as many examples stand for it until
                then, which is enough to tell minutes and memory.

        Raises:
            AfinaError: ``general.not_found`` without such a project, ``run.no_examples`` when it has none.
        """
        with self._workspace.database.session() as session:
            project = session.get(ProjectRow, project_id)
        if project is None or project.deleted_at is not None:
            raise AfinaError("general.not_found", what=project_id[:80])
        said = recipe.model_copy(update={"system_prompt": recipe.system_prompt or project.system_prompt})
        if recipe.data:
            return self.of_recipe(said)
        version = self._datasets.version(project_id)
        if version is None:
            raise AfinaError("run.no_examples")
        return self._stored(version.id, said, estimate=estimate)

    def of_recipe(self, recipe: Recipe) -> Examples:
        """The examples in the files and stored versions that a recipe names.

        Raises:
            AfinaError: ``run.no_examples`` when it names none, and what reading raises.
        """
        if not recipe.data:
            raise AfinaError("run.no_examples")
        stored = [entry.removeprefix(_STORED) for entry in recipe.data if entry.startswith(_STORED)]
        only = stored[0] if len(recipe.data) == 1 and stored else None
        if only is not None:
            return self._stored(only, recipe)
        return self.of(self._read(recipe.data, recipe.columns), recipe, only)

    def imported(self, project_id: str, recipe: Recipe) -> Recipe:
        """The recipe with its files kept in a project, so that the owner finds them there.

        Raises:
            AfinaError: what reading the files raises.
        """
        files = [Path(entry) for entry in recipe.data if not entry.startswith(_STORED)]
        if not files:
            return recipe
        choice = self._choice(recipe, None)  # kept with the examples, so that their screen shows the same test
        version = self._datasets.import_files(project_id, files, recipe.columns, split=choice).version.id
        others = [entry for entry in recipe.data if entry.startswith(_STORED)]
        return recipe.model_copy(update={"data": (*others, f"{_STORED}{version}")})

    def _stored(self, version_id: str, recipe: Recipe, *, estimate: bool = False) -> Examples:
        """The examples of a version, which stay on disk where its test is the one that the Examples screen shows."""
        own = self._datasets.split_choice(version_id)
        if recipe.held_out or self._choice(recipe, version_id) != own:
            return self.of(self._datasets.load(version_id), recipe, version_id)
        found = self._datasets.parts(version_id, estimate=estimate)
        data = (f"{_STORED}{version_id}",)
        return Examples(
            found.train,
            found.held_out,
            version_id,
            recipe.system_prompt,
            data,
            found.practice,
            found.practice_kind,
            found.has_unique_answers,
        )

    def _choice(self, recipe: Recipe, dataset_id: str | None) -> SplitChoice:
        """How the test is drawn: as the recipe says, else as the Examples screen showed it for a stored version."""
        stored = self._datasets.split_choice(dataset_id) if dataset_id is not None else None
        shown = stored or SplitChoice(seed=recipe.seed)
        return SplitChoice(
            seed=shown.seed if recipe.split_seed is None else recipe.split_seed,
            share=shown.share if recipe.held_out_share is None else recipe.held_out_share,
        )

    def _read(self, entries: Sequence[str], columns: Mapping | None = None) -> list[Conversation]:
        """Examples of files and stored versions. Files that stand side by side are read as one set."""
        found: list[Conversation] = []
        files = [Path(entry) for entry in entries if not entry.startswith(_STORED)]
        for entry in entries:
            if entry.startswith(_STORED):
                found += self._datasets.load(entry.removeprefix(_STORED))
        if files:
            found += self._datasets.read_paths(files, columns).conversations
        return found
