"""What several tests of reading need."""

from __future__ import annotations

from pathlib import Path

from studio.data.importing.pipeline import read_files
from studio.data.importing.result import ReadResult
from studio.domain.problem import Severity
from studio.i18n.catalog import LOCALES, catalog


def pairs(result: ReadResult) -> list[tuple[str, str]]:
    """Questions and answers, in order."""
    return [(c.question, c.answer) for c in result.conversations]


def codes(result: ReadResult) -> list[str]:
    """Codes of the problems, in order."""
    return [problem.code for problem in result.problems]


def read(tmp_path: Path, name: str, content: bytes | str, **options: object) -> ReadResult:
    """Writes a file and reads it; every problem must have its own sentence in every language."""
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    result = read_files([path], **options)  # type: ignore[arg-type]
    assert_sentences(result)
    return result


def assert_sentences(result: ReadResult) -> None:
    """Checks that each problem names its file in a sentence of its own."""
    for problem in result.problems:
        for locale in LOCALES:
            sentence = catalog(locale).problem(problem)
            assert f"errors.{problem.code}" in catalog(locale).entries
            assert problem.file is None or problem.file in sentence
            assert problem.code not in sentence, f"no sentence for {problem.code} in {locale}"
    if not result.conversations:
        assert any(problem.severity is Severity.ERROR or problem.rows for problem in result.problems)
