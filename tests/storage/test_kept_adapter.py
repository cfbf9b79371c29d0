"""What a power cut leaves of an adapter is never taken for one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from studio.storage.files import atomic_folder, write_atomic
from studio.storage.kept_adapter import is_intact, kept_adapter
from studio.storage.manifest import verify_manifest, write_manifest
from studio.storage.workspace import RunFolder

WEIGHTS = "adapter_model.safetensors"


def save(run: RunFolder, step: int, *, sums: bool = True) -> Path:
    """An adapter as a run keeps it; without checksums, as an older version did."""
    import numpy as np
    from safetensors.numpy import save_file

    folder = run.adapters / f"step-{step:06d}"
    with atomic_folder(folder) as temporary:
        save_file({"a": np.full(64, step, np.float32)}, temporary / WEIGHTS)
        (temporary / "adapter_config.json").write_text("{}")
        if sums:
            write_manifest(temporary)
    write_atomic(run.best, json.dumps({"step": step, "adapter": f"adapters/{folder.name}"}))
    return folder


@pytest.mark.parametrize("sums", [True, False])
@pytest.mark.parametrize("left", [0, 40, 200])
def test_the_best_that_is_whole_is_used_where_the_best_is_cut(tmp_path: Path, left: int, *, sums: bool) -> None:
    run = RunFolder(tmp_path)
    first, second = save(run, 10, sums=sums), save(run, 20, sums=sums)
    kept = kept_adapter(run)
    assert kept is not None
    assert (kept.step, kept.folder, kept.damaged_step) == (20, second, None)
    os.truncate(second / WEIGHTS, left)
    kept = kept_adapter(run)
    assert kept is not None
    assert (kept.step, kept.name, kept.folder, kept.damaged_step) == (10, "adapters/step-000010", first, 20)
    os.truncate(first / WEIGHTS, left)
    assert kept_adapter(run) is None


def test_a_changed_byte_a_missing_file_and_an_empty_folder_are_damage(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    one, two, three = (save(run, step) for step in (1, 2, 3))
    data = bytearray((one / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (one / WEIGHTS).write_bytes(data)
    (two / "adapter_config.json").unlink()
    for path in three.iterdir():
        path.unlink()
    assert [is_intact(folder) for folder in (one, two, three, run.adapters / "none")] == [False] * 4


@pytest.mark.parametrize("written", ["", "{", "null", '{"step": "x"}'])
def test_a_best_that_cannot_be_read_leaves_the_newest(tmp_path: Path, written: str) -> None:
    run = RunFolder(tmp_path)
    save(run, 10)
    save(run, 20)
    run.best.write_text(written)
    kept = kept_adapter(run)
    assert kept is not None
    assert (kept.step, kept.damaged_step) == (20, None)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not tell the path of an open file")
def test_a_folder_is_on_the_disk_before_it_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done, sync = [], os.fsync

    def fsync(handle: int) -> None:
        sync(handle)
        done.append((Path(f"/proc/self/fd/{handle}").readlink().name, (tmp_path / "made").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    with atomic_folder(tmp_path / "made") as temporary:
        (temporary / "inner").mkdir()
        (temporary / "inner" / "deep.txt").write_text("x")
        (temporary / "file.txt").write_text("y")
    assert done == [
        ("deep.txt", False),
        ("inner", False),
        ("file.txt", False),
        (done[3][0], False),
        (tmp_path.name, True),
    ]
    assert done[3][0].startswith(".made.")


def test_a_manifest_says_what_was_written(tmp_path: Path) -> None:
    assert not verify_manifest(tmp_path)
    write_manifest(tmp_path)
    assert not verify_manifest(tmp_path), "of nothing"
    (tmp_path / "a").write_text("1")
    write_manifest(tmp_path)
    assert verify_manifest(tmp_path)
    os.truncate(tmp_path / "a", 0)
    assert not verify_manifest(tmp_path)
