"""How well the map sorts questions: ``python -m benchmarks.question_map [ENCODER_FOLDER …]``.

Prints, for each sample and each way to read questions, the share of the five nearest questions that have the same topic
(chance: 1 in 24, 4 %), among the vectors and on the map, and the seconds for 5,000 questions. Without the folder of an
installed encoder, letters alone are measured.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from studio.data.insights import map_layout
from studio.encoders.encoder import Encoder
from studio.encoders.letters import letter_vectors, topic_vectors
from studio.settings import assets_dir

Vectors = NDArray[np.float32]
NEAREST = 5
MANY = 5_000


def questions(locale: str) -> tuple[list[str], list[str]]:
    """The questions of a sample, to learn from and for the proof, and their topics."""
    rows: list[dict[str, str]] = []
    for part in ("train", "heldout"):
        with (assets_dir() / "samples" / f"{locale}.{part}.csv").open(encoding="utf-8") as file:
            rows += csv.DictReader(file)
    return [row["question"] for row in rows], [row["topic"] for row in rows]


def purity(distances: Vectors, topics: list[str]) -> float:
    """Share of the nearest others that have the same topic; ``distances`` has shape ``(questions, questions)``."""
    np.fill_diagonal(distances, np.inf)
    named = np.array(topics)
    return float((named[np.argsort(distances, axis=1)[:, :NEAREST]] == named[:, None]).mean())


def reader(folder: Path, precision: str) -> Callable[[list[str]], Vectors]:
    """Vectors as the map takes them."""
    encoder = Encoder.load(folder, precision)
    return lambda texts: topic_vectors(encoder.encode(texts), texts, encoder.traits.letter_weight)


def main() -> int:
    readers: dict[str, Callable[[list[str]], Vectors]] = {"letters": letter_vectors}
    for folder in map(Path, sys.argv[1:]):
        for precision in ("fp32", "bf16"):
            readers[f"{folder.name} {precision}"] = reader(folder, precision)
    for name, read in readers.items():
        for locale in ("en", "pt"):
            asked, topics = questions(locale)
            vectors = read(asked)
            places = map_layout.places(vectors)
            flat = ((places[:, None] - places[None]) ** 2).sum(-1)
            among, on_map = purity(1 - vectors @ vectors.T, topics), purity(flat, topics)
            print(f"{name:<12} {locale}  vectors {among:.1%}  map {on_map:.1%}", flush=True)
        asked, _ = questions("en")
        many = [f"{asked[i % len(asked)]} {i}" for i in range(MANY)]
        began = time.perf_counter()
        vectors = read(many)
        seconds = time.perf_counter() - began
        map_layout.places(vectors)
        placed = time.perf_counter() - began - seconds
        map_layout.groups(vectors)
        grouped = time.perf_counter() - began - seconds - placed
        print(f"{name:<12} {MANY} questions: read {seconds:.1f} s, placed {placed:.1f} s, grouped {grouped:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
