"""The composition root: settings -> storage -> services -> web. The only place that knows every layer."""

from __future__ import annotations

import os
import sys
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from studio.services import Services
from studio.settings import Settings
from studio.storage.workspace import Workspace, names_full_disk

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from studio.domain.run import RunState
    from studio.i18n import Catalog


def build_services(settings: Settings) -> Services:
    """Opens the workspace and puts the services together. Nothing heavy is imported: no torch, no gradio.

    Raises:
        AfinaError: when the workspace cannot be opened.
    """
    from studio.chat.client import ChatPool
    from studio.services.answer_policies import AnswerPolicyService
    from studio.services.api_keys import ApiKeyService
    from studio.services.browser_answers import BrowserAnswerService
    from studio.services.chats import ChatService
    from studio.services.conversations import ConversationService
    from studio.services.encoders import EncoderService
    from studio.services.examples.background_checks import CheckupService
    from studio.services.examples.checks import CheckService
    from studio.services.examples.datasets import DatasetService
    from studio.services.examples.imports import ImportService
    from studio.services.examples.insights import InsightService
    from studio.services.examples.pruning import PruningService
    from studio.services.examples.splits import SplitService
    from studio.services.examples.table import TableService
    from studio.services.examples.versions import HistoryService
    from studio.services.exports import ExportService
    from studio.services.links import LinkService
    from studio.services.models import ModelService
    from studio.services.projects import ProjectService
    from studio.services.proof.service import ProofService
    from studio.services.proof_changes import ProofChangeService
    from studio.services.proof_reports import ProofReportService
    from studio.services.publication import PublicationService
    from studio.services.publishing import PublishingService
    from studio.services.runs.comparison import ComparisonService
    from studio.services.runs.service import RunService
    from studio.services.runs.state_reader import RunReader
    from studio.services.selectors import SelectorService
    from studio.services.studies.service import StudyService
    from studio.services.suggested_answers import SuggestedAnswerService
    from studio.services.suggestions import SuggestionService
    from studio.services.trusted_answers import TrustedAnswerService
    from studio.services.votes import VoteService
    from studio.services.widgets import WidgetService
    from studio.web.demo.site import site_files
    from studio.web.doors import DemoParts, openers

    workspace = Workspace.open(settings)
    models = ModelService(workspace)
    datasets = DatasetService(workspace)
    encoders = EncoderService(workspace)
    checks = CheckService(datasets, models)
    reader = RunReader()
    imports = ImportService(datasets)
    runs = RunService(workspace, models, datasets, reader=reader)
    proofs = ProofService(workspace)
    votes = VoteService(workspace, proofs)
    tables = TableService(workspace, checks)
    chats, suggested = ChatService(workspace, ChatPool(workspace)), SuggestedAnswerService(workspace, tables)
    policies, selectors = AnswerPolicyService(workspace), SelectorService(workspace)
    trust = TrustedAnswerService(workspace, chats, selectors, policies)
    exports = ExportService(workspace, site_files, BrowserAnswerService(workspace, policies))
    demo = DemoParts(workspace, LinkService(workspace), chats, suggested, trust)
    return Services(
        workspace=workspace,
        projects=ProjectService(workspace, reader),
        models=models,
        datasets=datasets,
        checks=checks,
        checkups=CheckupService(datasets, checks),
        tables=tables,
        history=HistoryService(workspace),
        imports=imports,
        pruning=PruningService(workspace, imports),
        insights=InsightService(datasets, models, checks, encoders),
        splits=SplitService(workspace, datasets.tests),
        runs=runs,
        studies=StudyService(workspace, models, runs),
        comparison=ComparisonService(workspace, runs),
        conversations=ConversationService(workspace),
        chats=chats,
        policies=policies,
        selectors=selectors,
        trust=trust,
        links=demo.links,
        widgets=WidgetService(workspace, demo.links),
        keys=ApiKeyService(workspace),
        publication=PublicationService(workspace, openers(demo)),
        suggestions=SuggestionService(workspace, chats, demo.links),
        suggested=suggested,
        exports=exports,
        publishing=PublishingService(workspace, exports),
        proofs=proofs,
        votes=votes,
        proof_changes=ProofChangeService(runs, proofs),
        reports=ProofReportService(proofs, votes, policies),
    )


def build_app(services: Services) -> FastAPI:
    """The web application: the studio in each language, the demo pages, the password page."""
    from studio.web.server import build_server

    return build_server(services)


def serve(
    settings: Settings,
    *,
    share: bool = False,
    open_browser: bool = True,
    locale: str = "en",
    say: Callable[[str], None],
) -> None:
    """Serves the studio until it is interrupted.

    Args:
        settings: address, port, password, folders.
        share: open a tunnel for the demo pages this time, never for the studio; else what the Share step chose.
        open_browser: open the studio in the browser where this computer has one.
        locale: language of what is said.
        say: receives the lines that a person reads.

    Raises:
        AfinaError: ``serve.password_needed``, ``serve.port_taken``, or when the workspace cannot be opened.
    """
    from studio.i18n import catalog
    from studio.services.cleanup import clean_up
    from studio.services.publication import Reach
    from studio.web.auth import require_password
    from studio.web.log import configure_log
    from studio.web.network import listen

    require_password(settings)
    listener = listen(settings.host, settings.port)
    services = build_services(settings)
    text = catalog(locale)
    try:
        with names_full_disk(settings.home):
            configure_log(settings.home)
            services.runs.when_over(partial(_follow_up, services))
            services.runs.supervise()
            threading.Thread(target=clean_up, args=(services.workspace,), name="clean-up", daemon=True).start()
            threading.Thread(target=services.models.measure_speed, name="speed", daemon=True).start()
            server = _studio_server(services)
        address = f"http://{'127.0.0.1' if settings.host in ('0.0.0.0', '::') else settings.host}:{settings.port}"
        threading.Thread(
            target=_announce, args=(address, text("cli.serve.ready", address=address), open_browser, say), daemon=True
        ).start()
        if share:
            services.publication.choose(Reach.INTERNET, remember=False)
        else:
            services.publication.resume()
        threading.Thread(target=_tell_reach, args=(services, text, say), name="reach", daemon=True).start()
        server.run(sockets=[listener])
    finally:
        services.close()


def _follow_up(services: Services, run_id: str, state: RunState) -> None:
    """What comes by itself after a run: what decides between its answers, in seconds, and its exam where it has one."""
    services.selectors.fit_unasked(run_id, state)
    if services.workspace.settings.exam_after_training:
        services.proofs.start_unasked(run_id, state)


def serve_bots(settings: Settings, *, locale: str = "en", say: Callable[[str], None]) -> None:
    """Serves the API and the demo pages of a workspace, without the studio, until it is interrupted.

    Nothing is trained and nothing tidied: a studio may work on the same workspace.

    Args:
        settings: address, port, folders.
        locale: language of what is said.
        say: receives the lines that a person reads.

    Raises:
        AfinaError: ``serve.port_taken``, or when the workspace cannot be opened.
    """
    from studio.i18n import catalog
    from studio.web.guards import AllowedHosts
    from studio.web.log import configure_log
    from studio.web.network import listen
    from studio.web.server import build_bot_server
    from studio.web.serving import make_server

    listener = listen(settings.host, settings.port)
    services = build_services(settings)
    try:
        configure_log(settings.home)
        hosts = AllowedHosts(settings.public_host_names)
        hosts.add_listener(settings.host)
        server = make_server(build_bot_server(services), hosts, trusted=settings.trusted_proxy_addresses)
        say(catalog(locale)("cli.serve.bots", address=f"http://{settings.host}:{settings.port}"))
        server.run(sockets=[listener])
    finally:
        services.close()


def _studio_server(services: Services) -> uvicorn.Server:
    """The server of the studio, with its uploads in the workspace, where nobody else of this computer looks."""
    settings = services.workspace.settings
    os.environ["GRADIO_TEMP_DIR"] = str(settings.uploads)
    from studio.web.guards import AllowedHosts
    from studio.web.serving import make_server

    settings.uploads.mkdir(mode=0o700, exist_ok=True)
    hosts = AllowedHosts(settings.public_host_names)
    hosts.add_listener(settings.host)
    uploads = (settings.uploads, settings.max_upload_mb)
    return make_server(build_app(services), hosts, trusted=settings.trusted_proxy_addresses, uploads=uploads)


def _tell_reach(services: Services, text: Catalog, say: Callable[[str], None]) -> None:
    """Says where demo links can be opened, or why they cannot, once that is known."""
    from studio.services.publication import PublicationState

    while (now := services.publication.current()).state is PublicationState.STARTING:
        time.sleep(0.2)
    if now.problem is not None:
        say(text.problem(now.problem))
    elif now.address:
        say(text(f"cli.serve.reach.{now.reach.value}", address=now.address))


def can_listen(host: str, port: int) -> bool:
    """Whether the studio could be served there now."""
    from studio.errors import AfinaError
    from studio.web.network import listen

    try:
        listen(host, port).close()
    except AfinaError:
        return False
    return True


def _announce(address: str, line: str, open_browser: bool, say: Callable[[str], None]) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=1):
                break
        except OSError:
            time.sleep(0.1)
    say(line)
    if open_browser and has_browser():
        webbrowser.open(address)


def has_browser() -> bool:
    """Whether a browser can be opened from here, in front of the person who started the studio."""
    if Path("/.dockerenv").exists() or os.environ.get("SSH_CONNECTION") or os.environ.get("CI"):
        return False
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
