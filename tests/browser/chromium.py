"""Finds the Chromium that the browser tests drive, or installs one: the system's first, Playwright's own else.

``python tests/browser/chromium.py`` prints its path and exits with 1, and what to do, where none can be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str | None:
    """Path of an installed Chromium: ``CHROMIUM``, the system's, or the one that Playwright downloaded."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def install() -> str | None:
    """Installs Chromium: from Debian's packages where this user may, by Playwright else."""
    apt = shutil.which("apt-get")
    if apt:
        sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
        for command in (
            [*sudo, apt, "update"],
            [*sudo, apt, "install", "--yes", "--no-install-recommends", "chromium"],
        ):
            _try(command)
        if find():
            return find()
    _try([sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"])
    return find()


def _try(command: list[str]) -> None:
    print("+", " ".join(command), flush=True)
    try:
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"  {error}")


def main() -> int:
    path = find() or install()
    if path is None:
        print("No Chromium. Install one (Debian: apt install chromium), or set CHROMIUM to the path of yours.")
        return 1
    print(f"Browser: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
