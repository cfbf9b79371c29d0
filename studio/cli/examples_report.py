"""The report of ``afina examples``: how files were read, what the checks found, and what the plots count."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from studio.cli.terminal import Terminal
from studio.domain.left_out import left_out, totals

if TYPE_CHECKING:
    from studio.data.checks.check import Dataset, Finding
    from studio.data.checks.report import Report
    from studio.data.importing.result import ReadResult


def say(terminal: Terminal, read: ReadResult, report: Report) -> None:
    """Says how the files were read, what was left out and what the checks found."""
    if terminal.json:
        return
    text = terminal.catalog
    for file in read.files:
        if not file.chosen:
            terminal.result(text("cli.examples.sheet_left_out", file=file.label))
            continue
        terminal.result(
            text("cli.examples.read", file=file.label, n=file.examples, format=text(f"examples.reader.{file.reader}"))
        )
        for role, chosen in file.mapping.model_dump(exclude_defaults=True, exclude={"company", "sheets"}).items():
            columns = (chosen,) if isinstance(chosen, str) else chosen
            terminal.result(text(f"cli.examples.column.{role}", columns=", ".join(columns)))
        if file.speakers:
            said = ", ".join(f"{name} ({count})" for name, count in file.speakers[:10])
            terminal.result(text("cli.examples.speakers", names=said))
    for problem in read.problems:
        terminal.result(f"! {terminal.sentence(problem)}")
    if counts := totals(left_out(read.problems)):
        shown = ", ".join(text(f"examples.left_out.{unit.value}", n=count) for unit, count in counts.items())
        terminal.result(text("examples.left_out.title", counts=shown))
    terminal.result("")
    terminal.result(text("checks.score", score=report.score))
    if not report.findings:
        terminal.result(text("cli.examples.clean"))
    for finding in report.findings:
        terminal.result(f"{finding.code:<18} {_sentence(terminal, finding)}")
    if report.top3:
        terminal.result("")
        terminal.result(text("cli.examples.most_worth"))
        for number, finding in enumerate(report.top3, start=1):
            terminal.result(f"{number}. {text(f'checks.rule.{finding.code}')}")


def _sentence(terminal: Terminal, finding: Finding) -> str:
    return terminal.catalog(f"checks.rule.{finding.code}.found", **finding.params)


def document(terminal: Terminal, read: ReadResult, dataset: Dataset, report: Report) -> dict[str, Any]:
    """The same, and all positions, as values for ``--json``."""
    from studio.data.checks import registry

    return {
        "files": [
            {
                "file": file.label,
                "reader": file.reader,
                "detail": file.detail,
                "columns": list(file.columns),
                "mapping": file.mapping.model_dump(mode="json", exclude_defaults=True),
                "examples": file.examples,
                **({"sheet": file.sheet, "chosen": file.chosen} if file.sheet else {}),
                **({"speakers": dict(file.speakers), "company": read.mapping.company} if file.speakers else {}),
            }
            for file in read.files
        ],
        "examples": report.examples,
        "problems": [terminal.described(problem) for problem in read.problems],
        "left_out": [
            {"unit": item.unit.value, "n": item.n, **terminal.described(item.problem)}
            for item in left_out(read.problems)
        ],
        "score": report.score,
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity.value,
                "message": _sentence(terminal, finding),
                "examples": finding.count,
                "where": [_place(dataset, position) for position in finding.positions],
                "groups": [[_place(dataset, position) for position in group] for group in finding.groups],
                "fixable": registry.get(finding.code).fix is not None,
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


def summary(dataset: Dataset) -> dict[str, Any]:
    """Lengths in tokens (null without ``--model``), languages, topics and groups of near-identical questions."""
    from studio.data.insights.statistics import Insights

    found = Insights.of(dataset)
    return {
        "lengths": asdict(found.lengths) if found.lengths else None,
        "languages": {
            "counts": {code or "unknown": count for code, count in found.languages},
            "looked_at": sum(count for _, count in found.languages),
        },
        "topics": {
            "named": found.topics.named,
            "count": len(found.topics.topics),
            "single_phrasing": [topic.first for topic in found.topics.single],
            "topics": [asdict(topic) for topic in found.topics.topics],
        },
        "repeated_questions": [{"ids": list(group.ids), "answers": group.answers} for group in found.copies],
    }
