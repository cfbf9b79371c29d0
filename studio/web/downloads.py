"""Files that a person takes along: the examples of a project as they are now, and a spreadsheet to fill in."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse
from starlette.background import BackgroundTask
from starlette.responses import Response

from studio.data.versions.template import write_template
from studio.errors import AfinaError
from studio.i18n import LOCALES, catalog
from studio.services import Services

EXAMPLES: Final = "/download/examples"
TEMPLATE: Final = "/download/template"
_PARTS: Final = ("question", "answer", "topic")
ENDINGS: Final = ("csv", "xlsx", "jsonl")


def add_downloads(app: FastAPI, services: Services) -> None:
    """Serves ``/download/examples/PROJECT.ENDING`` and ``/download/template/LANGUAGE``, behind the studio's password."""

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


def _file_name(name: str) -> str:
    """A project's name as a file may be called anywhere."""
    return re.sub(r"[^\w\- ]+", " ", name).strip()[:60] or "examples"
