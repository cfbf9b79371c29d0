"""Near-identical texts are the same ones for the code for few texts and for the compiled code for many."""

from __future__ import annotations

import random

import numpy as np
import pytest

from studio.data.similarity import clusters

WORDS = [
    "pedido",
    "prazo",
    "troca",
    "devolver",
    "frete",
    "recife",
    "camiseta",
    "cartao",
    "parcela",
    "loja",
    "aberta",
    "sabado",
    "tamanho",
    "cor",
    "38",
    "40",
    "2024",
]
FOREIGN = ["доставка", "заказ", "сколько", "дней", "оплата", "送料", "いくら", "٣٨", "№"]


def texts(count: int) -> list[str]:
    """Different texts, many of them a letter or a word away from another."""
    dice = random.Random(3)
    made: dict[str, None] = {}
    while len(made) < count:
        words = dice.choices(WORDS if dice.random() < 0.9 else WORDS + FOREIGN, k=dice.randint(1, 30))
        made[" ".join(words)] = None
        other = " ".join(words[:-1]) if dice.random() < 0.5 else " ".join(words).replace("o", "a", 1)
        made[other] = None
    made[" ".join(dice.choices(WORDS, k=700))] = None
    return list(made)


@pytest.mark.parametrize("kept_apart", [False, True])
def test_compiled_code_finds_the_same(kept_apart: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = texts(3_000)
    apart = np.arange(len(keys), dtype=np.uint64) // np.uint64(100) if kept_apart else None
    monkeypatch.setattr(clusters, "MANY", len(keys) + 1)
    few = clusters.near(keys, apart=apart)
    monkeypatch.setattr(clusters, "MANY", 2)
    many = clusters.near(keys, apart=apart)
    assert 50 < len(set(few.tolist())) < len(keys) - 200, "some are near, most are not"
    assert np.array_equal(few, many)


def test_numbers_tell_texts_apart_in_any_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "MANY", 2)
    start = "quanto custa a camiseta azul do modelo novo tamanho"
    keys = [f"{start} 38", f"{start}s 38", f"{start} 40", f"{start} ٣٨", f"{start}s ٣٨ №"]
    assert clusters.near(keys).tolist() == [0, 0, 2, 3, 3]
