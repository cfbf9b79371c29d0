"""From the click on Train to a tuned chatbot, on the sample: ``python -m benchmarks.sample en smollm2-135m-instruct``.

Trains through the services that the button calls, in a workspace of its own, then asks the 48 held-out phrasings of the
tuned and of the base model. An answer is right when it holds every fact of its topic (``assets/samples/*.facts.json``).
The clock runs from the call that the button makes to the result on disk. The model must be on disk already
(``afina models install ID``); ``AFINA_MODELS_DIR`` says where. ``--home`` keeps the workspace, and ``--run`` asks a run in it
again without training. ``--ways`` also counts what customers get: right, wrong and handed over, with the facts that are in no
answer of the owner's, beside the tuned model alone and beside the likeliest of the owner's answers without any threshold; the
questions of ``studio/data/question_sets`` that are beyond the examples; and the exam's questions that only "none of these"
keeps from an answer.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from studio.app import build_services
from studio.data.question_sets.loader import out_of_scope_questions
from studio.domain.recipe import Preset, Recipe
from studio.evaluation.fact_check import FactIndex
from studio.services.container import Services
from studio.settings import Settings, assets_dir
from studio.trust.decision import AnswerKind
from studio.trust.jobs import selector_folder
from tests.facts import is_right

_LONGEST: Final = 96  # tokens: twice the longest answer of a topic; a base model would go on for hundreds
_CAREFUL: Final = (0.02, 0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("locale", choices=["en", "pt"])
    parser.add_argument("model")
    parser.add_argument("--preset", type=Preset, default=Preset.BALANCED, choices=list(Preset))
    parser.add_argument("--seed", type=int, default=42, help="of the first values and of the order")
    parser.add_argument("--home", type=Path, help="folder of the workspace, to keep it")
    parser.add_argument("--run", help="id of a run in the workspace that is asked, in place of training one")
    parser.add_argument("--ways", action="store_true", help="also count what customers get")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        services = build_services(Settings(home=arguments.home or Path(home)))
        try:
            run_id = arguments.run or train(
                services, arguments.locale, arguments.model, arguments.preset, arguments.seed
            )
            if arguments.ways:
                count_ways(services, run_id, arguments.locale)
        finally:
            services.close()


def train(services: Services, locale: str, model: str, preset: Preset, seed: int) -> str:
    """Trains, asks, prints a line of a table, and returns the id of the run."""
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
    rows, questions = held_out(locale)
    shares = []
    for base in (False, True):
        answers = services.chats.answer_all(run_id, questions, base=base, max_tokens=_LONGEST)
        shares.append(sum(right(locale, rows, answers)) / len(rows))
    print(
        f"{locale} {model} {preset.value}, seed {seed}: {seconds:.0f} s from click to result, "
        f"{view.progress.training_seconds:.0f} s of it steps ({view.progress.step} steps, "
        f"{view.progress.tokens_per_second:.0f} tokens/s); peak memory {view.progress.memory / 1e9:.1f} GB; "
        f"right answers: tuned {shares[0]:.1%}, base {shares[1]:.1%}; {run_id}"
    )
    return run_id


def held_out(locale: str) -> tuple[list[dict[str, str]], list[str]]:
    """The rows of the sample's exam, and their questions."""
    with (assets_dir() / "samples" / f"{locale}.heldout.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, [row["question"] for row in rows]


def right(locale: str, rows: Sequence[dict[str, str]], answers: Sequence[str]) -> list[bool]:
    """Which answers hold all facts of their topic."""
    facts = json.loads((assets_dir() / "samples" / f"{locale}.facts.json").read_text(encoding="utf-8"))
    return [is_right(said, facts[row["topic"]]["facts"]) for said, row in zip(answers, rows, strict=True)]


def count_ways(services: Services, run_id: str, locale: str) -> None:
    """Prints a line for each way to answer the exam."""
    from studio.trust.jobs import trust_job
    from studio.trust.selector import answer_confidence
    from studio.trust.worker import fitted_selector

    began = time.perf_counter()
    services.selectors.fit(run_id)
    while any(
        job is not None and job.is_active
        for job in (services.selectors.progress(run_id), services.selectors.tuning(run_id))
    ):
        time.sleep(0.2)
    folder = selector_folder(services.workspace.run(run_id))
    print(f"{locale}: examples read and encoder tuned in {time.perf_counter() - began:.0f} s, decides: {folder.name}")
    rows, questions = held_out(locale)
    owned = FactIndex(row["answer"] for row in rows)  # the exam has an answer of each topic: all there are

    def report(name: str, answers: Sequence[str], handed_over: Sequence[bool], beyond: str) -> None:
        good = [is_good and not over for is_good, over in zip(right(locale, rows, answers), handed_over, strict=True)]
        checked = [owned.check(said, row["answer"], row["question"]) for said, row in zip(answers, rows, strict=True)]
        said = [not over for over in handed_over]
        invented = sum(bool(one.invented) and is_said for one, is_said in zip(checked, said, strict=True))
        mixed = sum(bool(one.contradicted) and is_said for one, is_said in zip(checked, said, strict=True))
        print(
            f"{locale} {name}: right {sum(good)}, wrong {sum(said) - sum(good)}, handed over {sum(handed_over)} of "
            f"{len(rows)}; with an invented fact {invented}, with one of another answer {mixed}; {beyond}",
            flush=True,
        )

    nothing = [False] * len(rows)
    report("tuned model alone", services.chats.answer_all(run_id, questions), nothing, "beyond: none handed over")
    outside = [one.question for one in out_of_scope_questions(locale)]
    for careful in _CAREFUL:
        given = services.trust.answer_all(run_id, questions, careful).answers
        beyond = services.trust.answer_all(run_id, outside, careful).answers
        ways = [sum(one.how == kind.value for one in given) for kind in AnswerKind]
        over = sum(one.how == AnswerKind.HANDED_OVER for one in beyond)
        report(
            f"at {careful} (known, written, handed over: {ways})",
            [one.text for one in given],
            [one.how == AnswerKind.HANDED_OVER for one in given],
            f"beyond: {over} of {len(outside)} handed over",
        )
    selector, vectors = fitted_selector(
        trust_job(services.workspace.run(run_id), services.workspace.models, services.workspace.home)
    )
    read = vectors(tuple(questions))
    chances, none = selector.probabilities(tuple(questions), read), selector.index.known.none_label
    best = chances[:, :none].argmax(axis=1).tolist()
    report("likeliest known answer", [selector.index.known.answers[at] for at in best], nothing, "no threshold")
    for careful in _CAREFUL:
        threshold = selector.curve.level(careful).threshold
        kinds = [one.kind for one in selector.decide(tuple(questions), read, careful)]
        without = answer_confidence(chances, outside_limit=1.0)
        kept = [kind is AnswerKind.HANDED_OVER and p > threshold for kind, p in zip(kinds, without, strict=True)]
        print(f"{locale} at {careful}: {sum(kept)} of {len(rows)} handed over by “none of these” alone", flush=True)


if __name__ == "__main__":
    main()
