"""Checkpoints: everything that is needed to go on exactly where a run was, checked by SHA-256, the last two kept."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final, TypeVar

from studio.domain.value import Value
from studio.storage.files import atomic_folder, read_value, require_space
from studio.storage.manifest import verify_manifest, write_manifest
from studio.training.loop.evaluation import EvalResult

if TYPE_CHECKING:
    import torch

Folder = TypeVar("Folder", bound=PurePath)
_CHECKPOINTS_KEPT: Final = 2
_TENSORS: Final = "state.safetensors"
_STATE: Final = "state.json"


class LoopState(Value):
    """Where a run stands, apart from its tensors. Order of the data and dropout follow from seed and step."""

    step: int = 0
    micro_batch: int = 0
    best_step: int | None = None
    best_loss: float | None = None
    best: EvalResult | None = None
    extensions: int = 0
    without_gain: int = 0
    loss_marks: tuple[float, ...] = ()
    seconds: float = 0.0
    training_seconds: float = 0.0
    answering_seconds: float = 0.0


SavedState = tuple[LoopState, "dict[str, torch.Tensor]"]  # weights and moments, by name


def step_folder(parent: Folder, step: int) -> Folder:
    """The folder of one step in ``checkpoints/`` or ``adapters/``."""
    return parent / f"step-{step:06d}"


def save(parent: Path, state: LoopState, tensors: dict[str, torch.Tensor]) -> Path:
    """Writes the checkpoint of ``state.step`` as a whole and removes all but the last two.

    Raises:
        AfinaError: ``disk.full``; older checkpoints are then still there.
    """
    from safetensors.torch import save_file

    require_space(parent, sum(t.numel() * t.element_size() for t in tensors.values()))
    folder = step_folder(parent, state.step)
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was here before and is repeated after a resume
    with atomic_folder(folder) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary / _TENSORS)
        (temporary / _STATE).write_text(state.model_dump_json(), encoding="utf-8")
        write_manifest(temporary)
    for old in _folders(parent)[_CHECKPOINTS_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def newest(parent: Path) -> SavedState | None:
    """The newest checkpoint that is intact; damaged ones are removed. None when there is none."""
    from safetensors.torch import load_file

    for folder in _folders(parent):
        if verify_manifest(folder):
            state = LoopState.model_validate_json((folder / _STATE).read_text(encoding="utf-8"))
            return state, load_file(folder / _TENSORS)
        shutil.rmtree(folder, ignore_errors=True)  # or it would be kept in the place of a good one
    return None


def count(parent: Path) -> int:
    """How many checkpoints there are, intact or not."""
    return len(_folders(parent))


def best_steps(parent: Path) -> set[int]:
    """The steps whose adapters the kept checkpoints call the best so far: any of them may be gone back to."""
    states = (read_value(folder / _STATE, LoopState) for folder in _folders(parent))
    return {state.best_step for state in states if state is not None and state.best_step is not None}


def clear_remains(parent: Path) -> None:
    """Removes what a save that was killed half-way left behind, in ``checkpoints/`` or ``adapters/``."""
    for folder in parent.glob(".step-*.tmp"):
        shutil.rmtree(folder, ignore_errors=True)


def _folders(parent: Path) -> list[Path]:
    return sorted(parent.glob("step-*"), reverse=True)
