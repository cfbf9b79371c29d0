"""Answers that can be trusted: ``python -m benchmarks.trust [--encoder LOCALE=FOLDER …] [--pairs LOCALE=FOLDER …]``.

For each set of examples and each way to read questions: the share of test questions with a known answer, a wrong one, handed
over; of questions beyond any company's examples, the share handed over; the likeliest answer without any threshold; what the
risk curve had promised, by questions out of fold. Then the same over random splits of all its questions, with the middle and
the 5th and 95th percentile, and how many splits had more wrong answers than were chosen. A known answer that is not one of the
owner's to the letter ends the benchmark. ``--pairs`` adds a folder with ``train.csv`` and ``held_out.csv`` (columns question,
answer), and ``off.txt`` where there are questions beyond its examples. Texts are read once an encoder. ``--seeds`` tunes the
encoder as well, so many times with other folds and batches, and shows that beside it; ``--only`` chooses sets.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studio.data.question_sets.loader import out_of_scope_questions
from studio.domain.conversation import Conversation
from studio.encoders.encoder import Encoder
from studio.encoders.question_encoder import load_question_encoder
from studio.encoders.tuning import EncoderPair, with_layers
from studio.settings import assets_dir
from studio.trust.decision import AnswerKind
from studio.trust.fitting import fit, known_questions
from studio.trust.index import Floats, Index
from studio.trust.selector import AnswerSelector
from studio.trust.tuned_fitting import fit_tuned

CAREFUL = (0.02, 0.05, 0.1)
IN_BF16 = True  # of a processor with AMX; elsewhere it is slower, and as good
Reader = Callable[[Sequence[str]], Floats]


@dataclass(frozen=True)
class Example:
    """A set of questions with their right answers."""

    locale: str
    train: list[Conversation]
    test: list[Conversation]
    beyond: tuple[str, ...]

    @classmethod
    def read(cls, locale: str, train: Path, test: Path) -> Example:
        beyond = [one.question for one in out_of_scope_questions(locale)]
        more = train.parent / "off.txt"
        beyond += more.read_text(encoding="utf-8").splitlines() if more.is_file() else []
        return cls(locale, examples(train), examples(test), tuple(beyond))

    def split(self, seed: int) -> Example:
        """Another draw of the test questions."""
        every = [*self.train, *self.test]
        order = np.random.default_rng(seed).permutation(len(every)).tolist()
        parts = (
            [every[place] for place in order[: len(self.train)]],
            [every[place] for place in order[len(self.train) :]],
        )
        return Example(self.locale, *parts, self.beyond)


@dataclass(frozen=True)
class Measured:
    """Shares of one test, at one carefulness: of its questions, and of those beyond."""

    known: float
    written: float
    wrong: float
    beyond_handed_over: float
    counted: float
    counted_without_misread: float
    is_promised: bool


def examples(path: Path) -> list[Conversation]:
    """The pairs of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Conversation.pair(row["question"], row["answer"], id=f"{path.stem}{n}") for n, row in enumerate(rows)]


def cached(read: Reader) -> Reader:
    """Reads each text once."""
    vectors: dict[str, Floats] = {}

    def reader(texts: Sequence[str]) -> Floats:
        new = [text for text in dict.fromkeys(texts) if text not in vectors]
        if new:
            vectors.update(zip(new, read(new), strict=True))
        return np.array([vectors[text] for text in texts], np.float32)

    return reader


def measure(data: Example, read: Reader, letters_only: bool) -> tuple[list[Measured], float, float]:
    """What comes out at each of :data:`CAREFUL`; the share of right likeliest answers; seconds to fit."""
    known = known_questions(data.train, data.locale)
    read(known.questions)
    began = time.perf_counter()
    index = Index(known, read(known.questions), read(known.answers)) if letters_only else Index.of(known, read)
    selector = fit(index)
    return *judged(selector, data, read), time.perf_counter() - began


def measure_tuned(data: Example, encoder: Encoder, read: Reader, seed: int) -> tuple[list[Measured], float, float]:
    """As :func:`measure`, of an encoder that is tuned and asked beside itself; seconds of the processor."""
    untuned = fit(Index.of(known_questions(data.train, data.locale), read))
    began = time.process_time()
    selector, layers = fit_tuned(untuned, encoder, seed=seed, in_bf16=IN_BF16)
    seconds = time.process_time() - began
    pair = EncoderPair(encoder, with_layers(encoder, layers))
    return *judged(selector, data, pair.encode), seconds


def judged(selector: AnswerSelector, data: Example, read: Reader) -> tuple[list[Measured], float]:
    """What comes out at each of :data:`CAREFUL`; the share of right likeliest answers."""
    known = selector.index.known
    texts = tuple(each.question for each in data.test)
    vectors, beyond = read(texts), read(data.beyond)
    best = selector.probabilities(texts, vectors)[:, : known.none_label].argmax(axis=1).tolist()
    right = np.mean([known.answers[label] == each.answer for label, each in zip(best, data.test, strict=True)])
    owned = {each.answer for each in data.train}
    found = []
    for careful in CAREFUL:
        decisions, level = selector.decide(texts, vectors, careful), selector.curve.level(careful)
        assert all(one.answer in owned for one in decisions if one.answer), "an invented fact in a known answer"
        kinds = [one.kind for one in decisions]
        wrong = [one.answer not in ("", each.answer) for one, each in zip(decisions, data.test, strict=True)]
        handed = [one.kind is AnswerKind.HANDED_OVER for one in selector.decide(data.beyond, beyond, careful)]
        found.append(
            Measured(
                known=float(np.mean([kind is AnswerKind.KNOWN for kind in kinds])),
                written=float(np.mean([kind is AnswerKind.WRITTEN for kind in kinds])),
                wrong=float(np.mean(wrong)),
                beyond_handed_over=float(np.mean(handed)),
                counted=level.answered,
                counted_without_misread=level.answered_without,
                is_promised=level.is_promised,
            )
        )
    return found, float(right)


def report(name: str, data: Example, read: Reader, splits: int, letters_only: bool = False) -> None:
    """Prints one block."""
    found, right, seconds = measure(data, read, letters_only)
    print(
        f"{name}: {len(data.train)} examples, {len(data.test)} asked, fitted in {seconds:.1f} s, likeliest right {right:.1%}"
    )
    for careful, one in zip(CAREFUL, found, strict=True):
        promise = "promised" if one.is_promised else "not promised"
        print(
            f"  careful {careful:<4}  known {one.known:6.1%}  written {one.written:5.1%}  wrong {one.wrong:5.1%}  beyond, handed "
            f"over {one.beyond_handed_over:6.1%}  (out of fold known {one.counted:.1%}, without the "
            f"misread {one.counted_without_misread:.1%}, {promise})",
            flush=True,
        )
    drawn = [measure(data.split(seed), read, letters_only)[0] for seed in range(splits)]
    for place, careful in enumerate(CAREFUL if drawn else ()):
        column = [each[place] for each in drawn]
        broken = sum(one.wrong > careful for one in column)
        print(
            f"  {splits} splits, careful {careful:<4}  known {_spread([one.known for one in column])}  wrong "
            f"{_spread([one.wrong for one in column])}  mean {np.mean([one.wrong for one in column]):.2%}  more wrong than chosen in "
            f"{broken}  beyond {_spread([one.beyond_handed_over for one in column])}",
            flush=True,
        )


def report_tuned(name: str, data: Example, encoder: Encoder, read: Reader, seeds: int) -> None:
    """Prints the block of a tuned encoder."""
    measured = []
    for seed in range(seeds):
        measured.append(measure_tuned(data, encoder, read, seed))
        print(f"{name}, seed {seed}: {measured[-1]}", flush=True)
    right, seconds = [each[1] for each in measured], [each[2] for each in measured]
    print(f"{name}: likeliest right {_spread(right)}, {np.mean(seconds):.0f} s of the processor")
    for place, careful in enumerate(CAREFUL):
        column = [each[0][place] for each in measured]
        spreads = [_spread([getattr(one, part) for one in column]) for part in ("known", "wrong", "beyond_handed_over")]
        counted = _spread([one.counted for one in column])
        print(f"  careful {careful:<4}  known {spreads[0]}  wrong {spreads[1]}  beyond, handed over {spreads[2]}")
        print(
            f"      (out of fold known {counted}; of the answered, wrong {_wrong_of_answered(column):.1%})", flush=True
        )


def _wrong_of_answered(column: list[Measured]) -> float:
    return sum(one.wrong for one in column) / max(sum(one.known for one in column), 1e-9)


def _spread(values: list[float]) -> str:
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return f"{middle:.1%} [{low:.1%}, {high:.1%}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", action="append", default=[], metavar="LOCALE=FOLDER")
    parser.add_argument("--pairs", action="append", default=[], metavar="LOCALE=FOLDER")
    parser.add_argument("--splits", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--only", action="append", default=[])
    given = parser.parse_args()
    folders = dict(each.split("=", 1) for each in given.encoder)
    samples = assets_dir() / "samples"
    sets = {
        f"sample {x}": Example.read(x, samples / f"{x}.train.csv", samples / f"{x}.heldout.csv") for x in ("en", "pt")
    }
    for locale, folder in (each.split("=", 1) for each in given.pairs):
        sets[Path(folder).name] = Example.read(locale, Path(folder) / "train.csv", Path(folder) / "held_out.csv")
    encoders = {locale: load_question_encoder(Path(folder)) for locale, folder in folders.items()}
    readers = {locale: cached(encoder.encode) for locale, encoder in encoders.items()}
    for name, data in sets.items():
        if given.only and name not in given.only:
            continue
        report(f"{name}, letters", data, _nothing, 0, letters_only=True)
        report(f"{name}, no encoder", data, _nothing, given.splits)
        if data.locale in readers:
            report(f"{name}, encoder", data, readers[data.locale], given.splits)
            if given.seeds:
                report_tuned(f"{name}, tuned", data, encoders[data.locale], readers[data.locale], given.seeds)


def _nothing(texts: Sequence[str]) -> Floats:
    return np.zeros((len(texts), 0), np.float32)


if __name__ == "__main__":
    main()
