"""The secret that signs cookies: made once, kept in the workspace, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from filelock import FileLock

from studio.errors import from_exception

_LENGTH: Final = 32


def load_secret(home: Path) -> bytes:
    """The workspace's secret; made when there is none, with permissions 0600.

    Returns:
        32 random bytes, the same after every restart.

    Raises:
        AfinaError: ``disk.not_writable`` or ``disk.full``.
    """
    path = home / "cookie.secret"
    try:
        with FileLock(home / "cookie.lock"):  # the studio and a second process may start at the same moment
            if not path.is_file() or path.stat().st_size != _LENGTH:
                path.unlink(missing_ok=True)
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(secrets.token_bytes(_LENGTH))
            return path.read_bytes()
    except OSError as error:
        raise from_exception(error) from error
