"""``afina examples``: what files hold, how they are read, what is wrong with them, and the cleaned set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from studio.cli import example_options, examples_report
from studio.cli.session import Json, Usage, open_services, terminal_of
from studio.cli.terminal import Refused, Terminal, errors_of
from studio.data.importing.hub_datasets import HubDataset
from studio.domain.conversation import Conversation
from studio.domain.dataset import Mapping, SplitChoice

if TYPE_CHECKING:
    from studio.data.checks.check import Dataset
    from studio.data.checks.report import Removal
    from studio.data.importing.result import ReadResult
    from studio.data.versions.export import Writer
    from studio.services.examples.datasets import DatasetService

_SHOWN_LETTERS: Final = 60  # of a removed question or answer
_DRAWN_AT_MOST: Final = 5_000  # examples above which the test is only drawn when asked for


Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE…",
        help="Files or folders: CSV, Excel, JSON, Word, web pages, chats…; several make one set. - "
        "reads a pasted table from standard input.",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="Base model whose tokens are counted, to find examples that are too long. It must be installed.",
    ),
]
Share = Annotated[
    int | None,
    typer.Option(
        metavar="PERCENT", min=1, max=50, help="Share of the examples to keep aside for the exam, in percent."
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Draws another test: the same number and examples always give the same one."),
]
Reword = Annotated[
    bool,
    typer.Option(
        "--reword",
        help="Make the exam from your own questions in other words, for when every answer appears only once.",
    ),
]
Fixes = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CODE",
        help="Fix this kind of problem, by its code in the report; all for everything that can be "
        "fixed. May be given several times.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Write the examples here, after the fixes; the ending decides: .csv, .xlsx or .jsonl."
    ),
]


def examples(
    ctx: typer.Context,
    files: Files = None,
    question: example_options.Questions = None,
    answer: example_options.Answers = None,
    system: example_options.Systems = None,
    topic: example_options.Topic = None,
    id_column: example_options.Id = None,
    sheet: example_options.Sheets = None,
    company: example_options.Company = None,
    hub: example_options.Hub = None,
    config: example_options.Config = None,
    split: example_options.Split = None,
    rows: example_options.Rows = 10_000,
    token_file: example_options.TokenFile = None,
    model: Model = None,
    share: Share = None,
    seed: Seed = None,
    reword: Reword = False,
    fix: Fixes = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Read files of examples, say what is wrong with them, and write the cleaned set.

    The files themselves are never changed.

    \b
    afina examples support.csv
    afina examples support.csv faq.docx --model smollm2-135m-instruct --json
    afina examples sac.xlsx --sheet Questions --topic-column Subject
    afina examples chat.txt --company "Coffee House"
    afina examples --hub org/name --config pt --split train --rows 2000
    afina examples - < pasted.txt
    afina examples faq.csv --reword --out with-test.jsonl
    afina examples support.csv --fix all --out clean.jsonl
    afina examples support.csv --fix emails,phones --fix contradictions=longest --out clean.csv
    """
    from studio.data.checks import registry
    from studio.data.versions import export

    terminal = terminal_of(ctx, as_json=as_json)
    wanted = [code for item in fix or [] for code in item.split(",") if code]
    for code in wanted:
        if code != "all":
            registry.parse(code)
    write = export.writer(out.suffix) if out is not None else None
    if not files and not hub:
        raise Usage("cli.examples.no_files")
    columns = example_options.columns_of(
        question=question, answer=answer, system=system, topic=topic, id=id_column, sheets=sheet, company=company
    )
    hub_set = HubDataset(hub or "", config, split, rows, example_options.token_of(token_file))
    drawing = {"share": share / 100 if share is not None else None, "seed": seed}
    choice = SplitChoice.model_validate({name: value for name, value in drawing.items() if value is not None})
    with (
        open_services() as services,
        example_options.fetched_files(terminal, services.datasets, files or [], hub_set) as paths,
    ):
        read = _read(services.datasets, paths, columns)
        conversations, document = _examined(terminal, read, services.checks.examine(read.conversations, model), wanted)
        if len(conversations) <= _DRAWN_AT_MOST or choice.model_fields_set or reword:
            conversations = _drawn(terminal, conversations, choice, reword, document)
        if out is not None and write is not None:
            _write(terminal, write, out, conversations, document)
        terminal.emit(document)


def _read(datasets: DatasetService, paths: Sequence[Path], columns: Mapping) -> ReadResult:
    """What the files hold. Raises ``data.*`` where that is nothing, or not what the command line names."""
    read = datasets.read_paths(paths, columns)
    if not read.conversations and errors_of(read.problems):
        raise Refused(errors_of(read.problems))
    example_options.require_found(columns, read)
    read.require()
    return read


def _examined(
    terminal: Terminal, read: ReadResult, dataset: Dataset, wanted: list[str]
) -> tuple[Sequence[Conversation], dict[str, Any]]:
    """Says what was read and found. Returns the examples once the wanted fixes are made, and the document so far."""
    from studio.data.checks.report import Report

    report = Report.of(dataset)
    document = examples_report.document(terminal, read, dataset, report)
    if terminal.json:
        document |= examples_report.summary(dataset)
    examples_report.say(terminal, read, report)
    return _fixed(terminal, dataset, wanted, document).conversations, document


def _fixed(terminal: Terminal, dataset: Dataset, wanted: list[str], document: dict[str, Any]) -> Dataset:
    """The examples once the fixes are made; what they did, and what is left to decide, goes into the document.

    Args:
        terminal: where it is said.
        dataset: the examples.
        wanted: codes of checks; ``all`` stands for everything that is safe.
        document: to add to.
    """
    from studio.data.checks import registry
    from studio.data.checks.report import Report, changes, removals

    codes = [code for code in wanted if code != "all"]
    if "all" in wanted:
        codes += [code for code in registry.fixable(registry.find_all(dataset)) if code not in codes]
    if not wanted:
        return dataset
    fixed, removed = removals(dataset, codes)
    changed = len(changes(dataset.conversations, fixed.conversations)) - len(removed)
    report = Report.of(fixed)
    left = [f for f in report.findings if registry.get(f.code).fix is not None and not registry.get(f.code).by_default]
    left = [finding for finding in left if finding.code != "company_contacts"]
    document["fixed"] = {
        "codes": codes,
        "changed": changed,
        "removed": len(removed),
        "removed_examples": [_removal(item) for item in removed],
        "left_to_decide": [finding.code for finding in left],
        "score": report.score,
    }
    terminal.say("cli.examples.fixed", changed=changed, removed=len(removed), score=report.score)
    for item in removed:
        where = item.conversation.source
        terminal.say(
            "cli.examples.removed",
            code=item.code,
            where=f"{where.file}: {where.row}" if where else item.conversation.id,
            question=_short(item.conversation.question),
            answer=_short(item.conversation.answer),
        )
    if left:
        terminal.say("cli.examples.left", codes=", ".join(f"{f.code} ({f.count})" for f in left))
    return fixed


def _removal(item: Removal) -> dict[str, Any]:
    source = item.conversation.source
    return {
        "code": item.code,
        "id": item.conversation.id,
        **(source.model_dump(mode="json", exclude_none=True) if source else {}),
        "question": item.conversation.question,
        "answer": item.conversation.answer,
    }


def _short(text: str) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_LETTERS else f"{line[:_SHOWN_LETTERS]}…"


def _drawn(
    terminal: Terminal,
    conversations: Sequence[Conversation],
    choice: SplitChoice,
    reword: bool,
    document: dict[str, Any],
) -> Sequence[Conversation]:
    """Says what would be kept aside for the test; with rewordings, these are added."""
    from studio.data.splitting import paraphrase
    from studio.data.splitting.split import plan

    if reword:
        count = paraphrase.how_many(len(conversations), choice.share)
        chosen = paraphrase.rewordings(conversations, choice.seed, count)
        numbers = [int(c.id[1:]) for c in conversations if c.id[1:].isdecimal()]
        added = paraphrase.held_out_examples(chosen, conversations, max(numbers, default=0) + 1)
        conversations = [*(c.model_copy(update={"held_out": None}) for c in conversations), *added]
        document["reworded"] = [{"id": item.origin, "from": item.original, "to": item.question} for item in chosen]
        for item in chosen:
            terminal.say("cli.examples.reworded", original=item.original, question=item.question)
    found = plan(conversations, choice.seed, choice.share)
    document["split"] = {
        "kind": found.kind.value,
        "train": len(found.train),
        "held_out": [conversation.id for conversation in found.held_out],
        **choice.model_dump(),
    }
    if not terminal.json:
        text = terminal.catalog
        terminal.result("")
        terminal.result(text("cli.examples.split", n=len(found.held_out), total=len(conversations)))
        terminal.result(text(f"examples.split.kind.{found.kind.value}"))
    return conversations


def _write(
    terminal: Terminal, write: Writer, out: Path, conversations: Sequence[Conversation], document: dict[str, Any]
) -> None:
    from studio.data.versions.export import lost_in_table
    from studio.storage.files import atomic_path

    lost = lost_in_table(conversations) if out.suffix.lower() != ".jsonl" else None
    with atomic_path(out) as temporary:
        write(temporary, conversations)
    document["out"] = {"path": str(out), "examples": len(conversations)}
    terminal.say("cli.examples.written", n=len(conversations), path=str(out))
    if lost is not None and (lost.turns or lost.systems):
        document["out"]["left_out"] = {"examples": lost.examples, "earlier_turns": lost.turns, "systems": lost.systems}
        counts = [
            terminal.catalog(f"cli.examples.lost.{name}", n=count)
            for name, count in (("turns", lost.turns), ("systems", lost.systems))
            if count
        ]
        instead = str(out.with_suffix(".jsonl"))
        terminal.say("cli.examples.lost", n=lost.examples, counts=", ".join(counts), suffix=out.suffix, instead=instead)
