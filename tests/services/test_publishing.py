"""Publishing to a hub of our own: a page becomes a static Space, files a model, and the token is kept nowhere."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.errors import AfinaError
from studio.services.exports import ExportService
from studio.services.publishing import PublishingService
from studio.settings import Settings
from studio.storage.workspace import Workspace
from tests.hub_server import FakeHub, running_hub
from tests.services.test_links import add_run

TOKEN = "hf_writes_for_the_owner"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # Xet is a service of the real hub only
    with running_hub() as fake:
        fake.writer = TOKEN
        yield fake


@pytest.fixture
def files() -> dict[str, bytes]:
    return {
        "README.md": b"---\nsdk: static\n---\n",
        "index.html": b"<!doctype html>",
        "tuned.gguf.000": os.urandom(90_000),
    }


@pytest.fixture
def opened(hub: FakeHub, tmp_path: Path, files: dict[str, bytes]) -> Iterator[Workspace]:
    """A workspace whose exports are made already: what is tested is the way to the hub."""
    workspace = Workspace.open(
        Settings(home=tmp_path / "home", hf_endpoint=hub.address, models_dir=tmp_path / "models")
    )
    add_run(workspace)
    folder = workspace.home / "exports" / "run-1" / "step-000001"
    folder.mkdir(parents=True)
    for kind in ("site", "gguf"):
        with zipfile.ZipFile(folder / f"treino-{kind}.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(f"treino-{kind}/{name}", content)
    yield workspace
    workspace.database.close()


@pytest.fixture
def publishing(opened: Workspace, monkeypatch: pytest.MonkeyPatch) -> PublishingService:
    exports = ExportService(opened)
    monkeypatch.setattr(exports, "export", lambda run_id, kind: exports.path(run_id, kind))
    return PublishingService(opened, exports)


def test_a_page_becomes_a_static_space_and_files_a_model(
    publishing: PublishingService, hub: FakeHub, files: dict[str, bytes], opened: Workspace
) -> None:
    phases: list[str] = []
    done = publishing.publish("run-1", "site", "Maria_S/bot.do-sac", TOKEN, report=phases.append)
    space = hub.made["space/Maria_S/bot.do-sac"]
    assert (space["sdk"], space["files"]) == ("static", files)
    assert done.address == f"{hub.address}/spaces/Maria_S/bot.do-sac"
    assert done.page == "https://maria-s-bot-do-sac.static.hf.space"
    assert phases == ["exporting", "uploading"]
    model = publishing.publish("run-1", "gguf", "Maria_S/bot", TOKEN, private=True)
    assert model.page == ""
    assert hub.made["model/Maria_S/bot"]["visibility"] == "private"
    assert hub.made["model/Maria_S/bot"]["files"] == files
    publishing.publish("run-1", "gguf", "Maria_S/bot", TOKEN)  # a second time replaces the first
    kept = [path for path in opened.home.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert not kept
    assert not list((opened.home / "exports").glob(".*.tmp"))


def test_what_the_hub_refuses_is_told_and_nothing_stays(publishing: PublishingService, opened: Workspace) -> None:
    for repository, token, code in (
        ("maria/bot", "hf_wrong", "hub.token_refused"),
        ("maria/bot", " ", "publish.no_token"),
        ("bot", TOKEN, "hub.bad_id"),
        ("maria/../bot", TOKEN, "hub.bad_id"),
    ):
        with pytest.raises(AfinaError, match=code):
            publishing.publish("run-1", "site", repository, token)
    assert not list((opened.home / "exports").glob(".*.tmp"))
