"""Answers that can be trusted: ``python -m benchmarks.trust [--encoder NAME=FOLDER …] [--pairs LOCALE=FOLDER …]``.

For each set of examples and each way to read questions: the share of test questions with a known answer, a wrong one, handed
over; of questions beyond any company's examples, the share handed over; the likeliest answer without any threshold; and what
the risk curve had promised. A known answer that is not one of the owner's to the letter ends the benchmark. ``--pairs`` adds a
folder with ``train.csv`` and ``held_out.csv`` (columns question, answer).
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from studio.data.question_sets.loader import out_of_scope_questions
from studio.domain.conversation import Conversation
from studio.encoders.encoder import Encoder
from studio.settings import assets_dir
from studio.trust.decision import AnswerKind
from studio.trust.fitting import fit, known_questions
from studio.trust.selector import Floats, Index

CAREFUL = (0.01, 0.02, 0.05, 0.1)
Reader = Callable[[Sequence[str]], Floats]


def examples(path: Path) -> list[Conversation]:
    """The pairs of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Conversation.pair(row["question"], row["answer"], id=f"e{n}") for n, row in enumerate(rows)]


def measure(name: str, locale: str, train: list[Conversation], test: list[Conversation], read: Reader) -> None:
    """Prints one block."""
    began = time.perf_counter()
    known = known_questions(train, locale)
    selector = fit(Index(known, read(known.questions), read(known.answers)))
    fitted = time.perf_counter() - began
    texts = tuple(each.question for each in test)
    outside = tuple(one.question for one in out_of_scope_questions(locale))
    vectors, outside_vectors = read(texts), read(outside)
    best = [known.answers[label] for label in selector.scored(texts, vectors).best]
    right = np.mean([said == each.answer for said, each in zip(best, test, strict=True)])
    print(
        f"{name}: {len(train)} examples, {len(known.answers)} answers, fitted in {fitted:.1f} s, likeliest right {right:.1%}"
    )
    owned = {each.answer for each in train}
    for careful in CAREFUL:
        decisions, level = selector.decide(texts, vectors, careful), selector.curve.level(careful)
        given = [one.kind is AnswerKind.KNOWN for one in decisions]
        assert all(one.answer in owned for one in decisions if one.answer), "an invented fact in a known answer"
        wrong = [one.answer not in ("", each.answer) for one, each in zip(decisions, test, strict=True)]
        handed = [one.kind is AnswerKind.HANDED_OVER for one in selector.decide(outside, outside_vectors, careful)]
        promise = "promised" if level.is_promised else "not promised"
        print(
            f"  careful {careful:<5} known {np.mean(given):6.1%}  wrong {np.mean(wrong):5.1%}  beyond, handed over "
            f"{np.mean(handed):6.1%}  (counted before: known {level.answered:.1%}, wrong {level.wrong:.2%}, {promise})",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", action="append", default=[])
    parser.add_argument("--pairs", action="append", default=[])
    given = parser.parse_args()
    readers: dict[str, Reader] = {"letters": lambda texts: np.zeros((len(texts), 0), np.float32)}
    for name, folder in (each.split("=", 1) for each in given.encoder):
        readers[name] = Encoder.load(Path(folder)).encode
    samples = assets_dir() / "samples"
    sets = {f"sample {x}": (x, samples / f"{x}.train.csv", samples / f"{x}.heldout.csv") for x in ("en", "pt")}
    for locale, folder in (each.split("=", 1) for each in given.pairs):
        sets[Path(folder).name] = (locale, Path(folder) / "train.csv", Path(folder) / "held_out.csv")
    for name, (locale, train, test) in sets.items():
        for reader, read in readers.items():
            measure(f"{name}, {reader}", locale, examples(train), examples(test), read)


if __name__ == "__main__":
    main()
