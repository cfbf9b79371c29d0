"""``afina answer``: a file of questions answered in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studio.cli.session import Json, open_services, terminal_of


def answer(
    ctx: typer.Context,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Id of a run, as afina runs lists it and afina train prints it.")
    ],
    questions: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV or TSV file with a header and a column of questions.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write; replaced only when all answers are there.")],
    base: Annotated[
        bool, typer.Option("--base", help="Ask the base model instead: the same questions, before the tuning.")
    ] = False,
    column: Annotated[str, typer.Option(metavar="NAME", help="Name of the new column.")] = "answer",
    question_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the column of questions; normally recognised by its header."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, max=8, metavar="N", help="Questions answered at the same time; eight at most.")
    ] = 8,
    as_json: Json = False,
) -> None:
    """Answer every question of a CSV file, and write the file again with a column of answers.

    All other columns stay as they are. The same questions give the same answers each time.

    \b
    afina answer run-4f1c09ab33d2 --questions questions.csv --out answered.csv
    """
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
