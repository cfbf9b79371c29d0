"""Near-identical texts are those whose pieces, counted one by one, overlap enough."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from itertools import combinations

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


def pieces(key: str) -> set[str]:
    padded = f" {key} "
    return {padded[at : at + 3] for at in range(len(key))}


def numbers(key: str) -> list[str]:
    return [word for word in key.split() if word.isdigit()]


@pytest.mark.parametrize("kept_apart", [False, True])
def test_clusters_are_those_of_texts_compared_one_by_one(kept_apart: bool) -> None:
    keys = texts(1_000)
    apart = np.arange(len(keys), dtype=np.uint64) // np.uint64(100) if kept_apart else None
    found = clusters.near(keys, apart=apart).tolist()
    known = list(map(pieces, keys))
    parents = list(range(len(keys)))
    near = 0
    together = 0
    for one, other in combinations(range(len(keys)), 2):
        if apart is not None and apart[one] != apart[other]:
            continue
        either = len(known[one] | known[other])
        if min(len(known[one]), len(known[other])) < 6 or numbers(keys[one]) != numbers(keys[other]):
            continue
        if len(known[one] & known[other]) / either >= clusters.THRESHOLD:
            near += 1
            together += found[one] == found[other]
            first, second = sorted((parents[one], parents[other]))
            parents = [first if parent == second else parent for parent in parents]
    assert near > 100
    assert together >= 0.98 * near, "hashes may miss a few"
    assert all(parents[place] == parents[root] for place, root in enumerate(found)), "no other texts are together"
    assert all(found[root] == root <= place for place, root in enumerate(found))


def test_numbers_tell_texts_apart_in_any_script() -> None:
    start = "quanto custa a camiseta azul do modelo novo tamanho"
    keys = [f"{start} 38", f"{start}s 38", f"{start} 40", f"{start} ٣٨", f"{start}s ٣٨ №"]
    assert clusters.near(keys).tolist() == [0, 0, 2, 3, 3]


def test_every_process_draws_the_same_candidates() -> None:
    program = (
        "import hashlib; from studio.data.similarity.clusters import _signatures_of; "
        "texts = [f'onde fica a loja {n} de {n * 7} pecas e meias' for n in range(40)]; "
        "print(hashlib.sha256(_signatures_of(texts)[1].tobytes()).hexdigest())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
