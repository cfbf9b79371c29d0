"""Counts the tokens of some examples in a process of its own: reading a tokenizer can hold Python for a second and more."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from studio.domain.conversation import Conversation
from studio.domain.model import BaseModelCard
from studio.errors import Stopped
from studio.processes.child import run_child, say, work_as_child
from studio.services.examples.token_lengths import ModelTokens
from studio.settings import Settings
from studio.storage.workspace import Workspace

_PATIENCE: Final = 60.0  # seconds for a child


def count_aside(
    workspace: Workspace, card: BaseModelCard, conversations: Sequence[Conversation], system_prompt: str | None
) -> list[int]:
    """The length of each example in tokens, as :meth:`ModelTokens.lengths` tells it.

    Args:
        workspace: where the model is installed.
        conversations: the examples; they are sent to the child.
        system_prompt: said before each example that has none of its own.

    Returns:
        The lengths; nothing where the child did not come to its end.

    Raises:
        AfinaError: ``model.no_tokenizer`` …
    """
    request = {
        "settings": workspace.settings.model_dump(mode="json", include={"home", "models_dir", "database_url"}),
        "card": card.model_dump(mode="json"),
        "conversations": [conversation.model_dump(mode="json") for conversation in conversations],
        "system_prompt": system_prompt,
    }
    found: list[int] = []
    ends = time.monotonic() + _PATIENCE
    with suppress(Stopped):
        run_child(
            __name__,
            request=request,
            on_message=lambda message: found.extend(message.get("lengths", ())),
            cancelled=lambda: time.monotonic() > ends,
        )
    return found


def main() -> None:
    """Counts what the standard input holds."""
    request = json.loads(sys.stdin.readline())

    def work() -> None:
        workspace, card = Workspace(Settings(**request["settings"])), BaseModelCard.model_validate(request["card"])
        conversations = [Conversation.model_validate(each) for each in request["conversations"]]
        say(lengths=ModelTokens(workspace, card, (), request["system_prompt"]).lengths(conversations))

    work_as_child(work)


if __name__ == "__main__":
    main()
