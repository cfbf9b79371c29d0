"""``afina search`` and ``afina folds``: which settings suit the examples, and how sure the result is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli import recipes
from studio.cli.models import ensure_installed
from studio.cli.progress import follow
from studio.cli.session import AcceptLicence, Json, Usage, open_services, terminal_of
from studio.cli.terminal import Refused, Terminal
from studio.domain.problem import Problem
from studio.domain.recipe import Preset, Recipe
from studio.domain.run import RunState
from studio.domain.study import StudyView, Trial

if TYPE_CHECKING:
    from studio.services.container import Services
    from studio.services.studies.service import StudyService


def search(
    ctx: typer.Context,
    recipe_file: recipes.RecipeFile = None,
    data: recipes.Data = None,
    model: recipes.Model = None,
    preset: recipes.PresetName = None,
    minutes: Annotated[float, typer.Option(metavar="N", help="How long it may take.")] = 15.0,
    choices: recipes.Choices = None,
    accept_licence: AcceptLicence = False,
    as_json: Json = False,
) -> None:
    """Look for the settings that suit your examples best: learning rate, rank and passes.

    Several settings are tried for a short while, and the better ones continue. It ends in a recommendation,
    printed last as options of afina train. The held-out examples are not used. Ctrl+C stops it with what it has
    found so far.

    \b
    afina search --data support.csv --minutes 15
    afina search recipe.json --minutes 60
    """
    terminal = terminal_of(ctx, as_json=as_json)
    values = _values(recipe_file, data, model, preset, choices)
    with open_services() as services:

        def start(project_id: str, recipe: Recipe) -> str:
            return services.studies.start_search(project_id, recipe, minutes, terminal.catalog.locale)

        view = _carried_out(terminal, services, values, accept_licence, start)
        if view.recommendation is not None:
            found = services.studies.recipe(view.id)
            names = ("learning_rate", "rank", "alpha", "epochs")
            terminal.result(" ".join(f"--set {name}={getattr(found, name):g}" for name in names))


def folds(
    ctx: typer.Context,
    recipe_file: recipes.RecipeFile = None,
    data: recipes.Data = None,
    model: recipes.Model = None,
    preset: recipes.PresetName = None,
    parts: Annotated[
        int, typer.Option("--folds", metavar="K", help="Parts that the examples are divided into; each is asked once.")
    ] = 5,
    choices: recipes.Choices = None,
    accept_licence: AcceptLicence = False,
    as_json: Json = False,
) -> None:
    """Ask every example once, after learning from the others only, and print how many are right, part by part.

    For few examples this tells more than a single test. Ctrl+C stops it with what it has found so far.

    \b
    afina folds --data support.csv --folds 5
    """
    terminal = terminal_of(ctx, as_json=as_json)
    values = _values(recipe_file, data, model, preset, choices)
    with open_services() as services:

        def start(project_id: str, recipe: Recipe) -> str:
            return services.studies.start_folds(project_id, recipe, parts, terminal.catalog.locale)

        _carried_out(terminal, services, values, accept_licence, start)


def _values(
    recipe_file: Path | None, data: list[Path] | None, model: str | None, preset: Preset | None, choices: Any
) -> dict[str, Any]:
    given = {"data": recipes.absolute(data), "model": model, "preset": preset.value if preset else None}
    values = recipes.fields_of(recipe_file, given, choices)
    if not values.get("data"):
        raise Usage("cli.train.no_data")
    return values


def _carried_out(
    terminal: Terminal,
    services: Services,
    values: dict[str, Any],
    accept_licence: bool,
    start: Callable[[str, Recipe], str],
) -> StudyView:
    """Starts a study on the files that the values name, in a project made for them, and shows it to its end."""
    values.setdefault("model", services.models.recommended(terminal.catalog.locale))
    recipe = recipes.checked(terminal, services, values)
    ensure_installed(terminal, services, recipe.model, accept_licence=accept_licence)
    with services.runs.project_of_files(recipe, terminal.catalog.locale) as (project_id, stored):
        study_id = start(project_id, stored)
    return _watched(terminal, services.studies, study_id)


def _watched(terminal: Terminal, studies: StudyService, study_id: str) -> StudyView:
    """Shows a study until it is over. The first Ctrl+C stops it with what it has found, the second one leaves it."""
    scores = 0
    with terminal.progress() as bar:
        task = bar.add_task("", total=1.0, rest="")

        def look() -> StudyView:
            nonlocal scores
            view = studies.view(study_id)
            rest = "" if view.seconds_left is None else terminal.catalog.duration(view.seconds_left)
            name = terminal.catalog("cli.study.trial", number=view.current or 0) if view.current else view.name
            bar.update(task, completed=view.progress, description=name, rest=rest)
            if (now := sum(len(trial.scores) for trial in view.trials)) != scores:
                scores = now
                terminal.emit(_document(view))
            return view

        view = follow(look, lambda: studies.stop(study_id))
    _told(terminal, view)
    return view


def _told(terminal: Terminal, view: StudyView) -> None:
    terminal.emit(_document(view))
    if view.state is RunState.FAILED:
        raise Refused([view.problem or Problem(code="run.end_unknown")])
    text = terminal.catalog
    names = ("trial", "rate", "rank", "passes", "right", "loss", "state")
    if not terminal.json:
        terminal.table([text(f"cli.study.column.{name}") for name in names], [_row(terminal, t) for t in view.trials])
    for line in view.advice:
        terminal.say(line.key, **line.params)


def _row(terminal: Terminal, trial: Trial) -> list[str]:
    text, score = terminal.catalog, trial.score
    return [
        str(trial.number),
        f"{trial.settings.learning_rate:.2g}",
        str(trial.settings.rank),
        f"{text.number(score.passes if score else 0.0, 1)}/{trial.settings.epochs:g}",
        f"{score.right}/{score.asked}" if score and score.right is not None else "-",
        text.number(score.loss, 3) if score and score.loss is not None else "-",
        text(f"train.study.trial.{trial.state}"),
    ]


def _document(view: StudyView) -> dict[str, Any]:
    return view.model_dump(mode="json", exclude={"recipe", "curve"})
