"""What a command writes, and where: results on standard output, all else on standard error."""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TextIO

from studio.domain.problem import Problem, Severity
from studio.errors import AfinaError, from_exception
from studio.i18n.catalog import Catalog

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tabs and line breaks


class Refused(AfinaError):
    """Several problems at once; the first is the error, all are shown.

    Args:
        problems: at least one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems[0].code, **problems[0].params)
        self.problems = tuple(problems)


@dataclass
class Terminal:
    """The two streams of a command."""

    catalog: Catalog
    json: bool = False

    def say(self, key: str, **params: Any) -> None:
        """A sentence for a person, on standard error; nothing with ``--json``."""
        if not self.json:
            self._write(self.catalog(key, **params), sys.stderr)

    def result(self, text: str) -> None:
        """A result for a person or a pipe, on standard output; nothing with ``--json``."""
        if not self.json:
            self._write(text, sys.stdout)

    def emit(self, document: dict[str, Any]) -> None:
        """One JSON document on one line of standard output; nothing without ``--json``."""
        if self.json:
            self._write(json.dumps(document, ensure_ascii=False), sys.stdout)

    def warn(self, problems: Sequence[Problem]) -> None:
        """What a person should know although the command goes on; with ``--json`` a line each."""
        for problem in problems:
            self.emit({"warning": self.described(problem)})
            if not self.json:
                self._write(f"! {self.sentence(problem)}", sys.stderr)

    def fail(self, error: BaseException) -> None:
        """An error as its sentence on standard error, or as JSON on standard output."""
        if os.environ.get("AFINA_DEBUG") == "1":
            traceback.print_exception(error, file=sys.stderr)
        known = from_exception(error)
        problems = known.problems if isinstance(known, Refused) else (Problem.of(known),)
        if not self.json:
            for problem in problems:
                self._write(self.sentence(problem), sys.stderr)
            return
        document = {"error": self.described(problems[0])}
        if len(problems) > 1:
            document["problems"] = [self.described(problem) for problem in problems]  # type: ignore[assignment]
        self.emit(document)

    def sentence(self, problem: Problem) -> str:
        """The sentence of a problem, with the file and the rows where its sentence does not name them."""
        text = self.catalog.problem(problem)
        if problem.file and problem.file not in text:
            rows = ", ".join(map(str, problem.rows[:10]))
            where = self.catalog("cli.where_rows", file=problem.file, rows=rows) if rows else problem.file
            return f"{where}: {text}"
        return text

    def confirm(self, key: str, **params: Any) -> bool:
        """Asks a yes-or-no question; without a person at the terminal the answer is no."""
        if self.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        self._write(self.catalog(key, **params), sys.stderr)
        reply = sys.stdin.readline().strip().lower()
        return reply in self.catalog("cli.yes").split()

    def progress(self, *columns: ProgressColumn | str) -> Progress:
        """A progress bar on standard error that leaves nothing behind; none with ``--json`` or into a file.

        Without ``columns``: what is done, the bar, the percentage, and the task's field ``rest``.
        """
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        usual = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rest]}"))
        console = Console(stderr=True, quiet=self.json, highlight=False, markup=False)
        return Progress(*(columns or usual), console=console, transient=True, disable=not console.is_terminal)

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table on standard output, as wide as its content: nothing is cut off, so that it can be piped."""
        lines = [list(headers), *map(list, rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
        for line in lines:
            self.result("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())

    def described(self, problem: Problem) -> dict[str, Any]:
        """A problem for a machine: code, sentence, values, place."""
        described: dict[str, Any] = {
            "code": problem.code,
            "message": self.catalog.problem(problem),
            "params": problem.params,
        }
        where = {"field": problem.field, "file": problem.file, "rows": list(problem.rows)}
        return described | {name: value for name, value in where.items() if value}

    @staticmethod
    def _write(text: str, stream: TextIO) -> None:
        write_to(stream, text + "\n")


def write_to(stream: TextIO, text: str) -> None:
    """Writes at once. A terminal is sent no control codes: a stranger's file or a model may have put them there.

    Args:
        stream: a pipe or a file gets every character.
    """
    stream.write(_CONTROLS.sub("", text) if stream.isatty() else text)
    stream.flush()


def errors_of(problems: Sequence[Problem]) -> list[Problem]:
    """The problems that stop a command."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]
