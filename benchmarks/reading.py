"""How often titles and columns of a table are found: ``python -m benchmarks.reading``; figures in ``reading.md``.

Silently wrong is what a person has no way to see: wrong columns or rows, and nothing in the report speaks of guessing.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reading_tables import REFUSED, TURNS, Labelled, all_tables
from studio.data.importing.pipeline import read_files
from studio.data.importing.result import ReadResult

_TOLD = ("data.mapping_guessed", "data.header_guessed", "data.odd_column", "data.no_header")


@dataclass
class Score:
    """Counts over all tables."""

    tables: int = 0
    with_header: int = 0
    header_right: int = 0
    header_found: int = 0
    header_found_rightly: int = 0
    right: int = 0
    refused_rightly: int = 0
    refused_wrongly: int = 0
    wrong_told: int = 0
    silently_wrong: int = 0


def _header_line(result: ReadResult, table: Labelled) -> int | None:
    """The line that was taken for the titles; None for none."""
    if any(problem.code == "data.no_header" for problem in result.problems):
        return None
    above = sum(len(problem.rows) for problem in result.problems if problem.code == "data.rows_above")
    return _line_of(table.content, above)


def _line_of(content: bytes, above: int) -> int:
    """The line of the first row with text after so many others with text."""
    for encoding in ("utf-16", "utf-8-sig", "cp1252"):
        if encoding == "utf-16" and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            continue
        try:
            lines = content.decode(encoding).splitlines()
            break
        except UnicodeDecodeError:
            continue
    filled = [number for number, line in enumerate(lines, start=1) if line.strip(",;|\t ")]
    return filled[min(above, len(filled) - 1)]


def judge(table: Labelled, folder: Path, score: Score) -> str:
    """Reads a table and counts what came of it; what was wrong as a line, else nothing."""
    path = folder / table.file
    path.write_bytes(table.content)
    result = read_files([path])
    score.tables += 1
    wrong: list[str] = []
    refused = not result.conversations
    if table.header != 0 and not (refused and not result.files):
        found = _header_line(result, table) if result.files and not result.files[0].turns else table.header
        score.with_header += 1
        score.header_right += found == table.header
        score.header_found += found is not None
        score.header_found_rightly += found is not None and found == table.header
        if found != table.header:
            wrong.append(f"titles in line {found}, not {table.header}")
    if table.question == REFUSED:
        score.refused_rightly += refused
        if not refused:
            wrong.append(f"read as {result.mapping.question} -> {result.mapping.answer}")
    elif refused:
        score.refused_wrongly += 1
        return f"refused: {table.name}: {[problem.code for problem in result.problems]}"
    elif table.question == TURNS:
        if result.mapping.question:
            wrong.append("read as columns")
    elif (result.mapping.question, result.mapping.answer) not in ((table.question, table.answer),) and not all(
        file.turns for file in result.files
    ):
        wrong.append(f"{result.mapping.question} -> {result.mapping.answer}")
    if table.examples is not None and len(result.conversations) != table.examples and table.question != REFUSED:
        wrong.append(f"{len(result.conversations)} examples, not {table.examples}")
    if not wrong:
        score.right += table.question != REFUSED
        return ""
    told = any(problem.code in _TOLD for problem in result.problems)
    score.wrong_told += told
    score.silently_wrong += not told
    return f"{'wrong, told' if told else 'SILENTLY WRONG'}: {table.name}: {'; '.join(wrong)}"


def measure(verbose: bool = False) -> Score:
    """Reads all tables."""
    score = Score()
    with tempfile.TemporaryDirectory() as folder:
        for table in all_tables():
            said = judge(table, Path(folder), score)
            if said and verbose:
                sys.stdout.write(said + "\n")
    return score


def main() -> None:
    """Prints the figures."""
    score = measure(verbose=True)
    answered = score.tables - score.refused_rightly - score.refused_wrongly
    to_read = sum(table.question != REFUSED for table in all_tables())
    lines = [
        f"tables: {score.tables}",
        f"titles right: {score.header_right} of {score.with_header} ({score.header_right / score.with_header:.1%}); "
        f"precision {score.header_found_rightly / max(1, score.header_found):.1%}",
        f"columns right or refused: {(score.right + score.refused_rightly + score.refused_wrongly) / score.tables:.1%}",
        f"columns: precision {score.right / max(1, answered):.1%}, recall {score.right / to_read:.1%}",
        f"refused though it could be read: {score.refused_wrongly}",
        f"wrong, but told: {score.wrong_told}",
        f"silently wrong: {score.silently_wrong} ({score.silently_wrong / score.tables:.1%})",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
