"""Every pin has a wheel for every system that Afina is for: nobody needs a compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parent.parent
_PLATFORMS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
_MACOS = {"MACOSX_DEPLOYMENT_TARGET": "14.0"}  # the oldest that PyTorch supports


@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("platform", _PLATFORMS)
def test_every_pin_has_a_wheel(platform: str, python: str) -> None:
    """What Afina and its tests need there, resolved with our versions and from wheels alone."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--only-binary", ":all:"]
    command += ["--python-platform", platform, "--python-version", python]
    command += ["--extra", "test", "--constraint", "constraints.txt", "pyproject.toml"]
    ended = subprocess.run(
        command, cwd=_REPOSITORY, env=os.environ | _MACOS, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    pinned = set((_REPOSITORY / "constraints.txt").read_text().lower().splitlines())
    chosen = {line for line in ended.stdout.lower().splitlines() if "==" in line and not line.startswith(" ")}
    assert len(chosen & pinned) > 80, "the constraints were not heeded"
