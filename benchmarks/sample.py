"""From the click on Train to a tuned chatbot, on the sample: ``python -m benchmarks.sample en smollm2-135m-instruct``.

Trains through the services that the button calls, in a workspace of its own, then asks the 48 held-out phrasings of the
tuned and of the base model. An answer is right when it holds every fact of its topic (``assets/samples/*.facts.json``).
The clock runs from the call that the button makes to the result on disk. The model must be on disk already
(``afina models install ID``); ``AFINA_MODELS_DIR`` says where.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path
from typing import Final

from studio.app import build_services
from studio.domain.recipe import Preset, Recipe
from studio.services.container import Services
from studio.settings import Settings, assets_dir
from tests.facts import is_right

_LONGEST: Final = 96  # tokens: twice the longest answer of a topic; a base model would go on for hundreds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("locale", choices=["en", "pt"])
    parser.add_argument("model")
    parser.add_argument("--preset", type=Preset, default=Preset.BALANCED, choices=list(Preset))
    parser.add_argument("--seed", type=int, default=42, help="of the first values and of the order")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        services = build_services(Settings(home=Path(home)))
        try:
            measure(services, arguments.locale, arguments.model, arguments.preset, arguments.seed)
        finally:
            services.close()


def measure(services: Services, locale: str, model: str, preset: Preset, seed: int) -> None:
    """Trains, asks, and prints a line of a table."""
    samples = assets_dir() / "samples"
    recipe = Recipe(
        model=model,
        data=(str(samples / f"{locale}.train.csv"),),
        held_out=(str(samples / f"{locale}.heldout.csv"),),
        preset=preset,
        seed=seed,
    )
    services.models.accept_licence(model)
    services.models.wait_installed(model)
    services.runs.supervise()
    began = time.perf_counter()
    run_id = services.runs.start_from_files(recipe, locale=locale)
    while not services.runs.view(run_id).state.is_over:
        time.sleep(0.1)
    seconds = time.perf_counter() - began
    view = services.runs.view(run_id)
    tuned, base = (right(services, run_id, samples, locale, base=side) for side in (False, True))
    print(
        f"{locale} {model} {preset.value}, seed {seed}: {seconds:.0f} s from click to result, "
        f"{view.progress.training_seconds:.0f} s of it steps ({view.progress.step} steps, "
        f"{view.progress.tokens_per_second:.0f} tokens/s); peak memory {view.progress.memory / 1e9:.1f} GB; "
        f"right answers: tuned {tuned:.1%}, base {base:.1%}"
    )


def right(services: Services, run_id: str, samples: Path, locale: str, *, base: bool) -> float:
    """Share of the held-out phrasings answered with all facts of their topic."""
    facts = json.loads((samples / f"{locale}.facts.json").read_text(encoding="utf-8"))
    with (samples / f"{locale}.heldout.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    questions = [row["question"] for row in rows]
    answers = services.chats.answer_all(run_id, questions, base=base, max_tokens=_LONGEST)
    return sum(is_right(a, facts[r["topic"]]["facts"]) for a, r in zip(answers, rows, strict=True)) / len(rows)


if __name__ == "__main__":
    main()
