"""The report as PDF, printed by the Chromium of this computer, where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from studio.errors import AfinaError

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_SECONDS: Final = 60  # that it may take
_FLAGS: Final = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--no-pdf-header-footer",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """Path of a Chromium, Chrome or Edge that is on the search path; None without one."""
    return next((found for found in map(shutil.which, _NAMES) if found), None)


def print_pdf(page: str) -> bytes:
    """Prints a page that loads nothing from elsewhere.

    Args:
        page: HTML.

    Raises:
        AfinaError: ``proof.no_chromium`` where there is none, ``proof.pdf_failed`` when it made nothing in time.
    """
    chromium = find_chromium()
    if chromium is None:
        raise AfinaError("proof.no_chromium")
    with tempfile.TemporaryDirectory(prefix="afina-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source, target = folder / "report.html", folder / "report.pdf"
        source.write_text(page, encoding="utf-8")
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # Chromium refuses else
        command = [
            chromium, *_FLAGS, *root, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={target}", source.as_uri(),
        ]  # fmt: skip
        try:
            subprocess.run(
                command, check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            return target.read_bytes()
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AfinaError("proof.pdf_failed") from error
