"""Examples that stay on disk are the examples that were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from studio.data.versions.rows import Rows, line_starts, write_rows
from studio.domain.conversation import Conversation, Message, Role, Source
from studio.errors import AfinaError


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, tuple[Conversation, ...]]:
    made = tuple(Conversation.pair(f"Pergunta {n} ção\n?", f"Resposta {n}", id=f"e{n}") for n in range(12_000))
    path = tmp_path / "v.jsonl"
    write_rows(path, made)
    return path, made


def test_any_of_them_is_read(written: tuple[Path, tuple[Conversation, ...]]) -> None:
    path, made = written
    rows = Rows(path)
    assert len(rows) == len(made)
    assert tuple(rows) == made
    assert (rows[0], rows[-1], rows[7_001]) == (made[0], made[-1], made[7_001])
    assert rows[10:4_000:7] == made[10:4_000:7]
    assert rows.at([5, 3, 11_999]) == (made[5], made[3], made[11_999])


def test_changes_lie_over_the_file(written: tuple[Path, tuple[Conversation, ...]]) -> None:
    path, made = written
    fresh = [Conversation.pair("neu", "neu", id="e1"), Conversation.pair("neuer", "neuer", id="e2")]
    rows = Rows(path).patched(np.array([0, 12_000, 3]), fresh[:1]).patched(np.array([3, 1, 2]), fresh[1:])
    assert tuple(rows) == (fresh[1], fresh[0], made[3])
    assert rows.changed == 2
    assert [Conversation.model_validate_json(line) for line in rows.lines()] == list(rows)


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AfinaError) as missing:
        line_starts(tmp_path / "gone")
    assert missing.value.code == "disk.missing"
    (tmp_path / "bad").write_text("{]\n")
    with pytest.raises(AfinaError) as damaged:
        Rows(tmp_path / "bad")[0]
    assert damaged.value.code == "data.version_damaged"


def test_everything_of_an_example_comes_back(tmp_path: Path) -> None:
    turns = (
        Message(role=Role.SYSTEM, content='Seja "gentil"\n\t\x07\x7f'),
        Message(role=Role.USER, content="Ação? ☃ 😀 \\ </p>"),
        Message(role=Role.ASSISTANT, content="Não.", learn=False),
        Message(role=Role.ASSISTANT, content="Sim."),
    )
    examples = (
        Conversation(
            messages=turns, id="e0", source=Source(file="a.csv", row=3, sheet="Março", key="T1"), held_out=True
        ),
        Conversation.pair(
            "a", "b", id="e1", held_out=False, topic="t", reworded_from="e0", extra={"n": 1.5, "id": "x"}
        ),
    )
    path = tmp_path / "x.jsonl"
    assert write_rows(path, examples) == (2, 1)
    assert tuple(Rows(path)) == examples
    rows = Rows(path).patched(np.array([1, 2, 0]), [Conversation.pair("q", "r", id="new")])
    assert rows.ids([0, 1, 2]) == ("e1", "new", "e0")
