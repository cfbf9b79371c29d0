"""``afina answer``: a file of questions answered in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studio.cli.session import Json, open_services, terminal_of


def answer(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="cli.run_id")],
    questions: Annotated[Path, typer.Option(metavar="FILE", help="cli.answer.questions")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="cli.answer.out")],
    base: Annotated[bool, typer.Option("--base", help="cli.base")] = False,
    column: Annotated[str, typer.Option(metavar="NAME", help="cli.answer.column")] = "answer",
    question_column: Annotated[str | None, typer.Option(metavar="NAME", help="cli.answer.question_column")] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=8, metavar="N", help="cli.answer.batch_size")] = 8,
    as_json: Json = False,
) -> None:
    """Adds a column of answers to a CSV of questions; the same questions give the same answers."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from studio.cli.questions import QuestionTable

    terminal = terminal_of(ctx, as_json=as_json)
    table = QuestionTable.read(questions)
    table.require_free(column)
    texts = table.questions(question_column)
    asked = [text for text in texts if text]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with open_services() as services, terminal.progress(*columns) as bar:
        task = bar.add_task(terminal.catalog("cli.answer.working"), total=len(asked))
        said = iter(
            services.chats.answer_all(
                run,
                asked,
                base=base,
                batch_size=batch_size,
                on_progress=lambda done, _total: bar.update(task, completed=done),
            )
        )
    table.with_column(column, [next(said) if text else "" for text in texts]).write(out)
    skipped = len(texts) - len(asked)
    if skipped:
        terminal.say("cli.answer.skipped", n=skipped)
    terminal.emit({"run": run, "out": str(out), "column": column, "answered": len(asked), "skipped": skipped})
    terminal.result(str(out))
