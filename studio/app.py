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

from studio.settings import Settings
from studio.storage.workspace import Workspace, names_full_disk

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from studio.domain.run import RunState
    from studio.i18n import Catalog
    from studio.services.container import Services


def build_services(settings: Settings) -> Services:
    """Opens the workspace and puts the services together. Nothing heavy is imported: no torch, no gradio.

    Raises:
        AfinaError: when the workspace cannot be opened.
    """
    from studio.services.container import Services
    from studio.web.demo.site import site_files
    from studio.web.doors import openers

    return Services(Workspace.open(settings), site_files, openers)


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
            if settings.exam_after_training:
                services.selectors.when_tuned = services.proofs.count_unasked
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
