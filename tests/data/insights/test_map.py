"""The numbers behind the map: letters, neighbours, places, groups and their names."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from numpy.typing import NDArray

from studio.data.insights import map_layout
from studio.encoders.letters import letter_vectors, topic_vectors, unit
from studio.settings import assets_dir

Floats = NDArray[np.float32]


def planted(groups: int, members: int, noise: float = 0.3) -> tuple[Floats, list[int]]:
    """Vectors about some far-apart centres, and the centre of each."""
    random = np.random.default_rng(7)
    labels = [i % groups for i in range(groups * members)]
    centres = np.eye(groups, 32, dtype=np.float32)
    return unit(centres[labels] + noise / 6 * random.normal(size=(len(labels), 32)).astype(np.float32)), labels


def purity(places: Floats, topics: list[int] | list[str], k: int = 3) -> float:
    """Share of the nearest others on a plane that have the same topic."""
    distances = ((places[:, None] - places[None]) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    named = np.array(topics)
    return float((named[np.argsort(distances, axis=1)[:, :k]] == named[:, None]).mean())


def test_texts_with_the_same_words_have_close_vectors() -> None:
    found = letter_vectors(
        ["qual o prazo de entrega", "Qual é o prazo da entrega?", "vocês aceitam pix", "aceita PIX?"]
    )
    likeness = found @ found.T
    assert np.allclose(np.diag(likeness), 1, atol=1e-4)
    assert likeness[0, 1] > 0.3 > likeness[0, 2]
    assert likeness[2, 3] > 0.2 > likeness[1, 3]


@pytest.mark.parametrize(
    "texts", [["a"], ["same"] * 9, [f"{n}" for n in range(9)], ["", "", "?"], ["x" * 9_000, "日本語の質問", "🙂", "b"]]
)
def test_odd_texts_have_finite_places(texts: list[str]) -> None:
    found = letter_vectors(texts)
    assert found.shape[0] == len(texts)
    assert np.isfinite(found).all()
    if len(texts) > 1:
        assert np.isfinite(map_layout.places(found)).all()
        assert len(map_layout.groups(found)) == len(texts)


def test_the_nearest_others_come_first_and_never_the_vector_itself() -> None:
    vectors, _ = planted(5, 50)
    near = map_layout.nearest(vectors, 4)
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -np.inf)
    assert np.allclose(np.take_along_axis(likeness, near, 1), -np.sort(-likeness, axis=1)[:, :4], atol=1e-5)


def test_what_is_alike_stays_together_on_the_plane_each_time() -> None:
    vectors, labels = planted(8, 20)
    places = map_layout.places(vectors)
    assert purity(places, labels) > 0.95
    assert np.abs(places).max() <= 1
    assert (places == map_layout.places(vectors)).all()


def test_letters_beside_meaning_count_as_much_as_they_are_told_to() -> None:
    texts = ["qual o prazo de entrega", "o prazo da entrega", "aceita pix", "aceitam pix?"]
    same = np.eye(4, dtype=np.float32)
    plain, mixed = topic_vectors(same, texts, 0.0), topic_vectors(same, texts, 0.7)
    assert mixed[0] @ mixed[1] > plain[0] @ plain[1] + 0.1
    assert np.allclose(np.linalg.norm(mixed, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("groups", [3, 7, 12])
def test_the_number_of_groups_is_found(groups: int) -> None:
    vectors, labels = planted(groups, 20)
    found = map_layout.groups(vectors)
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
    found = map_layout.names(texts, np.array([0, 0, 0, 1, 1, 2]), words=2)
    assert set(found[0].split(", ")) == {"prazo", "entrega"}
    assert "cartão" in found[1], "as it is written, accents and all"
    assert found[2] == "", "a word of every group tells nothing"


def test_letters_sort_the_portuguese_sample_far_better_than_chance() -> None:
    with (assets_dir() / "samples" / "pt.train.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    vectors = letter_vectors([row["question"] for row in rows])
    topics = [row["topic"] for row in rows]
    places = map_layout.places(vectors)
    chance = 1 / len(set(topics))
    assert purity(places, topics) > 4 * chance
