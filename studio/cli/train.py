"""``afina train``: from a recipe or a file of examples to a tuned chatbot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli import example_options, recipes
from studio.cli.models import ensure_installed
from studio.cli.progress import watch
from studio.cli.runs import summary
from studio.cli.session import AcceptLicence, Json, Usage, open_services, terminal_of
from studio.cli.terminal import Refused, Terminal, errors_of
from studio.data.importing.hub_datasets import HubDataset
from studio.domain.dataset import Mapping
from studio.domain.problem import Problem
from studio.domain.recipe import Recipe, parse_recipe
from studio.domain.run import RunState, RunView

if TYPE_CHECKING:
    from studio.services.examples.datasets import DatasetService


def train(
    ctx: typer.Context,
    recipe_file: recipes.RecipeFile = None,
    data: recipes.Data = None,
    model: recipes.Model = None,
    preset: recipes.PresetName = None,
    held_out: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="File of examples for the exam, never trained on; without it, some of the others are set aside.",
        ),
    ] = None,
    system_prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the model is told before each question.")
    ] = None,
    question: example_options.Questions = None,
    answer: example_options.Answers = None,
    system_column: example_options.Systems = None,
    id_column: example_options.Id = None,
    sheet: example_options.Sheets = None,
    company: example_options.Company = None,
    hub: example_options.Hub = None,
    config: example_options.Config = None,
    split: example_options.Split = None,
    rows: example_options.Rows = 10_000,
    token_file: example_options.TokenFile = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Name of the run in the studio.")] = None,
    choices: recipes.Choices = None,
    accept_licence: AcceptLicence = False,
    as_json: Json = False,
) -> None:
    """Train a chatbot on your examples and print the id of the run, last and alone on its line.

    The examples are a CSV, TSV, XLSX, JSON or JSONL file with questions and answers. The run shows in the
    studio too. Ctrl+C asks it to stop and keeps the best so far. A recipe is a JSON file with the same choices.

    \b
    afina train --data support.csv --model smollm2-135m-instruct --preset quick
    afina train recipe.json --set epochs=8 --set rank=16
    afina train --data sac.xlsx --sheet Questions --question-column Subject --question-column Question
    afina train --hub org/name --rows 2000
    afina train --data faq.csv --set held_out_share=0.2
    """
    terminal = terminal_of(ctx, as_json=as_json)
    columns = example_options.columns_of(
        question=question, answer=answer, system=system_column, id=id_column, sheets=sheet, company=company
    )
    given: dict[str, Any] = {
        "model": model,
        "preset": preset.value if preset else None,
        "held_out": recipes.absolute(held_out),
        "system_prompt": system_prompt,
        "columns": columns.model_dump(exclude_defaults=True),
    }
    values = recipes.fields_of(recipe_file, given, choices)
    if not data and not hub and not values.get("data"):
        raise Usage("cli.train.no_data")
    hub_set = HubDataset(hub or "", config, split, rows, example_options.token_of(token_file))
    with (
        open_services() as services,
        example_options.fetched_files(terminal, services.datasets, data or [], hub_set) as paths,
    ):
        if paths:
            values["data"] = recipes.absolute(paths)
        values.setdefault("model", services.models.recommended(terminal.catalog.locale))
        if (readable := parse_recipe(values)[0]) is not None:
            _check_files(terminal, services.datasets, readable)
        recipe = recipes.checked(terminal, services, values)
        ensure_installed(terminal, services, recipe.model, accept_licence=accept_licence)
        run_id = services.runs.start_from_files(recipe, name, locale=terminal.catalog.locale)
        terminal.emit({"run": run_id, "state": RunState.QUEUED.value})
        _finish(terminal, watch(terminal, services.runs, run_id))


def _finish(terminal: Terminal, view: RunView) -> None:
    result = view.result
    if view.state is RunState.FAILED:
        terminal.emit(summary(view))
        unexplained = Problem(code="cli.train.failed", params={"run": view.id})
        raise Refused([result.problem if result and result.problem else unexplained])
    if view.state is RunState.PAUSED:
        terminal.say("cli.train.paused", run=view.id)
        terminal.warn([view.paused_by] if view.paused_by else [])
    if result is not None:
        spent = terminal.catalog.duration(result.seconds)
        terminal.say(f"cli.train.{view.state}", time=spent, steps=result.steps)
        if result.best_loss is not None and result.best_step is not None:
            loss = terminal.catalog.number(result.best_loss, 3)
            terminal.say("cli.train.best", step=result.best_step, loss=loss)
        if result.adapter is not None:
            terminal.say("cli.train.next", run=view.id)
    terminal.emit(summary(view))
    terminal.result(view.id)


def _check_files(terminal: Terminal, datasets: DatasetService, recipe: Recipe) -> None:
    """Refuses files that cannot be read, and names the rows that are left out of the others."""
    for entries in (recipe.data, recipe.held_out):
        files = [Path(entry) for entry in entries if not entry.startswith(recipes.STORED)]
        if not files:
            continue
        read = datasets.read_paths(files, recipe.columns)
        if errors_of(read.problems):
            raise Refused(errors_of(read.problems))
        if entries is recipe.data:
            example_options.require_found(recipe.columns or Mapping(), read)
        read.require()
        terminal.warn(read.problems)
