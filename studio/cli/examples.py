"""``afina examples``: what files hold, how they are read, what is wrong with them, and the cleaned set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli.session import Json, open_services, terminal_of
from studio.cli.terminal import Refused, Terminal, errors_of
from studio.domain.dataset import Mapping

if TYPE_CHECKING:
    from studio.data.checks.base import Dataset, Finding
    from studio.data.checks.report import Report
    from studio.data.reading import ReadResult


def examples(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="cli.examples.files")],
    model: Annotated[str | None, typer.Option(metavar="ID", help="cli.examples.model")] = None,
    fix: Annotated[list[str] | None, typer.Option(metavar="CODE", help="cli.examples.fix")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="cli.examples.out")] = None,
    as_json: Json = False,
) -> None:
    """Reads and checks files with the engine of the screens; nothing is changed but the file named by ``--out``."""
    from studio.data import checks, writing
    from studio.data.checks.report import Report, changes
    from studio.storage.files import atomic_path

    terminal = terminal_of(ctx, as_json=as_json)
    wanted = [code for item in fix or [] for code in item.split(",") if code]
    for code in wanted:
        if code != "all":
            checks.parse(code)
    write = writing.writer(out.suffix) if out is not None else None
    with open_services() as services:
        read = services.datasets.read_paths(files)
        if not read.conversations and errors_of(read.problems):
            raise Refused(errors_of(read.problems))
        read.require()
        dataset = services.checks.examine(read.conversations, model)
        report = Report.of(dataset)
        codes = checks.fixable(report.findings) if "all" in wanted else wanted
        fixed = checks.fix_all(dataset, codes)
        document = _document(terminal, read, dataset, report)
        _say(terminal, read, report)
        if codes:
            changed = changes(dataset.conversations, fixed.conversations)
            removed = sum(change.after is None for change in changed)
            score = Report.of(fixed).score
            document["fixed"] = {"codes": codes, "changed": len(changed) - removed, "removed": removed, "score": score}
            terminal.say("cli.examples.fixed", changed=len(changed) - removed, removed=removed, score=score)
        if out is not None and write is not None:
            with atomic_path(out) as temporary:
                write(temporary, fixed.conversations)
            document["out"] = {"path": str(out), "examples": len(fixed)}
            terminal.say("cli.examples.written", n=len(fixed), path=str(out))
        terminal.emit(document)


def _say(terminal: Terminal, read: ReadResult, report: Report) -> None:
    if terminal.json:
        return
    text = terminal.catalog
    for file in read.files:
        terminal.result(
            text("cli.examples.read", file=file.file, n=file.examples, format=text(f"reader.{file.reader}"))
        )
        for role, columns in _columns(file.mapping).items():
            terminal.result(text(f"cli.examples.column.{role}", columns=", ".join(columns)))
    for problem in read.problems:
        terminal.result(f"! {terminal.sentence(problem)}")
    terminal.result("")
    terminal.result(text("checks.score", score=report.score))
    if not report.findings:
        terminal.result(text("checks.clean"))
    for finding in report.findings:
        terminal.result(f"{finding.code:<18} {_sentence(terminal, finding)}")
    if report.top3:
        terminal.result("")
        terminal.result(text("checks.most_worth"))
        for number, finding in enumerate(report.top3, start=1):
            terminal.result(f"{number}. {text(f'check.{finding.code}')}")


def _columns(mapping: Mapping) -> dict[str, tuple[str, ...]]:
    found = {
        "question": mapping.question,
        "answer": mapping.answer,
        "system": mapping.system,
        "topic": (mapping.topic,) if mapping.topic else (),
        "held_out": (mapping.held_out,) if mapping.held_out else (),
    }
    return {role: columns for role, columns in found.items() if columns}


def _sentence(terminal: Terminal, finding: Finding) -> str:
    return terminal.catalog(f"check.{finding.code}.found", **finding.params)


def _document(terminal: Terminal, read: ReadResult, dataset: Dataset, report: Report) -> dict[str, Any]:
    from studio.data import checks

    return {
        "files": [
            {
                "file": file.file,
                "reader": file.reader,
                "detail": file.detail,
                "columns": list(file.columns),
                "mapping": file.mapping.model_dump(mode="json", exclude_defaults=True),
                "examples": file.examples,
            }
            for file in read.files
        ],
        "examples": report.examples,
        "problems": [terminal.described(problem) for problem in read.problems],
        "score": report.score,
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity.value,
                "message": _sentence(terminal, finding),
                "examples": len(finding.positions),
                "where": [_place(dataset, position) for position in finding.positions],
                "groups": [[_place(dataset, position) for position in group] for group in finding.groups],
                "fixable": checks.get(finding.code).fix is not None,
                "params": finding.params,
            }
            for finding in report.findings
        ],
        "most_worth": [finding.code for finding in report.top3],
    }


def _place(dataset: Dataset, position: int) -> dict[str, Any]:
    conversation = dataset.conversations[position]
    place: dict[str, Any] = {"id": conversation.id}
    if conversation.source is not None:
        place |= conversation.source.model_dump(mode="json", exclude_none=True)
    return place
