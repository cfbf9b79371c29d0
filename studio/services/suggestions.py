"""The questions that a link suggests: ones that its tuned model answers right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from studio.data.text import plain
from studio.domain.conversation import Conversation, Role
from studio.domain.project import ChosenBy, Link
from studio.processes.child import Cancelled
from studio.processes.job_registry import JobRegistry
from studio.services.chats import ChatService
from studio.services.links import MAX_QUESTION, MAX_QUESTIONS, LinkService
from studio.storage.workspace import RunFolder, Workspace

_READ: Final = 400  # examples that are looked at: a link suggests three
_ASKED: Final = 24  # questions at most, so that it ends within a minute on a slow computer
_AT_ONCE: Final = 8
_LONGEST: Final = 160  # tokens of an answer


class SuggestionService:
    """Chooses questions among the examples of a run."""

    def __init__(self, workspace: Workspace, chats: ChatService, links: LinkService) -> None:
        self._workspace, self._chats, self._links = workspace, chats, links
        self._jobs = JobRegistry(workspace.home, "suggestions")

    def held_out(self, run_id: str, count: int) -> list[str]:
        """Questions that the run kept aside, spread over all of them and without repeating an answer."""
        return [example.question for example in _spread(_aside(self._workspace.run(run_id)), count)]

    def choose(self, link: Link) -> None:
        """Asks the tuned model in the background, and suggests what it answers right; else all stays as it is."""
        self._jobs.start(link.token, lambda job: self._choose(link, job.is_cancelled))

    def is_choosing(self, token: str) -> bool:
        """Whether the questions of a link are still being asked."""
        job = self._jobs.get(token)
        return job is not None and job.is_active

    def close(self) -> None:
        """Asks no more."""
        self._jobs.close()

    def _choose(self, link: Link, cancelled: Cancelled) -> None:
        if found := self._answered_right(link.run_id, cancelled):
            self._links.suggest(link.token, found, ChosenBy.ANSWER)

    def _answered_right(self, run_id: str, cancelled: Cancelled) -> list[str]:
        folder = self._workspace.run(run_id)
        held_out, learned = _aside(folder), _examples(folder.train)
        asked = [example for part in (held_out, learned) for example in _spread(part, _ASKED // 2)]
        right: dict[str, str] = {}
        for start in range(0, len(asked), _AT_ONCE):
            batch = asked[start : start + _AT_ONCE]
            answers = self._chats.answer_all(run_id, [each.question for each in batch], max_tokens=_LONGEST)
            for example, answer in zip(batch, answers, strict=True):
                if plain(answer) == plain(example.answer):
                    right.setdefault(plain(answer), example.question)
            if len(right) >= MAX_QUESTIONS or cancelled():
                break
        return list(right.values())[:MAX_QUESTIONS]


def _aside(folder: RunFolder) -> list[Conversation]:
    """The final exam of a run that is over or on its way: what a person is shown decides nothing about the run."""
    return _examples(folder.exam if folder.exam.is_file() else folder.held_out)


def _examples(path: Path) -> list[Conversation]:
    """Examples of a file whose question can be suggested; none where it cannot be read."""
    try:
        with path.open(encoding="utf-8") as lines:
            found = [Conversation.model_validate_json(line) for line in islice(lines, _READ) if line.strip()]
    except (OSError, ValueError):
        return []
    short = [example for example in found if 0 < len(example.question) <= MAX_QUESTION]
    alone = [example for example in short if sum(turn.role is Role.USER for turn in example.messages) == 1]
    return alone or short


def _spread(examples: Sequence[Conversation], count: int) -> list[Conversation]:
    by_answer = list({example.answer: example for example in examples}.values())
    if len(by_answer) <= count:
        return by_answer
    return [by_answer[index * len(by_answer) // count] for index in range(count)]
