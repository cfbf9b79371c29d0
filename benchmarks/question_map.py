"""How well the map sorts questions: ``python -m benchmarks.question_map [HELPER_FOLDER]``.

Prints, for each sample and each way to read questions, the share of the five nearest questions that have the same topic
(chance: 1 in 24, 4 %), among the vectors and on the map, and the seconds for 5,000 questions. ``HELPER_FOLDER`` is that of
the installed helper; without it, letters alone are measured.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from studio.data.insights import kmeans, tfidf, umap
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


def main() -> int:
    readers: dict[str, Callable[[list[str]], Vectors]] = {"letters": tfidf.vectors}
    if len(sys.argv) > 1:
        from studio.models.embedder_net import Network

        for precision in ("fp32", "bf16"):
            readers[f"helper {precision}"] = Network.load(Path(sys.argv[1]), precision).embed
    for name, read in readers.items():
        for locale in ("en", "pt"):
            asked, topics = questions(locale)
            vectors = read(asked)
            places = umap.flat(vectors, umap.neighbours(vectors))
            flat = ((places[:, None] - places[None]) ** 2).sum(-1)
            print(
                f"{name:<12} {locale}  vectors {purity(1 - vectors @ vectors.T, topics):.1%}  map {purity(flat, topics):.1%}"
            )
        asked, _ = questions("en")
        many = [f"{asked[i % len(asked)]} {i}" for i in range(MANY)]
        began = time.perf_counter()
        vectors = read(many)
        seconds = time.perf_counter() - began
        umap.flat(vectors, umap.neighbours(vectors))
        placed = time.perf_counter() - began - seconds
        kmeans.groups(vectors)
        grouped = time.perf_counter() - began - seconds - placed
        print(f"{name:<12} {MANY} questions: read {seconds:.1f} s, placed {placed:.1f} s, grouped {grouped:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
