"""Makes the folder of a study, and the folder of a run out of one of its trials."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from typing import Final

from studio.domain.conversation import Conversation
from studio.domain.model import BaseModelCard
from studio.domain.recipe import Recipe
from studio.domain.run import RunResult, RunState
from studio.domain.study import StudyKind, StudyPlan, Trial, TrialMetric, TrialSettings
from studio.errors import AfinaError
from studio.services.runs.examples import Examples
from studio.services.runs.folders import lines, room_for
from studio.storage.files import atomic_folder, require_space, write_atomic
from studio.storage.kept_adapter import require_adapter
from studio.storage.workspace import RunFolder
from studio.training.hparam_search.folder import StudyFolder

_PRACTICE: Final = 0.2  # of the examples to learn from are asked in a search
_REWORDED: Final = 64
_FEWEST_EXAMPLES: Final = 8  # examples to learn from; fewer say nothing of settings
_KNOWN: Final = 0.5  # of the asked answers must be among the learned ones, for "right to the letter" to mean anything


def plan_of_search(
    recipe: Recipe, examples: Examples, minutes: float
) -> tuple[StudyPlan, list[Conversation], list[Conversation]]:
    """What a search does, the examples that its trials learn from, and the practice questions that judge them.

    Raises:
        AfinaError: ``study.too_few_examples``.
    """
    from studio.data.splitting.folds import known_answers
    from studio.data.splitting.practice import recall_questions
    from studio.data.splitting.split import split

    # The flags have done their work: what is left here is to learn from, and a part of it may be asked.
    free = [conversation.model_copy(update={"held_out": None}) for conversation in examples.learnable]
    train, practice = split(free, recipe.seed, _PRACTICE)
    if len(train) < _FEWEST_EXAMPLES or not practice:
        raise AfinaError("study.too_few_examples", n=len(free))
    judge = TrialMetric.RIGHT if known_answers(train, practice) >= _KNOWN else TrialMetric.LOSS
    if judge is TrialMetric.LOSS and (reworded := recall_questions(free, recipe.seed, _REWORDED)):
        judge, train, practice = TrialMetric.RECALL, free, reworded  # nothing else can be known
    present = (_present_settings(recipe),)
    return StudyPlan(kind=StudyKind.SEARCH, judge=judge, minutes=minutes, candidates=present), train, practice


def plan_of_folds(recipe: Recipe, examples: Examples, folds: int) -> tuple[StudyPlan, list[Conversation]]:
    """What a cross-validation does, and its examples. Raises ``study.too_few_examples``."""
    from studio.data.splitting.folds import known_answers, parts

    given = any(conversation.held_out for conversation in examples.held_out) or bool(recipe.held_out)
    everything = [*examples.learnable, *([] if given else examples.held_out)]
    found = parts(everything, folds, recipe.seed)
    if len(everything) < _FEWEST_EXAMPLES or len(set(found)) < folds:
        raise AfinaError("study.too_few_examples", n=len(everything))
    known = 0.0
    for part in range(folds):
        learned = [c for c, p in zip(everything, found, strict=True) if p != part]
        asked = [c for c, p in zip(everything, found, strict=True) if p == part]
        known += known_answers(learned, asked) * len(asked)
    judge = TrialMetric.RIGHT if known >= _KNOWN * len(everything) else TrialMetric.LOSS
    settings = (_present_settings(recipe),) * folds
    return StudyPlan(kind=StudyKind.FOLDS, judge=judge, candidates=settings, parts=found), everything


def _present_settings(recipe: Recipe) -> TrialSettings:
    return TrialSettings(
        learning_rate=recipe.learning_rate or 1e-3, rank=recipe.rank or 16, epochs=recipe.epochs or 1.0
    )


def make_study_folder(
    folder: StudyFolder,
    recipe: Recipe,
    card: BaseModelCard,
    plan: StudyPlan,
    sides: tuple[Sequence[Conversation], Sequence[Conversation]],
    proof: Sequence[Conversation],
) -> None:
    """Writes a study's folder as a whole; on an error nothing is left behind.

    Args:
        folder: where; must not exist.
        proof: the final exam, for a run that is kept; no trial sees it.

    Raises:
        AfinaError: ``disk.full`` or ``disk.not_writable``.
    """
    learned, asked = b"".join(lines(sides[0])), b"".join(lines(sides[1]))
    require_space(folder.path, room_for(recipe, card) + 2 * len(learned))
    with atomic_folder(folder.path) as temporary:
        made = StudyFolder(temporary)
        write_atomic(made.recipe, recipe.model_dump_json(indent=2))
        write_atomic(made.model, card.model_dump_json(indent=2))
        write_atomic(made.train, learned)
        write_atomic(made.held_out, asked)
        write_atomic(made.proof, b"".join(lines(proof)))
        write_atomic(made.plan_path, plan.model_dump_json(indent=2))


def keep_trial(target: RunFolder, folder: StudyFolder, trial: Trial) -> tuple[int, int]:
    """Makes a run's folder of a trial: its recipe, its events, its adapter, its practice, and the final exam that it never saw.

    Args:
        target: the run's folder; must not exist.

    Returns:
        How many examples it learned from, and how many are held out.

    Raises:
        AfinaError: ``disk.full`` or ``disk.not_writable``.
    """
    source = folder.trial(trial.number)
    kept = require_adapter(source, "study.nothing_yet")
    with atomic_folder(target.path) as temporary:
        made = RunFolder(temporary)
        for path in (source.recipe, source.events, source.best):
            shutil.copy2(path, made.path / path.name)
        shutil.copytree(kept.folder, made.path / kept.name)
        shutil.copy2(folder.model, made.model)
        shutil.copy2(source.train, made.train)
        shutil.copy2(source.held_out, made.held_out)
        shutil.copy2(folder.proof, made.exam)
        result = RunResult(
            state=RunState.FINISHED,
            steps=trial.scores[-1].step,
            best_step=kept.step,
            best_loss=trial.scores[-1].loss,
            adapter=kept.name,
            seconds=trial.seconds,
            ended_at=time.time(),
        )
        write_atomic(made.result, result.model_dump_json(indent=2))
    return _count(target.train.read_bytes()), _count(target.exam.read_bytes())


def _count(text: bytes) -> int:
    return sum(1 for line in text.splitlines() if line.strip())
