from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio.errors import AfinaError
from studio.storage.files import atomic_folder, atomic_path, require_space, write_atomic


def test_a_failed_write_leaves_the_old_content(tmp_path: Path) -> None:
    target = tmp_path / "recipe.json"
    write_atomic(target, "old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "checkpoint") as temporary:
        (temporary / "weights").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "checkpoint") as temporary:
        (temporary / "weights").write_text("all")
        assert not (tmp_path / "checkpoint").exists()
    assert (tmp_path / "checkpoint" / "weights").read_text() == "all"


def test_too_little_space_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(AfinaError) as caught:
        require_space(tmp_path / "not" / "yet", 10**9, free=lambda _: 10**6)
    assert caught.value.code == "disk.full"
    assert caught.value.params["needed_mb"] == 1000
    require_space(tmp_path, 1000)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(AfinaError) as caught:
        write_atomic(tmp_path / "x", "y")
    assert caught.value.code == "disk.not_writable"
