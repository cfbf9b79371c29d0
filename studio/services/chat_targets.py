"""Who is asked: a run's base, or what was tuned from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from studio.chat.protocol import Ask
from studio.domain.conversation import Message, Role
from studio.domain.model import BaseModelCard
from studio.domain.recipe import Recipe
from studio.errors import AfinaError
from studio.models.install import is_installed
from studio.storage.database import RunRow
from studio.storage.kept_adapter import kept_adapter, require_adapter
from studio.storage.trash import is_in_trash, not_in_trash
from studio.storage.workspace import RunFolder, Workspace
from studio.training.run_files.status import note_damaged_adapter


@dataclass(frozen=True)
class Target:
    """One who is asked.

    Args:
        key: by which :class:`ChatUpdate` names its answer; unique among those who are asked together.
        is_tuned: its tuned model; else its base.
    """

    key: str
    run_id: str
    is_tuned: bool = True


@dataclass(frozen=True)
class Subject:
    """A run as far as answering needs it.

    Args:
        system_prompt: that it was tuned with.
        tuned: folder of the kept adapter or weights; None before there is one.
    """

    model_id: str
    system_prompt: str | None
    tuned: str | None


def find_subject(workspace: Workspace, run_id: str, needs_tuned: bool) -> Subject:
    """Looks a run up.

    Args:
        workspace: where runs and models live.
        needs_tuned: whether it must have something tuned already.

    Raises:
        AfinaError: ``general.not_found``, ``chat.base_missing``, ``chat.not_ready``, ``run.damaged``.
    """
    folder = workspace.run(run_id)
    if is_in_trash(workspace.database, run_id):
        raise AfinaError("general.not_found", what=run_id)
    try:
        recipe = Recipe.model_validate_json(folder.recipe.read_bytes())
        card = BaseModelCard.model_validate_json(folder.model.read_bytes())
    except FileNotFoundError as error:
        raise AfinaError("general.not_found", what=run_id) from error
    if not is_installed(workspace.model(card.id)):
        raise AfinaError("chat.base_missing", name=card.name)
    tuned = _kept(folder)
    if needs_tuned and tuned is None:
        require_adapter(folder, "chat.not_ready")
    return Subject(card.id, recipe.system_prompt, str(tuned) if tuned is not None else None)


@dataclass(frozen=True)
class FinishedRun:
    """A run that programs may ask.

    Args:
        name: what the owner calls it.
        created_at: seconds since 1970.
    """

    id: str
    name: str
    created_at: float


def finished_runs(workspace: Workspace) -> list[FinishedRun]:
    """The runs that are over and have kept something tuned; the newest first."""
    query = select(RunRow).where(not_in_trash()).order_by(RunRow.created_at.desc())
    with workspace.database.session() as session:
        rows = session.scalars(query).all()
    return [
        FinishedRun(row.id, row.name, row.created_at)
        for row in rows
        if (folder := workspace.run(row.id)).result.is_file() and kept_adapter(folder) is not None
    ]


def ask_of(key: str, subject: Subject, turns: Sequence[Message], tuned: bool) -> Ask:
    """What a chat worker is asked for one answer.

    Args:
        key: by which the answer is named.
        turns: the chat so far, ending with the question.
        tuned: ask the tuned model, not the base.

    Raises:
        AfinaError: ``chat.empty``.
    """
    if not turns or not turns[-1].content.strip():
        raise AfinaError("chat.empty")
    said = list(turns)
    if subject.system_prompt and said[0].role is not Role.SYSTEM:
        said.insert(0, Message(role=Role.SYSTEM, content=subject.system_prompt))
    return Ask(id=key, turns=tuple(said), tuned=subject.tuned if tuned else None)


def _kept(folder: RunFolder) -> Path | None:
    """The folder of the adapter that the run kept, or keeps so far; None before there is one."""
    kept = kept_adapter(folder) or kept_adapter(folder)  # a run in progress may replace its best while we look
    if kept is None:
        return None
    if folder.result.exists():
        note_damaged_adapter(folder, kept)
    return kept.folder
