"""Makes the folder of a run: an immutable snapshot of everything that decides what it does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from studio.data.versions.rows import Rows
from studio.domain.conversation import Conversation
from studio.domain.model import BaseModelCard
from studio.domain.recipe import Recipe
from studio.models.estimate import tuned_share
from studio.storage.files import atomic_folder, atomic_path, require_space, write_atomic
from studio.storage.workspace import RunFolder

_ROOM: Final = 64_000_000  # bytes for events, log, adapters and two checkpoints of an ordinary run
_FULL_BYTES: Final = 32  # bytes a parameter: kept weights, and two checkpoints with the optimizer's two moments


def make_run_folder(
    folder: RunFolder,
    recipe: Recipe,
    card: BaseModelCard,
    train: Sequence[Conversation],
    practice: Sequence[Conversation],
    exam: Sequence[Conversation],
) -> None:
    """Writes a run's folder as a whole; on an error nothing is left behind.

    Args:
        folder: where; must not exist.
        practice: examples by which the run chooses its checkpoint and its end.

    Raises:
        AfinaError: ``disk.full`` or ``disk.not_writable``.
    """
    require_space(folder.path, room_for(recipe, card) + sum(map(_bytes, (train, practice, exam))))
    with atomic_folder(folder.path) as temporary:
        made = RunFolder(temporary)
        write_atomic(made.recipe, recipe.model_dump_json(indent=2))
        write_atomic(made.model, card.model_dump_json(indent=2))
        for path, conversations in ((made.train, train), (made.held_out, practice), (made.exam, exam)):
            with atomic_path(path) as half, half.open("wb") as file:
                file.writelines(lines(conversations))


def room_for(recipe: Recipe, card: BaseModelCard) -> int:
    """Bytes that a run writes to the disk, roughly, its examples left out."""
    share = tuned_share(recipe.method) if recipe.method is not None else 0.0
    return _ROOM + round(_FULL_BYTES * share * card.parameters)


def lines(conversations: Iterable[Conversation]) -> Iterator[bytes]:
    """Examples as the lines of a file; those of a stored version are copied without being read."""
    for item in conversations.lines() if isinstance(conversations, Rows) else conversations:
        yield item if isinstance(item, bytes) else item.model_dump_json().encode() + b"\n"


def _bytes(conversations: Sequence[Conversation]) -> int:
    """About what examples take on the disk; for those of a stored version, at most what it takes."""
    if isinstance(conversations, Rows):
        return conversations.path.stat().st_size
    return sum(len(line) for line in lines(conversations))
