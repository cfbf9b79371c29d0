"""Tables as text: where blocks of lines meet, and quotes that never end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.files import pairs, read


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
