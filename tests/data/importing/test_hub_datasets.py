"""Datasets of the hub, read from a folder that is laid out like one, by the real library in its own process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.data.importing.hub_datasets import HubDataset, HubParts
from studio.data.importing.pipeline import read_files
from studio.errors import AfinaError, Stopped
from tests.hub_server import FakeHub, running_hub


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "org" / "faq"
    folder.mkdir(parents=True)
    for name, count in (("train", 30), ("test", 5)):
        rows = [{"question": f"{name} {n}?", "answer": f"Não, {n}."} for n in range(count)]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder


@pytest.mark.model
def test_the_first_rows_become_a_file(repository: Path, tmp_path: Path) -> None:
    told: list[int] = []
    path = HubDataset(repository, rows=12).fetch(tmp_path, on_progress=told.append)
    result = read_files([path])
    assert path.name.endswith("org-faq.jsonl")
    assert len(result.conversations) == 12
    assert (result.conversations[0].question, result.conversations[0].answer) == ("train 0?", "Não, 0.")
    assert told == [12]
    assert len(read_files([HubDataset(repository, split="test").fetch(tmp_path)]).conversations) == 5
    with pytest.raises(AfinaError) as raised:
        HubDataset(repository, split="nope").fetch(tmp_path)
    assert (raised.value.code, raised.value.params["known"]) == ("data.hub_split", "train, test")
    with pytest.raises(AfinaError) as raised:
        HubDataset(repository, config="nope").fetch(tmp_path)
    assert (raised.value.code, raised.value.params["known"]) == ("data.hub_config", "default")


def test_it_can_be_stopped(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        HubDataset(repository).fetch(tmp_path, cancelled=lambda: True)


@pytest.mark.parametrize("reference", ["", "../etc", "/etc", "a/b/c", "-x", "org/", "http://x.org/a", "a b"])
def test_only_names_of_the_hub_are_taken(reference: str, tmp_path: Path) -> None:
    with pytest.raises(AfinaError, match=r"data\.hub_bad_id"):
        HubDataset(reference).fetch(tmp_path)


CARD = """---
configs:
- config_name: pt
  data_files:
  - {split: train, path: pt/train.jsonl}
  - {split: test, path: pt/test.jsonl}
- config_name: en
  data_files:
  - {split: validation, path: en/some.jsonl}
---
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))  # what other tests fetched under the same names stays there
    rows = [{"question": f"Abre {n}?", "answer": f"Sim, {n}."} for n in range(30)]
    content = "\n".join(map(json.dumps, rows)).encode()
    with running_hub() as running:
        files = dict.fromkeys(("pt/train.jsonl", "pt/test.jsonl", "en/some.jsonl"), content)
        running.datasets["acme/faq"] = {"README.md": CARD.encode(), **files}
        running.datasets["acme/locked"] = {"train.jsonl": content}
        running.tokens["acme/locked"] = "secret"
        yield running


@pytest.mark.model
def test_what_there_is_to_choose_from(hub: FakeHub, tmp_path: Path) -> None:
    found = HubDataset("acme/faq").parts(hub.address)
    assert found == HubParts(("pt", "en"), "pt", ("train", "test"))
    assert found.split == "train"
    other = HubDataset("acme/faq", "en").parts(hub.address)
    assert (other.splits, other.split) == (("validation",), "validation")
    path = HubDataset("acme/faq", "en", rows=7).fetch(tmp_path, hub.address)
    assert len(read_files([path]).conversations) == 7


@pytest.mark.model
@pytest.mark.parametrize(
    ("reference", "code"),
    [("acme/none", "data.hub_not_found"), ("acme/locked", "hub.gated")],
)
def test_a_hub_that_says_no(hub: FakeHub, reference: str, code: str) -> None:
    with pytest.raises(AfinaError) as raised:
        HubDataset(reference).parts(hub.address)
    assert raised.value.code == code
    if code == "hub.gated":
        assert HubDataset(reference, token="secret").parts(hub.address).splits == ("train",)


@pytest.mark.model
def test_no_hub_at_all(tmp_path: Path) -> None:
    for ask in (HubDataset.parts, lambda dataset, endpoint: dataset.fetch(tmp_path, endpoint)):
        with pytest.raises(AfinaError, match=r"net\.unreachable"):
            ask(HubDataset("acme/faq"), "http://127.0.0.1:9")
    assert list(tmp_path.iterdir()) == []
