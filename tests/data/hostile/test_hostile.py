"""Every hostile input reads right or gives a named problem, within 10 seconds and 2 GB, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from studio.data.importing.readers.packed import check_sizes
from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog
from tests.data.hostile.corpus import CORPUS, Hostile
from tests.data.hostile.packing import bomb, workbook

PROCESSES = 2
REPOSITORY = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of processes are those of Unix")


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What came of each input, by its name."""
    folder = tmp_path_factory.mktemp("hostile")
    # One thread a process: a library that makes a pool per core reserves address space for each.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.data.hostile.runner", str(folder / f"{n}.jsonl"), f"{n}:{PROCESSES}"],
            cwd=REPOSITORY,
            env=environment,
        )
        for n in range(PROCESSES)
    ]
    assert [process.wait() for process in running] == [0] * PROCESSES
    lines = [line for n in range(PROCESSES) for line in (folder / f"{n}.jsonl").read_text("utf-8").splitlines()]
    return {found["name"]: found for found in map(json.loads, lines)}


def test_there_are_many_and_each_says_what_must_come_of_it() -> None:
    assert len({hostile.name for hostile in CORPUS}) == len(CORPUS) >= 120
    assert all(hostile.reads or hostile.code for hostile in CORPUS)
    for locale in LOCALES:
        assert all(f"errors.{h.code}" in catalog(locale).entries for h in CORPUS if h.code)


@pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: hostile.name)
def test_it_reads_right_or_is_named(hostile: Hostile, outcomes: dict[str, dict[str, Any]]) -> None:
    found = outcomes[hostile.name]
    assert "crash" not in found, found["crash"]
    assert found["examples"] == hostile.reads, found["codes"]
    assert not hostile.code or hostile.code in found["codes"]
    assert found["examples"] or found["sentences"], "nothing was read, and nothing was said"
    assert not any("data." in sentence for sentence in found["sentences"]), "a code where a sentence should be"
    assert not found["formula"], "a spreadsheet would run what was exported"
    assert not found["secret"], "a file of this computer was read"
    assert len(found["left"]) == 4, "the upload and the three exports, and nothing else, was written"


def test_what_was_there_is_kept(outcomes: dict[str, dict[str, Any]]) -> None:
    first = {name: found["first"] for name, found in outcomes.items()}
    assert first["NULs among letters"] == [["Pix?", "Sim."], ["B?", "N"]]
    assert first["scripts"][0] == ["<script>alert(1)</script>?", "<img src=x onerror=alert(1)>"]
    assert first["formulas"][0] == ["=1+1", "=cmd|' /C calc'!A0"]
    assert first["templates"][0] == ["{{7*7}} ${7*7} {0.__class__}?", "%s %n {question}"]
    assert (
        first["a page of scripts"] == [["Pix?", "Sim."], ["Boleto?", "Nao."]]
        or first["a page of scripts"][0][0] == "Pix?"
    )
    assert first["Parquet of bytes"] == [["A?", "B"]]
    assert first["UTF-32"] == first["UTF-16 without a mark"] == [["Pix?", "Sim."], ["Boleto?", "Nao."]]


@pytest.mark.parametrize("said", [1_000, None])
def test_sizes_are_measured_and_not_believed(tmp_path: Path, said: int | None) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(bomb(workbook(b""), "xl/sharedStrings.xml", 50_000_000, said))
    with pytest.raises(AfinaError) as raised:
        check_sizes(path, "a.xlsx", 20_000_000)
    assert raised.value.code == "data.unpacks_too_large"
    assert raised.value.params["limit_mb"] == 20
