"""Damaged files: every asset cut off, flipped and mixed up; each reads or gives named problems, none crashes."""

from __future__ import annotations

import random
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.data.files import assert_sentences, read

ASSETS = sorted((Path(__file__).parents[2] / "assets" / "data").iterdir())


def _cut(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(1, len(data))]


def _flipped(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(max(2, len(data) // 100)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def _stuffed(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + b'\0\xff\xfe"\n;,\t{[<&;' * 3 + data[at:]


def _repacked(data: bytes, dice: random.Random) -> bytes:
    """A zip whose members are damaged and whose directory is whole: the parser inside gets to see it."""
    if not data.startswith(b"PK"):
        return data[::-1]
    target = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry.filename, _flipped(content, dice) if len(content) > 10 else content)
    return target.getvalue()


@pytest.mark.parametrize("damage", [_cut, _flipped, _stuffed, _repacked])
@pytest.mark.parametrize("asset", ASSETS, ids=lambda path: path.name)
def test_damage_is_read_or_named(tmp_path: Path, asset: Path, damage: object) -> None:
    for seed in range(3):
        data = damage(asset.read_bytes(), random.Random(f"{asset.name} {seed}"))  # type: ignore[operator]
        result = read(tmp_path, asset.name, data)
        assert result.conversations or result.problems


@pytest.mark.parametrize("asset", ASSETS, ids=lambda path: path.name)
@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.json", "a.txt", "a.bin", "a"])
def test_a_wrong_name_changes_little(tmp_path: Path, asset: Path, name: str) -> None:
    result = read(tmp_path, name, asset.read_bytes())
    assert_sentences(result)
    if asset.name == "prose.txt" and name not in ("a.txt", "a"):
        assert result.problems, "any text is prose: only its name tells it from a table that went wrong"
        return
    assert result.conversations, [problem.code for problem in result.problems]
