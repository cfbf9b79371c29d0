"""Files that a person takes along: the examples of a project as they are now, and a spreadsheet to fill in."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse
from starlette.background import BackgroundTask
from starlette.responses import Response

from studio.data.versions.export import write_template
from studio.errors import AfinaError
from studio.i18n import LOCALES, catalog
from studio.services.container import Services
from studio.services.proof_reports import MEDIA_TYPES
from studio.sharing.proof_report.sentences import file_name as report_name
from studio.storage.trash import is_in_trash

EXAMPLES: Final = "/download/examples"
TEMPLATE: Final = "/download/template"
PROOF: Final = "/download/proof"
_PARTS: Final = ("question", "answer", "topic")
ENDINGS: Final = ("csv", "xlsx", "jsonl")


def add_downloads(app: FastAPI, services: Services) -> None:
    """Serves what can be taken along, behind the studio's password.

    ``/download/examples/PROJECT.ENDING``, ``/download/template/LANGUAGE`` and ``/download/proof/RUN.ENDING``.
    """
    _add_proofs(app, services)

    @app.get(EXAMPLES + "/{name}")
    def examples(name: str) -> Response:
        project_id, _, ending = name.rpartition(".")
        folder = tempfile.mkdtemp(prefix="afina-")
        try:
            if ending not in ENDINGS:
                raise AfinaError("general.not_found", what=name[:80])
            project = services.projects.get(project_id)
            path = services.history.export(project_id, Path(folder) / f"{_file_name(project.name)}.{ending}")
        except AfinaError as error:
            shutil.rmtree(folder, ignore_errors=True)
            return PlainTextResponse(str(error), status_code=404)
        done = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
        return FileResponse(path, filename=path.name, background=done)

    @app.get(TEMPLATE + "/{locale}")
    def template(locale: str) -> Response:
        if locale not in LOCALES:
            return PlainTextResponse("general.not_found", status_code=404)
        text = catalog(locale)
        folder = tempfile.mkdtemp(prefix="afina-")
        path = Path(folder) / f"{text('examples.template.file')}.xlsx"
        titles, *rows = (
            [text(f"examples.template.{row}.{part}") for part in _PARTS] for row in ("title", "first", "second")
        )
        write_template(path, text("examples.template.sheet"), titles, rows, text("examples.template.note"))
        return FileResponse(
            path, filename=path.name, background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
        )


def _add_proofs(app: FastAPI, services: Services) -> None:
    @app.get(PROOF + "/{name}")
    def proof(name: str, language: str = LOCALES[0], against: str | None = None) -> Response:
        run_id, _, ending = name.rpartition(".")
        locale = language if language in LOCALES else LOCALES[0]
        try:
            if is_in_trash(services.workspace.database, run_id):
                raise AfinaError("general.not_found", what=run_id[:80])
            file_name = f"{report_name(services.reports.require(run_id, against))}.{ending}"
            content = services.reports.make(run_id, ending, against, locale)
        except AfinaError as error:
            return PlainTextResponse(catalog(locale).error(error), status_code=404)
        # Never shown on the studio's own address: what models and people wrote is in it.
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file_name)}",
            "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(content, media_type=MEDIA_TYPES[ending], headers=headers)


def _file_name(name: str) -> str:
    """A project's name as a file may be called anywhere."""
    return re.sub(r"[^\w\- ]+", " ", name).strip()[:60] or "examples"
