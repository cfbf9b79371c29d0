"""What a run keeps on disk: adapters, checkpoints, and the room for the next of them."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from studio.errors import AfinaError
from studio.storage.files import atomic_folder, write_atomic
from studio.storage.kept_adapter import is_intact
from studio.storage.manifest import write_manifest
from studio.storage.workspace import RunFolder
from studio.training.engines.base import Engine
from studio.training.loop import checkpoints
from studio.training.loop.checkpoints import LoopState, step_folder
from studio.training.run_files.disk_space import request_pause, shortage

if TYPE_CHECKING:
    import torch

_SECONDS: Final = 60.0  # between two checkpoints
_SHARE: Final = 0.05  # of the training time, for checkpoints


class CheckpointManager:
    """Writes for one run.

    Args:
        reserve: bytes of the disk that are left free.
    """

    def __init__(self, folder: RunFolder, engine: Engine, reserve: int) -> None:
        self._folder = folder
        self._engine = engine
        self._reserve = reserve
        self.saved_step = 0
        self._saved_at = time.monotonic()
        self._wait = _SECONDS

    def is_due(self) -> bool:
        """Whether the newest checkpoint is old enough for another, which then takes a small share of the time."""
        return time.monotonic() - self._saved_at > self._wait

    def keep(self, step: int) -> None:
        """Saves the adapter of a step and names it the best. The one before stays until a checkpoint names this one.

        Raises:
            AfinaError: ``disk.full`` or ``disk.not_writable``.
        """
        target = step_folder(self._folder.adapters, step)
        shutil.rmtree(target, ignore_errors=True)  # of steps that are repeated after a resume
        with atomic_folder(target) as temporary:
            self._engine.save(temporary)
            write_manifest(temporary)
        write_atomic(self._folder.best, json.dumps({"step": step, "adapter": adapter_of(step)}))

    def has(self, step: int) -> bool:
        """Whether the adapter of a step is still there, and whole."""
        return is_intact(step_folder(self._folder.adapters, step))

    def save(self, state: LoopState, moments: dict[str, torch.Tensor]) -> str:
        """Writes a checkpoint and removes the adapters that no checkpoint calls the best.

        Args:
            state: where the run stands.

        Returns:
            The checkpoint's folder, relative to the run.

        Raises:
            AfinaError: ``disk.full``; older checkpoints are then still there.
        """
        began = time.monotonic()
        path = checkpoints.save(self._folder.checkpoints, state, {"weights": self._engine.weights} | moments)
        best = {step_folder(self._folder.adapters, step) for step in checkpoints.best_steps(self._folder.checkpoints)}
        for adapter in self._folder.adapters.glob("step-*"):
            if best and adapter not in best:
                shutil.rmtree(adapter, ignore_errors=True)
        self.saved_step, self._saved_at = state.step, time.monotonic()
        self._wait = max(_SECONDS, (self._saved_at - began) / _SHARE)
        return path.relative_to(self._folder.path).as_posix()

    def is_to_pause(self) -> bool:
        """Whether a person asked for a pause, or the disk has no room for the next save; then that is noted.

        Raises:
            AfinaError: ``disk.full`` when it is too full even for the note.
        """
        size = self._engine.weights.numel() * self._engine.weights.element_size()
        short = shortage(self._folder, 4 * size, self._reserve)  # weights, two moments, and a better adapter
        if short is not None and not request_pause(self._folder, short):
            raise AfinaError("disk.full", **short.params)
        return short is not None or self._folder.pause_request.exists()


def adapter_of(step: int | None) -> str | None:
    """The folder of a step's adapter, relative to the run."""
    return None if step is None else step_folder(PurePosixPath("adapters"), step).as_posix()
