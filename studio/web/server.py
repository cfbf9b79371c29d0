"""The web application: the studio in each language, the demo pages and the password page on one server."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse
from starlette.responses import Response

from studio.i18n import LOCALES
from studio.services.container import Services
from studio.settings import assets_dir


def build_bot_server(services: Services) -> FastAPI:
    """The API and the demo pages alone: nothing of the studio is there, so that no password guards it."""
    from studio.web.api import api_app
    from studio.web.demo import demo_app

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    def health() -> PlainTextResponse:
        return PlainTextResponse("ok")

    app.mount("/v1", api_app(services))
    app.mount("/d", demo_app(services, prefix="/d"))
    return app


def build_server(services: Services) -> FastAPI:
    """Mounts everything that is served from one port."""
    from studio.web.api import api_app
    from studio.web.auth import protect
    from studio.web.demo import demo_app
    from studio.web.downloads import add_downloads
    from studio.web.lost import LostPage
    from studio.web.notice_page import locale_of
    from studio.web.ui.shell import mount_studio

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    def health() -> PlainTextResponse:
        return PlainTextResponse("ok")

    @app.get("/favicon.ico")
    def icon() -> FileResponse:
        return FileResponse(assets_dir() / "brand" / "logo.svg", media_type="image/svg+xml")

    @app.get("/")
    def home(request: Request) -> Response:
        locale = locale_of(request)
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/{locale}/{query}", status_code=302)

    add_downloads(app, services)
    app.mount("/v1", api_app(services))
    app.mount("/d", demo_app(services, prefix="/d"))
    for locale in LOCALES:
        mount_studio(app, services, locale)
    app.add_middleware(LostPage)
    protect(app, services.workspace.settings)
    return app
