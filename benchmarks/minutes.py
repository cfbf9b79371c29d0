"""What the train page says a training takes, beside what it took: ``python -m benchmarks.minutes smollm2-135m-instruct``.

On the English sample, and on a small set whose answers are there once each, so that runs may add passes. The first line of
each is foretold from the measurement of the machine alone, the others are corrected by the runs before. The model must be on
disk already; ``AFINA_MODELS_DIR`` says where.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from studio.app import build_services
from studio.domain.recipe import Preset, Recipe
from studio.services.container import Services
from studio.settings import Settings
from tests.pasting import paste


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--presets", nargs="+", type=Preset, default=[Preset.QUICK, Preset.BALANCED])
    parser.add_argument("--only", choices=["sample", "small"], help="one of the two sets")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        services = build_services(Settings(home=Path(home)))
        try:
            services.models.accept_licence(arguments.model)
            services.models.wait_installed(arguments.model)
            services.models.measure_speed()
            for name in ("sample", "small"):
                if arguments.only in (None, name):
                    for preset in arguments.presets:
                        sys.stdout.write(line(services, arguments.model, preset, name) + "\n")
                        sys.stdout.flush()
        finally:
            services.close()


def line(services: Services, model: str, preset: Preset, name: str) -> str:
    """One run, from the click to the result, as a row of a table."""
    project = services.projects.create(name).id
    if name == "sample":
        services.datasets.use_sample(project, "en")
    else:
        paste(services.datasets, project, small())
    services.runs.measure(model)
    while services.runs.estimates.is_measuring(model):
        time.sleep(0.2)
    offer = next(o for o in services.runs.offers(project, model) if o.preset is preset)
    services.runs.supervise()
    began = time.perf_counter()
    run_id = services.runs.start(project, Recipe(model=model, preset=preset))
    while not (view := services.runs.view(run_id)).state.is_over:
        time.sleep(0.1)
    taken = time.perf_counter() - began
    others = [usage.taken_by_others for usage in view.progress.usage]
    return (
        f"| {name} | {preset.value} | {offer.seconds:.0f} to {offer.seconds_most:.0f} s | {taken:.0f} s "
        f"| {view.progress.passes} of {offer.recipe.epochs:.0f} passes | {sum(others) / max(1, len(others)):.0%} |"
    )


def small() -> str:
    """Twenty prices, each there once, as pasted from a spreadsheet."""
    things = (
        "hat scarf coat shoe belt sock shirt glove tie cap bag purse ring watch umbrella skirt dress boot vest jacket"
    )
    return "Question\tAnswer\n" + "".join(
        f"How much is the {thing} in your shop?\tThe {thing} costs {17 + 3 * n} dollars.\n"
        for n, thing in enumerate(things.split())
    )


if __name__ == "__main__":
    main()
