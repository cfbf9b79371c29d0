"""The documents for whoever works on Afina name files that exist."""

from __future__ import annotations

import re

import pytest

from tests.conftest import REPOSITORY

_PATH = re.compile(r"[\w.*-]+(?:/[\w.*-]+)*(?:/|\.(?:py|md|toml|txt|css|js))")
_IN_A_RUN = re.compile(r"checkpoints/|trials/NN/")  # folders of a run, not of the repository


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_paths_named_in_documents_exist(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    named = [path for path in re.findall(r"`([^`\s]+)`", text) if "/" in path and _PATH.fullmatch(path)]
    known = {path for path in named if not _IN_A_RUN.fullmatch(path)}
    assert len(known) > 20
    missing = [path for path in sorted(known) if not any(_exists(path, base) for base in ("", "studio/"))]
    assert not missing, f"{name} names what is not there"


def _exists(path: str, base: str) -> bool:
    return any(REPOSITORY.glob(base + path.rstrip("/")))
