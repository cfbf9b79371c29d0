"""Datasets of the hub, read from a folder that is laid out like one, by the real library in its own process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.data.hub_sets import fetch
from studio.data.reading import read_files
from studio.errors import AfinaError, Stopped


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
    path = fetch(repository, tmp_path, rows=12, on_progress=told.append)
    result = read_files([path])
    assert path.name.endswith("org-faq.jsonl")
    assert len(result.conversations) == 12
    assert (result.conversations[0].question, result.conversations[0].answer) == ("train 0?", "Não, 0.")
    assert told == [12]
    assert len(read_files([fetch(repository, tmp_path, split="test")]).conversations) == 5
    with pytest.raises(AfinaError) as raised:
        fetch(repository, tmp_path, split="nope")
    assert (raised.value.code, raised.value.params["known"]) == ("data.hub_split", "train, test")
    with pytest.raises(AfinaError) as raised:
        fetch(repository, tmp_path, config="nope")
    assert (raised.value.code, raised.value.params["known"]) == ("data.hub_config", "default")


def test_it_can_be_stopped(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        fetch(repository, tmp_path, cancelled=lambda: True)


@pytest.mark.parametrize("reference", ["", "../etc", "/etc", "a/b/c", "-x", "org/", "http://x.org/a", "a b"])
def test_only_names_of_the_hub_are_taken(reference: str, tmp_path: Path) -> None:
    with pytest.raises(AfinaError, match=r"data\.hub_bad_id"):
        fetch(reference, tmp_path)
