"""Frees the room that a trial takes on the disk once it goes no further."""

from __future__ import annotations

import shutil

from studio.storage.workspace import RunFolder


def forget_checkpoints(folder: RunFolder) -> None:
    """What is needed to go on; the adapter stays."""
    shutil.rmtree(folder.checkpoints, ignore_errors=True)


def forget_weights(folder: RunFolder) -> None:
    """Checkpoints and adapter; the events stay, for the chart."""
    forget_checkpoints(folder)
    shutil.rmtree(folder.adapters, ignore_errors=True)
    folder.best.unlink(missing_ok=True)
