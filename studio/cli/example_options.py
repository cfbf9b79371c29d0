"""What ``examples`` and ``train`` share: where examples come from and how they are read."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studio.cli.session import read_small_file
from studio.data.importing.hub_datasets import HubDataset
from studio.domain.dataset import Mapping
from studio.errors import AfinaError

if TYPE_CHECKING:
    from studio.cli.terminal import Terminal
    from studio.data.importing.result import ReadResult
    from studio.services.examples.datasets import DatasetService

_STDIN = Path("-")

Columns = list[str] | None
Questions = Annotated[
    Columns,
    typer.Option(
        "--question-column",
        metavar="NAME",
        help="Column with the question. Given several times, the columns are joined, in this order. "
        "Recognised if not given.",
    ),
]
Answers = Annotated[
    Columns,
    typer.Option(
        "--answer-column",
        metavar="NAME",
        help="Column with the answer. Given several times, the columns are joined. Recognised if not given.",
    ),
]
Systems = Annotated[
    Columns,
    typer.Option("--system-column", metavar="NAME", help="Column with an instruction of its own for each example."),
]
Topic = Annotated[
    str | None,
    typer.Option(
        "--topic-column", metavar="NAME", help="Column with the topic, to see both sides of the exam by topic."
    ),
]
Id = Annotated[
    str | None,
    typer.Option(
        "--id-column",
        metavar="NAME",
        help="Column with the ticket or conversation; rows that share it stay on one side of the exam.",
    ),
]
Sheets = Annotated[
    Columns,
    typer.Option(
        "--sheet",
        metavar="NAME",
        help="Sheet of a workbook to read; may be given several times. All of them if not given.",
    ),
]
Company = Annotated[
    str | None,
    typer.Option(
        "--company",
        metavar="NAME",
        help="In an exported chat, the speaker that is the company: the chatbot learns to answer like it.",
    ),
]
Hub = Annotated[
    str | None, typer.Option("--hub", metavar="ORG/NAME", help="Dataset of the Hugging Face hub, such as org/name.")
]
Config = Annotated[
    str | None,
    typer.Option("--config", metavar="NAME", help="Configuration of the dataset of the hub; its first if not given."),
]
Split = Annotated[
    str | None, typer.Option("--split", metavar="NAME", help="Split of the dataset of the hub; train if not given.")
]
Rows = Annotated[
    int, typer.Option("--rows", metavar="N", min=1, help="At most this many rows of the dataset of the hub.")
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="File with the token for a dataset of the hub that asks for one, on one line; or the variable HF_TOKEN.",
    ),
]


def token_of(file: Path | None) -> str | None:
    """The token for the hub: from a file or the environment, because a command line is seen by all users in ``ps``.

    Raises:
        AfinaError: what :func:`studio.cli.session.read_small_file` raises.
    """
    return read_small_file(file, limit=10_000).strip() if file is not None else os.environ.get("HF_TOKEN")


def columns_of(**named: str | list[str] | None) -> Mapping:
    """The columns, sheets and company that the command line names; what it does not name is recognised."""
    return Mapping.model_validate({role: value for role, value in named.items() if value})


@contextmanager
def fetched_files(
    terminal: Terminal, datasets: DatasetService, paths: Sequence[Path], hub: HubDataset
) -> Iterator[tuple[Path, ...]]:
    """The files to read; ``-`` is what comes on standard input, and a dataset of the hub is fetched first.

    Raises:
        AfinaError: what :meth:`HubDataset.fetch` raises; ``data.empty_file`` for an empty input.
    """
    with tempfile.TemporaryDirectory(prefix="afina-") as folder:
        files = [_pasted(Path(folder)) if path == _STDIN else path for path in paths]
        if hub.reference:
            terminal.say("cli.bring.fetching", name=hub.reference)
            files.append(hub.fetch(Path(folder), datasets.workspace.settings.hf_endpoint))
        yield tuple(files)


def _pasted(folder: Path) -> Path:
    """Standard input as a file, byte by byte: its encoding is recognised like that of any other."""
    path = folder / "stdin.txt"
    path.write_bytes(sys.stdin.buffer.read())
    return path


def require_found(wanted: Mapping, read: ReadResult) -> None:
    """Checks that what was named on the command line is in the files.

    Raises:
        AfinaError: ``data.column_missing``, ``data.sheet_missing`` or ``data.speaker_missing``, with those there are.
    """
    columns = {column for file in read.files for column in file.columns}
    missing = next((column for column in wanted.columns if column not in columns), None)
    if missing is not None:
        raise AfinaError("data.column_missing", column=missing)
    sheets = list(dict.fromkeys(file.sheet for file in read.files if file.sheet))
    absent = next((sheet for sheet in wanted.sheets if sheet not in sheets), None)
    if absent is not None:
        raise AfinaError("data.sheet_missing", sheet=absent, known=", ".join(sheets) or "–")
    names = [name for file in read.files for name, _ in file.speakers]
    if wanted.company and wanted.company not in names:
        known = ", ".join(list(dict.fromkeys(names))[:20]) or "–"
        raise AfinaError("data.speaker_missing", company=wanted.company, known=known)
