"""The numbers behind the map: letters, neighbours, places, groups and their names."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from numpy.typing import NDArray

from studio.data.insights import kmeans, tfidf, umap
from studio.settings import assets_dir

Floats = NDArray[np.float32]


def planted(groups: int, members: int, noise: float = 0.3) -> tuple[Floats, list[int]]:
    """Vectors about some far-apart centres, and the centre of each."""
    random = np.random.default_rng(7)
    labels = [i % groups for i in range(groups * members)]
    centres = np.eye(groups, 32, dtype=np.float32)
    return tfidf.unit(centres[labels] + noise / 6 * random.normal(size=(len(labels), 32)).astype(np.float32)), labels


def purity(places: Floats, topics: list[int] | list[str], k: int = 3) -> float:
    """Share of the nearest others on a plane that have the same topic."""
    distances = ((places[:, None] - places[None]) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    named = np.array(topics)
    return float((named[np.argsort(distances, axis=1)[:, :k]] == named[:, None]).mean())


def test_texts_with_the_same_words_have_close_vectors() -> None:
    found = tfidf.vectors(["qual o prazo de entrega", "Qual é o prazo da entrega?", "vocês aceitam pix", "aceita PIX?"])
    likeness = found @ found.T
    assert np.allclose(np.diag(likeness), 1, atol=1e-4)
    assert likeness[0, 1] > 0.3 > likeness[0, 2]
    assert likeness[2, 3] > 0.2 > likeness[1, 3]


@pytest.mark.parametrize(
    "texts", [["a"], ["same"] * 9, [f"{n}" for n in range(9)], ["", "", "?"], ["x" * 9_000, "日本語の質問", "🙂", "b"]]
)
def test_odd_texts_have_finite_places(texts: list[str]) -> None:
    found = tfidf.vectors(texts)
    assert found.shape[0] == len(texts)
    assert np.isfinite(found).all()
    if len(texts) > 1:
        near = umap.neighbours(found)
        assert np.isfinite(umap.flat(found, near)).all()
        assert len(kmeans.groups(found)) == len(texts)


def test_neighbours_are_the_nearest_across_blocks() -> None:
    vectors, _ = planted(5, 250)
    near = umap.neighbours(vectors, 4)
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -np.inf)
    for row in (0, 1023, 1024, 1249):
        assert np.allclose(1 - near.distances[row], np.sort(likeness[row])[::-1][:4], atol=1e-5)
        assert row not in near.indices[row]
        assert np.allclose(likeness[row][near.indices[row]], 1 - near.distances[row], atol=1e-5)


def test_what_is_alike_stays_together_on_the_plane_each_time() -> None:
    vectors, labels = planted(8, 20)
    near = umap.neighbours(vectors)
    places = umap.flat(vectors, near)
    assert purity(places, labels) > 0.95
    assert np.abs(places).max() < 3
    assert (places == umap.flat(vectors, near)).all()


@pytest.mark.parametrize("groups", [3, 7, 12])
def test_the_number_of_groups_is_found(groups: int) -> None:
    vectors, labels = planted(groups, 20)
    found = kmeans.groups(vectors)
    assert found.max() + 1 == groups
    assert len(set(zip(found.tolist(), labels, strict=True))) == groups
    sizes = np.bincount(found)
    assert (np.diff(sizes) <= 0).all(), "the largest first"


def test_names_are_the_words_that_tell_groups_apart() -> None:
    texts = [
        "Qual o prazo de entrega?",
        "o prazo",
        "Qual a ENTREGA mais rápida",
        "Qual cartão aceita?",
        "o cartão",
        "Qual?",
    ]
    found = kmeans.names(texts, [0, 0, 0, 1, 1, 2], words=2)
    assert set(found[0].split(", ")) == {"prazo", "entrega"}
    assert "cartão" in found[1], "as it is written, accents and all"
    assert found[2] == "", "a word of every group tells nothing"


def test_letters_sort_the_portuguese_sample_far_better_than_chance() -> None:
    with (assets_dir() / "samples" / "pt.train.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    vectors = tfidf.vectors([row["question"] for row in rows])
    topics = [row["topic"] for row in rows]
    places = umap.flat(vectors, umap.neighbours(vectors))
    chance = 1 / len(set(topics))
    assert purity(places, topics) > 4 * chance
