"""What was asked on the Compare step, kept with the project: a reload, a restart or another device finds it again."""

from __future__ import annotations

import threading
from typing import Final

from pydantic import TypeAdapter, ValidationError

from studio.domain.conversation import Message, Role
from studio.domain.value import Value
from studio.storage.files import write_atomic
from studio.storage.workspace import Workspace

MOST: Final = 100  # turns that are kept: more than anybody scrolls through


class Answer(Value):
    """What one model said.

    Args:
        key: of the model: ``base``, or the id of a run.
        name: of the run, as it was called then; empty for the base.
        how: it came about: an :class:`studio.trust.decision.AnswerKind`; empty where the model answered alone.
        source: id of the example that a known answer is from.
    """

    key: str
    name: str = ""
    text: str = ""
    is_cut: bool = False
    how: str = ""
    source: str = ""


class Turn(Value):
    """A question with its answers."""

    question: str
    answers: tuple[Answer, ...] = ()
    follows: bool = False


_TURNS: Final = TypeAdapter(tuple[Turn, ...])


class ConversationService:
    """The conversation of each project."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()

    def read(self, project_id: str) -> tuple[Turn, ...]:
        """The turns so far, the oldest first; none where they cannot be read. Raises ``general.not_found``."""
        try:
            return _TURNS.validate_json((self._workspace.project(project_id) / "comparison.json").read_bytes())
        except (OSError, ValidationError):
            return ()

    def add(self, project_id: str, turn: Turn) -> None:
        """Keeps a turn; of more than :data:`MOST` the oldest go.

        Raises:
            AfinaError: ``general.not_found``, ``disk.full``, ``disk.not_writable``.
        """
        with self._lock:
            self._write(project_id, (*self.read(project_id), turn)[-MOST:])

    def clear(self, project_id: str) -> None:
        """Begins anew.

        Raises:
            AfinaError: as :meth:`add`.
        """
        with self._lock:
            self._write(project_id, ())

    def _write(self, project_id: str, turns: tuple[Turn, ...]) -> None:
        write_atomic(self._workspace.project(project_id) / "comparison.json", _TURNS.dump_json(turns))


def earlier_messages(turns: tuple[Turn, ...], key: str) -> list[Message]:
    """What a model is reminded of: the last turn and those that it followed, as far as this model was asked."""
    messages: list[Message] = []
    for turn in reversed(turns):
        said = next((answer.text for answer in turn.answers if answer.key == key and answer.text), "")
        if not said:
            break
        pair = (Message(role=Role.USER, content=turn.question), Message(role=Role.ASSISTANT, content=said))
        messages[:0] = pair
        if not turn.follows:
            break
    return messages
