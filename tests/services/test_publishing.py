"""Publishing to a hub of our own: a page becomes a static Space, files a model, and the token is kept nowhere."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.errors import AfinaError, Stopped
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
    exports = ExportService(workspace)
    for kind in ("site", "gguf"):
        folder = exports._target_folder("run-1", 1, kind)
        folder.mkdir(parents=True)
        with zipfile.ZipFile(folder / f"treino-{kind}.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(f"treino-{kind}/{name}", content)
    yield workspace
    workspace.database.close()


@pytest.fixture
def publishing(opened: Workspace, monkeypatch: pytest.MonkeyPatch) -> PublishingService:
    exports = ExportService(opened)
    monkeypatch.setattr(exports, "export", lambda run_id, kind, **_: exports.path(run_id, kind))
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
    assert phases == ["asking", "exporting", "uploading"]
    model = publishing.publish("run-1", "gguf", "Maria_S/bot", TOKEN, private=True)
    assert model.page == ""
    assert hub.made["model/Maria_S/bot"]["visibility"] == "private"
    assert hub.made["model/Maria_S/bot"]["files"] == files
    publishing.publish("run-1", "gguf", "Maria_S/bot", TOKEN)  # a second time replaces the first
    kept = [path for path in opened.home.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert not kept
    assert not list((opened.home / "exports").glob(".*.tmp"))


def test_what_is_to_be_private_is_and_what_is_private_stays_so(publishing: PublishingService, hub: FakeHub) -> None:
    assert not publishing.publish("run-1", "site", "maria/bot", TOKEN).private
    for wished in (True, False):
        assert publishing.publish("run-1", "site", "maria/bot", TOKEN, private=wished).private
        assert hub.made["space/maria/bot"]["visibility"] == "private"


def test_what_the_hub_refuses_is_told_and_nothing_stays(publishing: PublishingService, opened: Workspace) -> None:
    for repository, token, code in (
        ("maria/bot", "hf_wrong", "publish.bad_token"),
        ("maria/bot", " ", "publish.no_token"),
        ("maria/../bot", TOKEN, "hub.bad_id"),
    ):
        with pytest.raises(AfinaError, match=code):
            publishing.publish("run-1", "site", repository, token)
    assert not list((opened.home / "exports").glob(".*.tmp"))


def test_a_name_alone_is_one_of_the_owner_of_the_token(publishing: PublishingService, hub: FakeHub) -> None:
    done = publishing.publish("run-1", "site", "padaria", TOKEN)
    assert (done.repository, done.page) == ("maria/padaria", "https://maria-padaria.static.hf.space")
    assert publishing.list("run-1") == [done]
    publishing.publish("run-1", "gguf", "padaria", TOKEN)  # a model of the same name is another thing
    assert [one.kind for one in publishing.list()] == ["gguf", "site"]


def test_what_was_not_published_from_here_is_replaced_only_when_that_is_wished(
    publishing: PublishingService, hub: FakeHub, files: dict[str, bytes]
) -> None:
    hub.made["space/maria/padaria"] = {"files": {"index.html": b"by hand"}}
    with pytest.raises(AfinaError, match=r"publish\.name_taken"):
        publishing.publish("run-1", "site", "maria/padaria", TOKEN)
    assert hub.made["space/maria/padaria"]["files"] == {"index.html": b"by hand"}
    publishing.publish("run-1", "site", "maria/padaria", TOKEN, replaces=True)
    assert hub.made["space/maria/padaria"]["files"] == files


def test_a_chatbot_is_called_as_its_project_and_then_as_it_was_before(publishing: PublishingService) -> None:
    first = publishing.suggested_name("run-1")
    assert first
    assert publishing.publish("run-1", "site", first, TOKEN).repository == f"maria/{first}"
    assert publishing.suggested_name("run-1") == f"maria/{first}"
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        publishing.suggested_name("run-0")


def test_a_token_that_can_only_read_and_a_hub_that_is_not_there_are_told_apart(
    publishing: PublishingService, hub: FakeHub, opened: Workspace
) -> None:
    hub.role = "read"
    with pytest.raises(AfinaError, match=r"publish\.no_write_right"):
        publishing.publish("run-1", "site", "padaria", TOKEN)
    away = Workspace(opened.settings.model_copy(update={"hf_endpoint": "http://127.0.0.1:9"}))
    with pytest.raises(AfinaError, match=r"net\.unreachable"):
        PublishingService(away, publishing._exports).publish("run-1", "site", "padaria", TOKEN)
    away.database.close()
    assert not hub.made


def test_an_upload_tells_its_bytes_and_can_be_cancelled_in_the_middle(
    publishing: PublishingService, hub: FakeHub, files: dict[str, bytes]
) -> None:
    told: list[tuple[int, int]] = []
    with pytest.raises(Stopped):
        publishing.publish(
            "run-1", "site", "padaria", TOKEN, sent=lambda *n: told.append(n), is_cancelled=lambda: len(told) > 1
        )
    assert hub.made["space/maria/padaria"]["files"] == {}  # no commit, no page of half a chatbot
    assert publishing.list() == []
    publishing.publish("run-1", "site", "padaria", TOKEN, replaces=True, sent=lambda *n: told.append(n))
    whole = sum(map(len, files.values()))
    assert told[-1] == (whole, whole)


def test_in_the_background_the_token_is_kept_only_if_wished_and_only_if_the_hub_knows_it(
    publishing: PublishingService, hub: FakeHub, opened: Workspace
) -> None:
    wishes = {"private": False, "replaces": False}
    publishing.start("run-1", "site", "padaria", "hf_wrong", **wishes, keeps_token=True)
    refused = publishing._jobs.wait("run-1", 30)
    assert refused is not None
    assert refused.problem is not None
    assert refused.problem.code == "publish.bad_token"
    assert not publishing.keeps_token
    publishing.start("run-1", "site", "padaria", TOKEN, **wishes, keeps_token=True)
    publishing._jobs.wait("run-1", 30)
    assert publishing.keeps_token
    assert (opened.home / "hub_token").stat().st_mode & 0o077 == 0
    publishing.start("run-1", "gguf", "padaria", "", **wishes, keeps_token=False)
    publishing._jobs.wait("run-1", 30)
    assert [one.kind for one in publishing.list("run-1")] == ["gguf", "site"]
    publishing.forget_token()
    with pytest.raises(AfinaError, match=r"publish\.no_token"):
        publishing.start("run-1", "site", "padaria", "", **wishes, keeps_token=False)
    kept = [path for path in opened.home.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert not kept
