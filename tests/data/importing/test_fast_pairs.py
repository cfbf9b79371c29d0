"""Rows of a table become the same lines on the fast way as on the way of every other file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from studio.data.importing.pipeline import Reading
from studio.data.importing.result import InputFile
from studio.data.jsonl_codec import line_of
from studio.domain.dataset import Mapping
from tests.data.files import pairs, read

ODD = (
    ("Qual o prazo?", "Quatro dias.", "x", "T1", ""),
    ("", "Sem pergunta.", "x", "", "sim"),
    ("Sem resposta?", " ", "", "T3", "nao"),
    ("", "", "", "", ""),
    ("'=soma?", "'-1", " tópico " + "t" * 300, " ch ", "teste"),
    ("Nulo\x01?", "voc\u0065\u0302\ufeff", "", "", ""),
    ("<image> o que é?", "Uma foto.", "", "", ""),
    ("Longo?", "a" * 100_001, "", "", ""),
    ("Duas\nlinhas?", 'Diz "sim"\r\nou não', "", "", "0"),
)
HEAD = ("Pergunta", "Resposta", "Tópico", "Ticket", "Teste")
MAPPING = Mapping(question=("Pergunta",), answer=("Resposta",), topic="Tópico", id="Ticket", held_out="Teste")


def table(rows: int = 250) -> str:
    """A CSV of usual rows, more than are looked at first, and odd ones after them."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow((*HEAD, "Canal"))
    writer.writerows((f"Pergunta {n}?", f"Resposta {n}.", "x", f"T{n}", "", "app") for n in range(rows))
    writer.writerows((*row, "site") for row in ODD)
    return out.getvalue() + "Curta?\nA?,B\nC?,D,x,T,,app,a mais,ainda\n"


@pytest.mark.parametrize("mapping", [None, MAPPING, MAPPING.model_copy(update={"question": ("Pergunta", "Tópico")})])
@pytest.mark.parametrize("held_out", [None, True])
def test_both_ways_give_the_same_lines(tmp_path: Path, mapping: Mapping | None, held_out: bool | None) -> None:
    path = tmp_path / "a.csv"
    path.write_text(table(), encoding="utf-8", newline="")
    file = InputFile(path, "a.csv", held_out)
    slow, fast = Reading([file], mapping), Reading([file], mapping)
    expected = [line_of(found, f"e{n}") for n, found in enumerate(slow.conversations(), start=5)]
    assert list(fast.lines(5)) == expected
    assert len(expected) >= 254
    assert fast.findings.problems() == slow.findings.problems()
    assert {"data.no_answer", "data.media", "data.cell_too_long"} <= {p.code for p in fast.findings.problems()}
    assert (fast.files, fast.mapping, fast.sample) == (slow.files, slow.mapping, slow.sample)


def test_what_is_no_pair_of_texts_takes_the_other_way(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = "".join(f'P{n}?,R{n}.,"[[""antes?"",""sim""]]"\n' for n in range(300))
    path.write_text("question,answer,history\n" + rows, encoding="utf-8")
    reading = Reading([InputFile.of(path)])
    found = list(reading.lines(1))
    assert len(found) == 300
    assert all(b"antes?" in line for line in found)


@pytest.mark.parametrize("before", [0, 1, 497, 498, 499, 500, 997, 1_203])
def test_cells_of_several_lines_where_blocks_of_lines_meet(tmp_path: Path, before: int) -> None:
    usual = [(f"P{n}?", f"R{n}.") for n in range(before)]
    text = "question,answer\n" + "".join(f"{q},{a}\n" for q, a in usual)
    text += 'Com linhas?,"um\ndois\ntrês"\n' + 'Aberta?,"sem fim\n' + "".join(f"Q{n}?,S{n}.\n" for n in range(700))
    result = read(tmp_path, "a.csv", text)
    assert pairs(result) == [
        *usual,
        ("Com linhas?", "um\ndois\ntrês"),
        ("Aberta?", '"sem fim'),
        *((f"Q{n}?", f"S{n}.") for n in range(700)),
    ]
    assert [(p.code, p.rows) for p in result.problems] == [("data.open_quote", (before + 5,))]
    assert [c.source.row for c in result.conversations if c.source][-1] == before + 705


def test_a_cell_of_very_many_lines_is_an_open_quote(tmp_path: Path) -> None:
    text = 'question,answer\nA?,"' + "linha\n" * 700 + 'fim"\nB?,C\n'
    result = read(tmp_path, "a.csv", text)
    assert pairs(result)[-1] == ("B?", "C")
    assert "data.open_quote" in {problem.code for problem in result.problems}
