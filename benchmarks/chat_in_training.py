"""What a chat costs a run that trains beside it, and how long its first word takes.

``python -m benchmarks.chat_in_training MODELS_DIR [--model ID] [--questions 8]`` trains on the English sample through the
services that the page calls, measures the pace while nobody asks, asks the best so far one question after the other,
base and tuned at once, and again when the run is over. What a question costs is the time that the run lost by its pace
before and after; the bars are a first word within 1.5 s, and no more time lost than the answers themselves took.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.app import build_services
from studio.domain.conversation import Message, Role
from studio.domain.event import Answers, Evaluation, Step
from studio.domain.recipe import Recipe
from studio.services.container import Services
from studio.settings import Settings
from studio.storage.workspace import RunFolder
from studio.training.run_files.event_log import read_events

_QUESTIONS = ("Where is my order?", "How much is shipping?", "Can I send it back?", "When do you open?")
_SAMPLES = Path(__file__).parents[1] / "assets" / "samples"


@dataclass(frozen=True)
class Talk:
    """An answered question: seconds to the first word and to the last, and tokens of both sides."""

    first: float
    whole: float
    tokens: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, help="folder with the installed base models")
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--questions", type=int, default=8)
    parser.add_argument("--window", type=float, default=12.0, help="seconds of the pace before, and of the one after")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        services = build_services(Settings(home=Path(home), models_dir=arguments.models))
        try:
            recipe = Recipe(
                model=arguments.model,
                data=(str(_SAMPLES / "en.train.csv"),),
                held_out=(str(_SAMPLES / "en.heldout.csv"),),
                epochs=60.0,
                evaluations=60,
                patience=0,
            )
            services.models.measure_speed()  # as the server does when it starts
            run_id = services.runs.start_from_files(recipe)
            folder = services.workspace.run(run_id)
            while not folder.best.exists():
                time.sleep(0.2)
            cold = ask(services, run_id, 0)
            time.sleep(1.0)
            quiet = window(folder, arguments.window)
            began = time.time()
            talks = []
            for number in range(arguments.questions):
                talks.append(ask(services, run_id, number))
                time.sleep(2.0)
            during = pace(folder, began, time.time())
            after = window(folder, arguments.window)
            services.runs.cancel(run_id)
            while not folder.result.exists():
                time.sleep(0.2)
            alone = [ask(services, run_id, number) for number in range(arguments.questions)]
        finally:
            services.close()
    report(cold, talks, alone, during, (quiet, after))
    return 0


def ask(services: Services, run_id: str, number: int) -> Talk:
    """Asks base and tuned; waits for the whole answer."""
    turns = [Message(role=Role.USER, content=_QUESTIONS[number % len(_QUESTIONS)])]
    began, first, tokens = time.perf_counter(), 0.0, 0
    for update in services.chats.stream(run_id, turns, max_tokens=48):
        if update.problem is not None:
            raise SystemExit(update.problem.code)
        if not first and any(update.texts.values()):
            first = time.perf_counter() - began
        tokens = sum(update.tokens.values())
    return Talk(first, time.perf_counter() - began, tokens)


@dataclass(frozen=True)
class Pace:
    """What a run did in a while: seconds without evaluations and live answers, seconds in steps, tokens, steps."""

    seconds: float
    stepping: float
    tokens: int
    steps: int


def window(folder: RunFolder, seconds: float) -> Pace:
    """The pace of the next seconds."""
    began = time.time()
    time.sleep(seconds)
    return pace(folder, began, time.time())


def pace(folder: RunFolder, began: float, ended: float) -> Pace:
    """The pace between two moments, from the first step that ended in between to the last."""
    events = [event for event in read_events(folder.events)[0] if began <= event.time <= ended]
    steps = [event for event in events if isinstance(event, Step)]
    inside = [event for event in events if steps[0].time < event.time < steps[-1].time]
    others = sum(event.seconds for event in inside if isinstance(event, Evaluation | Answers))
    taken = steps[1:]
    return Pace(
        steps[-1].time - steps[0].time - others,
        sum(step.seconds for step in taken),
        sum(step.tokens for step in taken),
        len(taken),
    )


def report(cold: Talk, talks: Sequence[Talk], alone: Sequence[Talk], during: Pace, beside: Sequence[Pace]) -> None:
    rate = sum(one.tokens for one in beside) / sum(one.seconds for one in beside)
    lost = during.seconds - during.tokens / rate
    answering = sum(talk.whole for talk in talks)
    print(
        f"pace without questions: {rate:.0f} tokens/s ({', '.join(f'{one.tokens / one.seconds:.0f}' for one in beside)})"
    )
    print(f"first question, worker started for it: first word {cold.first:.2f} s, whole {cold.whole:.2f} s")
    for name, each in (("while it trains", talks), ("with nothing beside", alone)):
        firsts, wholes = [talk.first for talk in each], [talk.whole for talk in each]
        print(
            f"{name}: first word median {statistics.median(firsts):.2f} s, longest {max(firsts):.2f} s;"
            f" whole answer median {statistics.median(wholes):.2f} s; {sum(t.tokens for t in each) / sum(wholes):.0f} tokens/s"
        )
    print(
        f"{len(talks)} questions took {answering:.1f} s ({sum(t.whole for t in alone):.1f} s with nothing beside) and cost"
        f" the run {lost:.1f} s: {lost / answering:.2f} of the answers' time; {during.steps} steps meanwhile"
    )


if __name__ == "__main__":
    sys.exit(main())
