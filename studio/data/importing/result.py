"""What came of reading files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.domain.conversation import Conversation
from studio.domain.dataset import Mapping, TableRead
from studio.domain.problem import Problem, Severity
from studio.errors import AfinaError


@dataclass(frozen=True)
class InputFile:
    """A file to read."""

    path: Path  # where it lies
    name: str  # what the person calls it
    held_out: bool | None = None  # True or False where all its examples are for the test or for training

    @classmethod
    def of(cls, path: Path) -> InputFile:
        """A file under its own name."""
        return cls(path, path.name)


@dataclass(frozen=True)
class ReadResult:
    """Everything that came of reading files."""

    conversations: tuple[Conversation, ...]  # what can be learned from, in the order of the files
    columns: tuple[str, ...]  # of all tables, in order
    mapping: Mapping  # how they were read; incomplete where no table has questions and answers
    problems: tuple[Problem, ...]  # of files and rows; ``Severity.ERROR`` for a file of which nothing was read
    sample: tuple[dict[str, str], ...]  # some rows by column, for choosing columns
    files: tuple[TableRead, ...]  # how each file or sheet was read

    def require(self, minimum: int = 1) -> None:
        """Checks that there are examples enough. Raises ``data.no_usable_rows``, ``data.too_few_rows``."""
        require(len(self.conversations), self.problems, minimum)


def require(count: int, problems: Sequence[Problem], minimum: int) -> None:
    """See :meth:`ReadResult.require`."""
    if count >= minimum:
        return
    fatal = next((problem for problem in problems if problem.severity is Severity.ERROR), None)
    if count == 0 and fatal is not None:
        raise AfinaError(fatal.code, **fatal.params)
    if count == 0:
        left_out = sum(int(problem.params.get("n", 0)) for problem in problems if problem.rows)
        raise AfinaError("data.no_usable_rows", n=left_out)
    raise AfinaError("data.too_few_rows", n=count, minimum=minimum)
