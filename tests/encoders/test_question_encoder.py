"""Encoders adapted to customers' questions: what a question wants counts for more than its words."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from studio.encoders.encoder import Encoder
from studio.encoders.letters import folded
from studio.encoders.question_encoder import load_question_encoder
from studio.settings import assets_dir
from tests.encoders import tiny_encoder

QUESTIONS = assets_dir() / "customer_questions"
# Of a trade that no file of questions is about; three wordings of each thing that is wanted.
BICYCLES = {
    "minilm": (
        ("I need the bike a day longer.", "can I bring it back tomorrow instead", "our tour isn't over yet"),
        ("I don't need the bike anymore.", "we are not coming, undo it", "it will rain, I'd rather not"),
        ("Where do I hand the bike back?", "drop-off place", "which of your stands takes it in the evening"),
        ("The chain came off.", "I'm stuck on a hill with a flat", "brakes don't work, what now"),
        ("Someone stole the bike.", "it's gone, the lock was cut", "left it outside a cafe and now nothing is there"),
        ("Do I have to leave a deposit?", "how much do you block on my card", "security for the ebike"),
        ("When do I get my deposit back?", "bike returned, money still blocked", "you kept my 50"),
        ("Is there a bike for children?", "my son is 6, what can he ride", "kid seat"),
    ),
    "multilingual": (
        (
            "Preciso da bicicleta por mais um dia.",
            "posso trazer amanhã em vez de hoje",
            "nosso passeio ainda não acabou",
        ),
        ("Não preciso mais da bicicleta.", "não vamos mais, desfaz", "vai chover, melhor deixar pra lá"),
        ("Onde entrego a bicicleta?", "lugar da entrega", "qual ponto de vocês recebe de noite"),
        ("A corrente soltou.", "tô parado na subida com o pneu no chão", "o freio não pega, e agora"),
        ("Roubaram a bicicleta.", "sumiu, cortaram a trava", "deixei na porta do café e não tá mais lá"),
        ("Preciso deixar um valor de garantia?", "quanto bloqueiam no cartão", "caução da elétrica"),
        ("Quando recebo a caução de volta?", "devolvi e o valor continua preso", "ficaram com os meus 50"),
        ("Tem bicicleta pra criança?", "meu filho tem 6, qual ele anda", "assento de bebê"),
    ),
}


def right_neighbours(vectors: NDArray[np.float32], topics: NDArray[np.int64]) -> int:
    """How many questions are nearest to one of the same topic."""
    vectors = vectors - vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -1)
    return int((topics[alike.argmax(axis=1)] == topics).sum())


@pytest.mark.model
@pytest.mark.parametrize("name", BICYCLES)
def test_questions_that_want_the_same_are_nearer_than_before(request: pytest.FixtureRequest, name: str) -> None:
    folder: Path = request.getfixturevalue(name)
    texts = [text for topic in BICYCLES[name] for text in topic]
    topics = np.repeat(np.arange(len(BICYCLES[name])), 3)
    before, after = Encoder.load(folder), load_question_encoder(folder)
    assert right_neighbours(after.encode(texts), topics) >= right_neighbours(before.encode(texts), topics) + 3
    assert all(weights.requires_grad for weights in after.model.parameters()), "a run's questions may tune it further"


def test_another_model_of_the_same_name_is_read_as_it_is(tmp_path: Path) -> None:
    for name in ("helper-all-minilm-l6-v2", "my-own"):
        tiny_encoder.make(tmp_path / name)
        assert np.array_equal(
            load_question_encoder(tmp_path / name).encode(["f1 f2"]), Encoder.load(tmp_path / name).encode(["f1 f2"])
        )


@pytest.mark.parametrize("locale", ["en", "pt"])
def test_no_question_of_a_sample_was_learned(locale: str) -> None:
    files = [assets_dir() / "samples" / f"{locale}.{part}.csv" for part in ("train", "heldout")]
    asked = {folded(row["question"]) for file in files for row in csv.DictReader(file.open(encoding="utf-8"))}
    lines = [line.strip() for file in (QUESTIONS / locale).glob("*.txt") for line in file.open(encoding="utf-8")]
    learned = {folded(line) for line in lines if line and not line.startswith("#")}
    assert len(learned) > 2_000
    assert asked & learned == set()
