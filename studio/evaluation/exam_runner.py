"""Sits an exam: both models answer, answers are kept as they come, and the result is written last."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Final

from studio.domain.model import BaseModelCard
from studio.domain.proof import Proof
from studio.domain.proof_progress import ProofPhase, ProofState, ProofStatus
from studio.domain.recipe import Recipe
from studio.errors import Stopped
from studio.evaluation.answer_cache import AnswerCache, fingerprint
from studio.evaluation.answering import Answer, Answerer, ComputeTurns, Question
from studio.evaluation.exam_plan import ExamPlan, Item, limit_of, make_plan
from studio.evaluation.exam_time import PHASE_ORDER, Pace
from studio.evaluation.given_answers import GivenAnswers
from studio.evaluation.proof_files import ProofFiles
from studio.evaluation.result import About, make_proof
from studio.evaluation.same_training import training_key
from studio.evaluation.scoring import Scorer
from studio.models.estimate import answering_bytes
from studio.models.probe import Speed, choose_precision
from studio.storage.files import write_atomic
from studio.storage.kept_adapter import require_adapter
from studio.storage.workspace import RunFolder

if TYPE_CHECKING:
    from studio.chat.engine import Engine
    from studio.evaluation.scoring import Encode

_NOTE_SECONDS: Final = 0.7
_LOSSES: Final = 100  # questions whose expected answers are measured


@dataclass(frozen=True)
class Side:
    """Who is asked.

    Args:
        run: folder that its prompt and tuning are read from.
        model_dir: folder of the base model.
        tuned: folder of the tuning; None: the base model.
        cache: file of its answers.
    """

    run: RunFolder
    model_dir: Path
    tuned: Path | None
    cache: Path

    @property
    def recipe(self) -> Recipe:
        """Of the run. Raises where it is damaged."""
        return Recipe.model_validate_json(self.run.recipe.read_bytes())

    def bytes_to_answer(self, speed: Speed) -> int:
        """Memory for its weights in the format that is fastest here; a model tuned as a whole stands beside its base."""
        is_whole = self.tuned is not None and not (self.tuned / "adapter_config.json").is_file()
        card = BaseModelCard.model_validate_json(self.run.model.read_bytes())
        return answering_bytes(card, choose_precision(speed), 2 if is_whole else 1)

    @classmethod
    def of(cls, run: RunFolder, models: Path, home: Path, *, tuned: bool) -> Side:
        """The tuned model of a run, or its base.

        Raises:
            AfinaError: ``chat.not_ready``, ``run.damaged``.
        """
        card = BaseModelCard.model_validate_json(run.model.read_bytes())
        if not tuned:
            return cls(run, models / card.id, None, home / "proofs" / f"answers-{card.id}.jsonl")
        folder = require_adapter(run, "chat.not_ready").folder
        return cls(run, models / card.id, folder, run.path / "proof" / "answers.jsonl")


class ExamRunner:
    """One exam.

    Args:
        sides: the model before, and the tuned one.
        home: folder of the workspace.
        load: gives the engine of a base model.
        names: of the run, and of what it is compared with.
        find_encoder: gives the sentence encoder of a language, where one is installed.
        seconds: that it may take; what is not asked by then is left out.
        phases: what is asked.
    """

    def __init__(
        self,
        files: ProofFiles,
        sides: tuple[Side, Side],
        home: Path,
        turns: ComputeTurns,
        load: Callable[[Path], Engine],
        names: tuple[str, str],
        find_encoder: Callable[[str], Encode | None],
        seconds: float,
        phases: Collection[ProofPhase] = PHASE_ORDER,
    ) -> None:
        self._files, self._sides, self._home = files, sides, home
        self._turns, self._load, self._names = turns, load, names
        self._find_encoder, self._seconds, self._phases = find_encoder, seconds, phases
        self._began = time.monotonic()
        self._noted = 0.0
        self._total = self._left = 0
        self._phase = ProofPhase.LOADING
        self._given = GivenAnswers()
        self._pace = Pace(home, sides[1].model_dir.name)

    def run(self) -> None:
        """Asks, scores, and writes the result.

        Raises:
            Stopped: when a person asked for it; what was answered is kept.
            AfinaError: what goes wrong.
        """
        self._note(force=True)
        against = self._sides[0].run if self._files.against else None
        plan = make_plan(self._files.run, self._sides[1].recipe, against)
        plan = replace(
            plan,
            items=tuple(item for item in plan.items if item.phase in self._phases),
            trained_alike=against is not None and training_key(against) == training_key(self._files.run),
        )
        self._caches = [
            AnswerCache(side.cache, " ".join(fingerprint(f) for f in (side.model_dir, side.tuned) if f))
            for side in self._sides
        ]
        by_model: dict[Path, list[int]] = {}
        for place, side in enumerate(self._sides):
            by_model.setdefault(side.model_dir, []).append(place)
        self._total = len(plan.items) * 2 - sum(item.only_after for item in plan.items)
        self._left = self._total
        for model_dir, places in by_model.items():
            self._ask(plan, model_dir, places)
        self._score(plan)

    def _ask(self, plan: ExamPlan, model_dir: Path, places: Sequence[int]) -> None:
        answerer = Answerer(self._load(model_dir), model_dir, self._turns)
        longest = max(
            (answerer.tokens(item.conversation.answer) for item in plan.items if item.conversation), default=0
        )
        said = (self._given.before, self._given.after)
        waiting: list[tuple[int, Item, Question]] = []
        for place in places:
            side = self._sides[place]
            prompt = side.recipe.system_prompt
            for item in plan.items:
                if item.only_after and place == 0:
                    continue
                question = Question(item.key, item.asked_with(prompt), side.tuned, limit_of(item, longest))
                known = self._caches[place].find(question)
                if known is None:
                    waiting.append((place, item, question))
                else:
                    said[place][item.key] = known
                    self._left -= 1
        order = {phase: number for number, phase in enumerate(PHASE_ORDER)}
        waiting.sort(key=lambda each: order[each[1].phase])  # stable: both sides come near each other below
        self._pace.begin()
        for phase in PHASE_ORDER:
            own = [each for each in waiting if each[1].phase is phase]
            self._phase = phase
            self._note(force=True)
            sides = [[each for each in own if each[0] == place] for place in places]
            mixed = [each for pair in zip_longest(*sides) for each in pair if each is not None]
            side_of = {id(question): (place, item) for place, item, question in mixed}

            def keep(question: Question, answer: Answer, side_of: dict[int, tuple[int, Item]] = side_of) -> None:
                place, item = side_of[id(question)]
                said[place][item.key] = answer
                self._caches[place].add(question, answer)
                self._left -= 1
                self._pace.add()
                self._note()

            answerer.answer([question for _, _, question in mixed], keep, self._is_enough)
            if phase is ProofPhase.EXAM:
                self._measure(answerer, plan, places, longest)
        self._pace.save()

    def _measure(self, answerer: Answerer, plan: ExamPlan, places: Sequence[int], longest: int) -> None:
        """The loss on expected answers of the exam."""
        losses = (self._given.losses_before, self._given.losses_after)
        items = plan.of(ProofPhase.EXAM)[:_LOSSES]
        for place in places:
            side = self._sides[place]
            for item in items:
                if self._is_enough():
                    return
                assert item.conversation is not None
                question = Question(
                    item.key, item.asked_with(side.recipe.system_prompt), side.tuned, limit_of(item, longest)
                )
                (found,) = answerer.loss([(question, item.conversation.answer)])
                losses[place][item.key] = found
                self._note()

    def _score(self, plan: ExamPlan) -> None:
        self._phase = ProofPhase.SCORING
        self._note(force=True)
        expected = [item.conversation.answer for item in plan.of(ProofPhase.EXAM) if item.conversation]
        scorer = Scorer([each.answer for each in plan.train], expected, self._find_encoder(plan.language))
        scorer.prepare(
            [*expected, *(answer.text for said in (self._given.before, self._given.after) for answer in said.values())]
        )
        about = About(
            self._files.run.path.name,
            self._names[0],
            self._files.against,
            self._names[1],
            BaseModelCard.model_validate_json(self._files.run.model.read_bytes()).name,
            time.monotonic() - self._began,
        )
        proof = make_proof(plan, self._given, scorer, about, self._note)
        write_atomic(self._files.result, proof.model_dump_json())
        self._add_trusted(plan, proof, scorer)
        done = ProofStatus(state=ProofState.DONE, done=self._total, total=self._total, seconds_left=0.0)
        self._files.note(done)

    def _add_trusted(self, plan: ExamPlan, proof: Proof, scorer: Scorer) -> None:
        """Adds the exam as customers get it; the verdict is there, and nothing that goes wrong here takes it back."""
        from studio.evaluation.trusted_exam import count_trusted

        if self._files.against:
            return
        models = self._sides[1].model_dir.parent
        items = self._given.both(plan.of(ProofPhase.EXAM))
        try:
            counts = count_trusted(self._files.run, models, self._home, items, self._given, scorer)
        except Exception:
            traceback.print_exc()  # into the log, for the helper
            return
        write_atomic(self._files.result, proof.model_copy(update={"trusted": counts}).model_dump_json())

    def _is_enough(self) -> bool:
        if self._files.stop_request.exists() or not self._files.run.recipe.exists():  # or the run was deleted
            raise Stopped
        return time.monotonic() - self._began > self._seconds

    def _note(self, *, force: bool = False) -> None:
        if not force and time.monotonic() - self._noted < _NOTE_SECONDS:
            return
        self._noted = time.monotonic()
        done, seconds = self._total - self._left, self._pace.seconds(self._left) if self._total else None
        self._files.note(
            ProofStatus(state=ProofState.RUNNING, phase=self._phase, done=done, total=self._total, seconds_left=seconds)
        )
