"""``afina answer``: a file of questions answered in one go."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli.session import Alone, Base, Careful, Json, RunId, open_services, terminal_of

if TYPE_CHECKING:
    from studio.cli.terminal import Terminal
    from studio.services.trusted_answers import TrustedAnswers


def answer(
    ctx: typer.Context,
    run: RunId,
    questions: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV or TSV file with a header and a column of questions.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write; replaced only when all answers are there.")],
    base: Base = False,
    alone: Alone = False,
    careful: Careful = None,
    column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the new column: answer, or answer_2 where that is taken."),
    ] = None,
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

    All other columns stay as they are. The same questions give the same answers each time. Each question is answered in
    one of three ways, named in a column of its own: known (your own answer to the letter), written (by the tuned model), or
    handed_over (to a person, where neither is sure enough).

    \b
    afina answer run-4f1c09ab33d2 --questions questions.csv --out answered.csv
    afina answer run-4f1c09ab33d2 --questions questions.csv --out answered.csv --careful 0.05
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from studio.cli.questions import QuestionTable
    from studio.services.answer_policies import ALONE
    from studio.services.trusted_answers import TrustedAnswer

    terminal = terminal_of(ctx, as_json=as_json)
    table = QuestionTable.read(questions)
    if column is not None:
        table.require_free(column)
    name = column or table.free_name("answer")
    if name != (column or "answer"):
        terminal.say("cli.answer.renamed", column=name)
    texts = table.questions(question_column)
    asked = [text for text in texts if text]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with open_services() as services, terminal.progress(*columns) as bar:
        task = bar.add_task(terminal.catalog("cli.answer.working"), total=len(asked))

        def advance(done: int, _total: int) -> None:
            bar.update(task, completed=done)

        careful = services.policies.of_run(run).careful if careful is None else careful
        if base or alone or careful >= ALONE:
            said = services.chats.answer_all(run, asked, base=base, batch_size=batch_size, on_progress=advance)
            done = None
        else:
            done = services.trust.answer_all(run, asked, careful, batch_size, advance)
    given = iter(done.answers if done is not None else [TrustedAnswer(text=text) for text in said])
    rows = [next(given) if text else TrustedAnswer() for text in texts]
    made = table.with_column(name, [row.text for row in rows])
    if done is not None:
        made = made.with_column(made.free_name(f"{name}_how"), [row.how for row in rows])
        made = made.with_column(made.free_name(f"{name}_confidence"), [row.shown_confidence for row in rows])
        made = made.with_column(made.free_name(f"{name}_source"), [row.source for row in rows])
    made.write(out)
    skipped = len(texts) - len(asked)
    if skipped:
        terminal.say("cli.answer.skipped", n=skipped)
    summary = {"run": run, "out": str(out), "column": name, "answered": len(asked), "skipped": skipped}
    if done is not None:
        summary |= _report_ways(terminal, careful, done)
    terminal.emit(summary)
    terminal.result(str(out))


def _report_ways(terminal: Terminal, careful: float, done: TrustedAnswers) -> dict[str, Any]:
    """Says how the answers came about and what was promised, and returns the same as JSON values."""
    ways, curve = Counter(answer.how for answer in done.answers), done.curve
    terminal.say("cli.answer.ways", known=ways["known"], written=ways["written"], handed_over=ways["handed_over"])
    if curve is None:
        terminal.warn([done.problem] if done.problem else [])
        return {"ways": dict(ways), "problem": done.problem.code if done.problem else None}
    level = curve.level(careful)
    terminal.say(
        "cli.answer.level" if level.is_promised else "cli.answer.level_unproved",
        careful=f"{100 * level.careful:g}",
        answered=round(100 * level.answered),
        rest=100 - round(100 * level.answered),
        certainty=round(100 * curve.certainty),
        n=curve.questions,
    )
    return {"ways": dict(ways), "level": level.model_dump(mode="json"), "certainty": curve.certainty}
