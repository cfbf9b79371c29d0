"""What is asked in an exam: the exam itself, the lesson, questions of ours, and probes for personal data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from studio.data.checks.language_detection import language
from studio.data.question_sets.loader import knowledge_questions, out_of_scope_questions
from studio.data.splitting.practice import lesson_questions
from studio.data.text import plain
from studio.domain.conversation import Conversation, Message, Role, with_system
from studio.domain.proof_progress import ProofPhase
from studio.domain.recipe import Recipe
from studio.evaluation.privacy_probes import PrivateValue, privacy_probes
from studio.storage.workspace import RunFolder

_LESSON: Final = 40  # questions of training, and as many in other words
_MAX_EXAM: Final = 500
_READ: Final = 20_000  # training examples that are looked at; a fair share of more is
_SET_LIMIT: Final = 64  # tokens of an answer to a question of ours
_MAX_LIMIT: Final = 256  # tokens of any answer
_ROOM: Final = 1.3  # times the longest expected answer
_LOCALES: Final = ("pt", "en")


@dataclass(frozen=True)
class Item:
    """One question.

    Args:
        phase: what it belongs to; ``key`` is unique.
        key: by which its answers are found.
        messages: the turns before the answer.
        conversation: the example it is of, where it is one.
        kind: of a question of ours.
        only_after: whether the model before is not asked.
    """

    phase: ProofPhase
    key: str
    messages: tuple[Message, ...]
    conversation: Conversation | None = None
    kind: str = ""
    only_after: bool = False

    def asked_with(self, system_prompt: str | None) -> tuple[Message, ...]:
        """The turns, with a system prompt before them where they have none of their own."""
        return with_system(Conversation(messages=self.messages), system_prompt).messages

    @property
    def question(self) -> str:
        """The last thing that the user says."""
        return next((m.content for m in reversed(self.messages) if m.role is Role.USER), "")


@dataclass(frozen=True)
class ExamPlan:
    """Everything that is asked, in its order, and what the answers are held against.

    Args:
        train: the examples that were learned from.
        exam_also_chose: whether the exam was also the practice, as in runs of two-part splits.
        language: of the question sets.
        values: personal data of the training examples.
        trained_alike: whether the run compared with is of the same recipe and examples.
        seen_by_other: questions of the exam that the run compared with has learned, and that are not asked.
    """

    items: tuple[Item, ...]
    train: tuple[Conversation, ...]
    exam_also_chose: bool
    language: str
    values: tuple[PrivateValue, ...]
    seen_by_other: int = 0
    trained_alike: bool = False

    def of(self, phase: ProofPhase, prefix: str = "") -> list[Item]:
        """The questions of a phase whose keys begin so."""
        return [item for item in self.items if item.phase is phase and item.key.startswith(prefix)]


def make_plan(run: RunFolder, recipe: Recipe, against: RunFolder | None = None) -> ExamPlan:
    """What a run is asked, from its folder.

    Args:
        against: folder of the run that it is compared with; what that one learned from is not asked.
    """
    train = read_examples(run.train, _READ)
    has_exam = run.exam.is_file()
    exam = read_examples(run.exam if has_exam else run.held_out, _MAX_EXAM)
    learned = {plain(each.question) for each in read_examples(against.train, _READ)} if against else set()
    unseen = [each for each in exam if plain(each.question) not in learned]
    exam, seen = unseen, len(exam) - len(unseen)
    spoken = [language(each.question + " " + each.answer) for each in (*exam, *train)[:200]]
    tongue = max(_LOCALES, key=spoken.count)
    known, reworded = lesson_questions(train, recipe.seed, _LESSON) if train else ([], [])
    values, probes = privacy_probes(train, tongue)
    items = [
        *_of_examples(ProofPhase.EXAM, "exam", exam),
        *_of_examples(ProofPhase.LESSON, "known", known),
        *_of_examples(ProofPhase.LESSON, "reworded", reworded),
        *(
            Item(ProofPhase.PRIVACY, f"privacy/{number}", probe.messages, kind=probe.kind, only_after=True)
            for number, probe in enumerate(probes)
        ),
        *(
            Item(ProofPhase.OFF_TOPIC, f"off_topic/{number}", _asked(each.question), kind=each.kind)
            for number, each in enumerate(out_of_scope_questions(tongue))
        ),
        *(
            Item(ProofPhase.GENERAL, f"general/{number}", _asked(each.question))
            for number, each in enumerate(knowledge_questions(tongue))
        ),
    ]
    return ExamPlan(tuple(items), tuple(train), not has_exam, tongue, tuple(values), seen)


def limit_of(item: Item, longest: int) -> int:
    """Most tokens of an answer: of an exam, by the longest expected one, so that a model before does not ramble on.

    Args:
        longest: tokens of the longest expected answer.
    """
    if item.conversation is None:
        return _SET_LIMIT
    return min(_MAX_LIMIT, max(16, round(_ROOM * longest) + 8))


def read_examples(path: Path, most: int) -> list[Conversation]:
    """Examples of a file; of more than ``most``, as many, evenly spread. None where there is no file."""
    try:
        lines = [line for line in path.read_bytes().splitlines() if line.strip()]
    except OSError:
        return []
    chosen: Sequence[bytes] = lines
    if len(lines) > most:
        chosen = [lines[place * len(lines) // most] for place in range(most)]
    return [Conversation.model_validate(json.loads(line)) for line in chosen]


def _of_examples(phase: ProofPhase, name: str, examples: Sequence[Conversation]) -> list[Item]:
    return [
        Item(phase, f"{name}/{number}", each.prompt, conversation=each)
        for number, each in enumerate(examples)
        if each.question.strip() and each.answer.strip()
    ]


def _asked(question: str) -> tuple[Message, ...]:
    return (Message(role=Role.USER, content=question),)
