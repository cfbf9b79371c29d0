"""What is wrong with a workspace is one sentence that names it, and never a traceback; secrets are not on command lines."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import pytest
import typer

from studio.cli.program import program
from studio.i18n import LOCALES, catalog
from tests.browser.conftest import free_port


def a_file(home: Path) -> Path:
    home.write_text("not a folder")
    return home


def no_folder(home: Path) -> Path:
    home.symlink_to("/proc/afina")  # where nobody can make one, the superuser neither
    return home


def not_a_database(home: Path) -> Path:
    home.mkdir()
    (home / "afina.db").write_text("not a database, and long enough to be looked at " * 20)
    return home / "afina.db"


def a_folder_for_a_database(home: Path) -> Path:
    (home / "afina.db").mkdir(parents=True)
    return home / "afina.db"


def a_damaged_database(home: Path) -> Path:
    home.mkdir()
    (home / "afina.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    return home / "afina.db"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize(
    ("spoil", "locale"),
    zip([a_file, no_folder, not_a_database, a_folder_for_a_database, a_damaged_database], cycle(LOCALES), strict=False),
)
def test_a_workspace_that_cannot_be_used_is_one_sentence(tmp_path: Path, spoil: object, locale: str) -> None:
    home = tmp_path / "home"
    named = spoil(home)  # type: ignore[operator]
    environment = os.environ | {"AFINA_HOME": str(home), "AFINA_PORT": str(free_port()), "AFINA_LANG": locale}
    command = [sys.executable, "-m", "studio", "serve", "--no-open"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert len(said.strip().splitlines()) == 1, said
    assert str(named) in said
    assert "Traceback" not in said
    assert "sqlite" not in said.lower()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a small disk")
@pytest.mark.parametrize("left", [0, 40_000])
def test_a_full_disk_at_the_start_is_one_sentence(tmp_path: Path, left: int) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "afina-test", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a disk")
    try:
        (disk / "full").write_bytes(b"x" * (2**20 - left))
        environment = os.environ | {
            "AFINA_HOME": str(disk / "home"),
            "AFINA_PORT": str(free_port()),
            "AFINA_LANG": "pt",
        }
        command = [sys.executable, "-m", "studio", "serve", "--no-open"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    said = done.stdout + done.stderr
    assert said.strip() == catalog("pt")("errors.disk.full_at", path=str(disk / "home"))


def test_a_recipe_that_is_too_deep_is_one_sentence(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text("[" * 200_000)
    environment = os.environ | {"AFINA_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-m", "studio", "train", str(recipe)], env=environment, capture_output=True, text=True, timeout=300)  # fmt: skip
    assert done.returncode != 0
    assert str(recipe) in done.stderr
    assert "Traceback" not in done.stderr


def test_no_option_takes_a_secret() -> None:
    """Whatever is on a command line is seen by every user of the computer."""

    def options(command: object) -> list[str]:
        own = [name for param in command.params for name in param.opts]  # type: ignore[attr-defined]
        return own + [name for sub in getattr(command, "commands", {}).values() for name in options(sub)]

    found = options(typer.main.get_command(program()))
    assert "--token-file" in found
    assert not {name for name in found if any(word in name for word in ("token", "password", "secret", "key")) and not name.endswith("-file") and "tokens" not in name}  # fmt: skip
