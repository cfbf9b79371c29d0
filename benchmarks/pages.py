"""What a click costs on large sets: every page opened, an expert field left, a run started.

    python -m benchmarks.pages [--rows 20000 100000] [--model smollm2-135m-instruct]

The rows are our own text (:mod:`benchmarks.large_rows`). Each line gives the seconds that the handler behind the click
takes in the web process, and how much larger that process is after it than before, in MB.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import psutil

from benchmarks.large_rows import write_csv
from studio.app import build_services
from studio.domain.recipe import Recipe
from studio.i18n import catalog
from studio.services.container import Services
from studio.services.examples.imports import ImportRequest
from studio.settings import Settings
from studio.web.ui import shell
from studio.web.ui.components import Ui
from studio.web.ui.session import STEPS, Place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--models", type=Path, default=Path(".cache/models"))
    arguments = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores")
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(home=Path(folder) / "home", models_dir=arguments.models.resolve())
            services = build_services(settings)
            try:
                _measure(services, rows, arguments.model, Path(folder) / "rows.csv")
            finally:
                services.close()


def _measure(services: Services, rows: int, model: str, path: Path) -> None:
    services.models.wait_installed(model)
    services.runs.supervise = lambda: None  # type: ignore[method-assign]  # nothing trains here
    project = services.projects.create("Large").id
    services.projects.update(project, model_id=model)
    write_csv(path, rows)
    services.imports.start(project, ImportRequest(paths=(path,)))
    while (progress := services.imports.progress(project)) is not None and progress.is_active:
        time.sleep(0.1)
    with gr.Blocks():
        ui = Ui(services, catalog("en"), gr.HTML())
        pages = shell._build_pages(ui)
    print(f"{rows:,} examples")
    for again in (False, True):
        for step in STEPS:
            place = Place(project, step)
            name = f"{step}{', again' if again else ''}"
            timed(name, partial(_show, ui, pages, place))
    recipe = Recipe(model=model, epochs=2.0)
    timed("an expert field left", lambda: _leave_field(services, project, recipe))
    timed("… again", lambda: _leave_field(services, project, recipe))
    timed("test drawn, nobody waits", lambda: services.splits.view(project))
    timed("run started", lambda: services.runs.start(project, recipe))


def _leave_field(services: Services, project: str, recipe: Recipe) -> None:
    services.runs.offers(project, recipe.model, recipe)
    services.runs.problems(recipe, project)


def _show(ui: Ui, pages: Any, place: Place) -> None:
    shell._header(ui, place)
    pages[place.step].show(place)


def timed(name: str, work: Callable[[], object]) -> None:
    process = psutil.Process()
    before, began = process.memory_info().rss, time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    print(f"  {name:24} {seconds:6.2f} s  {(process.memory_info().rss - before) / 1e6:+6.0f} MB", flush=True)


if __name__ == "__main__":
    main()
