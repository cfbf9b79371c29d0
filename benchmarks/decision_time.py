"""How long it takes to fit what decides between answers, and to decide: ``python -m benchmarks.decision_time [--models DIR]``.

Fits the sample of each language in a child process, as at the end of a run, then asks the warm worker its test questions: the
first, which finds it cold, and the others, with the 95th percentile. With ``--beside`` a chat worker of a model writes long
answers all the while.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from studio.chat.client import ChatPool, new_request_id
from studio.chat.protocol import Ask, Generate
from studio.domain.conversation import Conversation, Message, Role
from studio.processes.child import run_child
from studio.processes.environment import yielding_environment
from studio.settings import Settings, assets_dir
from studio.storage.workspace import Workspace
from studio.trust.client import DecisionClient
from studio.trust.jobs import selector_folder, trust_job
from studio.trust.protocol import DecisionRequest


def rows(locale: str, part: str) -> list[dict[str, str]]:
    """Of the bundled sample."""
    with (assets_dir() / "samples" / f"{locale}.{part}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_forever(workspace: Workspace, model: str, stop: threading.Event) -> None:
    """Has a chat worker write long answers until ``stop``."""
    pool = ChatPool(workspace)
    while not stop.is_set():
        turns = (Message(role=Role.USER, content="Write a long story about a coffee shop."),)
        request = Generate(id=new_request_id(), asks=(Ask(id="a", turns=turns),), max_tokens=256)
        for _ in pool.submit(model, request).replies():
            if stop.is_set():
                break
    pool.close()


def measure(workspace: Workspace, client: DecisionClient, locale: str) -> str:
    """A line with the seconds of one language."""
    run = workspace.run(f"run-{locale}")
    run.path.mkdir(parents=True)
    examples = [Conversation.pair(row["question"], row["answer"]) for row in rows(locale, "train")]
    run.train.write_text("".join(f"{one.model_dump_json()}\n" for one in examples), encoding="utf-8")
    job = trust_job(run, workspace.models, workspace.home)
    asked, answer = run.path / "job.json", run.path / "answer.json"
    asked.write_text(job.model_dump_json(), encoding="utf-8")
    began = time.perf_counter()
    run_child("studio.trust.worker", [asked, answer], variables=yielding_environment())
    fit = time.perf_counter() - began
    took = []
    for row in rows(locale, "heldout"):
        began = time.perf_counter()
        client.ask(DecisionRequest(folder=selector_folder(run).resolve(), question=row["question"], before="hello"))
        took.append(time.perf_counter() - began)
    middle, late = np.quantile(took[1:], [0.5, 0.95])
    return (
        f"{locale} ({job.encoder or 'without encoder'}): fit {fit:.1f} s for {len(examples)} examples; first decision "
        f"{took[0]:.1f} s, then {1000 * middle:.0f} ms, 95 % within {1000 * late:.0f} ms"
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path(".cache/models"), help="folder of the installed models")
    parser.add_argument("--beside", help="id of an installed model that writes meanwhile")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="afina-") as folder:
        workspace = Workspace.open(Settings(home=Path(folder) / "home", models_dir=given.models.resolve()))
        client, stop = DecisionClient(workspace), threading.Event()
        if given.beside:
            threading.Thread(target=write_forever, args=(workspace, given.beside, stop), daemon=True).start()
        for locale in ("en", "pt"):
            print(measure(workspace, client, locale), flush=True)
        stop.set()
        client.close()
        workspace.database.close()


if __name__ == "__main__":
    main()
