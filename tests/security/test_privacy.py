"""What lies in a workspace is readable by its owner only, whatever made it."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import httpx
import pytest

from studio.settings import Settings
from studio.storage.workspace import Workspace
from tests.browser.conftest import Server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")


def open_to_others(home: Path) -> list[str]:
    return [str(path) for path in (home, *home.rglob("*")) if not path.is_symlink() and path.stat().st_mode & 0o077]


def test_a_served_workspace_is_closed(client: httpx.Client, open_studio: Server) -> None:
    response = client.post("/en/gradio_api/upload", files={"files": ("kept.csv", b"q,a\n1,2\n")})
    assert Path(response.json()[0]).is_relative_to(open_studio.home / "uploads")
    assert open_to_others(open_studio.home) == []


def test_an_older_workspace_is_closed_when_it_is_opened(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside.txt"
    outside.write_text("not ours to change")
    outside.chmod(0o644)
    (home / "projects" / "p").mkdir(parents=True)
    (home / "projects" / "p" / "a.jsonl").write_text("{}")
    (home / "run.sh").write_text("")
    (home / "run.sh").chmod(0o755)
    (home / "link").symlink_to(outside)
    for folder in (home, home / "projects", home / "projects" / "p"):
        folder.chmod(0o777)
    old = os.umask(0o077)
    try:
        Workspace.open(Settings(home=home)).database.close()
    finally:
        os.umask(old)
    assert open_to_others(home) == []
    assert stat.S_IMODE((home / "run.sh").stat().st_mode) == 0o700
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644
