"""What lies in a workspace is its owner's alone: customers' conversations, links, secrets."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Final

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def keep_to_owner() -> None:
    """Lets this process and those that it starts make files for their owner only. Windows has no such thing."""
    if sys.platform != "win32":
        os.umask(_OTHERS)


def close_to_others(home: Path) -> None:
    """Takes a workspace that others could read away from them: folders become 0700, files 0600 (0700 if programs).

    What belongs to somebody else, as in a home that a container shares, stays as it is; the folder itself says what was
    done, so that a large workspace is walked through once.
    """
    if sys.platform == "win32" or not home.stat().st_mode & _OTHERS:
        return
    for folder, _, names in os.walk(home, topdown=False):
        for path in (*(Path(folder, name) for name in names), Path(folder)):
            _close(path)


def _close(path: Path) -> None:
    try:
        found = path.lstat()
        if not stat.S_ISLNK(found.st_mode) and found.st_uid == os.getuid() and found.st_mode & _OTHERS:
            path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
    except OSError:
        return  # it has gone meanwhile, or lies on a disk without permissions
