"""The log of the server: bounded on the disk, and bounded in how fast it grows."""

from __future__ import annotations

import logging
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from studio.errors import from_exception

_BYTES: Final = 2_000_000
_FILES: Final = 3
_A_MINUTE: Final = 100  # records; an attack writes the same ones by the thousand
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class RateFilter(logging.Filter):
    """Lets so many records a minute through, and says when it begins to leave some out."""

    def __init__(self, a_minute: int = _A_MINUTE) -> None:
        super().__init__()
        self._a_minute, self._began, self._count = a_minute, 0.0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now - self._began > 60 or not self._began:
            self._began, self._count = now, 0
        self._count += 1
        if self._count == self._a_minute:
            record.msg, record.args = "%s (what else comes in this minute is left out)", (record.getMessage(),)
        return self._count <= self._a_minute


def configure_log(home: Path) -> None:
    """Writes warnings to ``logs/studio.log`` in the workspace, which is renewed when full, and to standard error.

    Raises:
        AfinaError: ``disk.not_writable`` or ``disk.full``.
    """
    folder = home / "logs"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / "studio.log"
        file = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_FILES - 1, encoding="utf-8", delay=True)
    except OSError as error:
        raise from_exception(error) from error
    for handler in (file, logging.StreamHandler()):
        handler.setLevel(logging.WARNING)
        handler.setFormatter(logging.Formatter(_FORMAT))
        handler.addFilter(RateFilter())
        logging.getLogger().addHandler(handler)
