from __future__ import annotations

import random

import pytest

from studio.data.similarity.clusters import clusters
from studio.data.splitting.split import SplitKind, leaks, plan, split
from studio.domain.conversation import Conversation, Message, Source

WORDS = (
    "pedido",
    "frete",
    "troca",
    "loja",
    "cartão",
    "boleto",
    "senha",
    "cupom",
    "estoque",
    "garantia",
    "presente",
    "nota",
    "prazo",
    "vitrine",
    "café",
    "moagem",
)


def _topics(answers: int, phrasings: int) -> list[Conversation]:
    rng = random.Random(7)
    return [
        Conversation.pair(f"{' '.join(rng.sample(WORDS, 5))} {answer}?", f"Resposta número {answer}.")
        for answer in range(answers)
        for _ in range(phrasings)
    ]


@pytest.mark.parametrize("seed", range(10))
def test_the_test_asks_new_wordings_of_known_answers(seed: int) -> None:
    examples = _topics(24, 8)
    found = plan(examples, seed)
    assert found.kind is SplitKind.NEW_WORDINGS
    assert len(found.held_out) == round(len(examples) * 0.15)
    known = {c.answer for c in found.train}
    assert all(c.answer in known for c in found.held_out)
    assert len({c.answer for c in found.held_out}) == 24
    assert sorted(map(id, (*found.train, *found.held_out))) == sorted(map(id, examples))


def test_the_same_seed_gives_the_same_split_and_another_seed_another() -> None:
    examples = _topics(24, 8)
    assert split(examples, 3) == split(examples, 3)
    assert split(examples, 3) != split(examples, 4)


def test_near_identical_questions_stay_on_one_side() -> None:
    examples = []
    for number in range(60):
        base = f"como faço para trocar o produto {WORDS[number % 16]} {WORDS[number * 7 % 16]} que comprei na loja"
        answer = f"Traga o item {number % 20} com a nota."
        examples += [Conversation.pair(base, answer), Conversation.pair(base.upper() + "???", answer)]
    for seed in range(20):
        train, held_out = split(examples, seed)
        assert held_out
        sides = {c.question.lower().rstrip("?") for c in train} & {c.question.lower().rstrip("?") for c in held_out}
        assert sides == set()


def test_flags_win() -> None:
    examples = [c.model_copy(update={"held_out": i == 3}) for i, c in enumerate(_topics(4, 4))]
    found = plan(examples, 0)
    assert found.kind is SplitKind.GIVEN
    assert list(found.held_out) == [examples[3]]


def test_examples_that_a_person_keeps_for_training_stay_there() -> None:
    examples = [c.model_copy(update={"held_out": False if i % 2 else None}) for i, c in enumerate(_topics(10, 4))]
    for seed in range(10):
        _, held_out = split(examples, seed)
        assert held_out
        assert all(c.held_out is None for c in held_out)


def test_where_every_answer_is_there_once() -> None:
    examples = _topics(40, 1)
    found = plan(examples, 1)
    assert found.kind is SplitKind.NEW_ANSWERS
    assert len(found.held_out) == 3


@pytest.mark.parametrize("count", range(2, 10))
def test_small_sets_hold_out_one(count: int) -> None:
    train, held_out = split(_topics(count, 1), 0)
    assert (len(train), len(held_out)) == (count - 1, 1)


def test_an_answer_never_loses_all_its_phrasings() -> None:
    examples = _topics(2, 2)
    for seed in range(20):
        train, held_out = split(examples, seed, fraction=0.9)
        assert {c.answer for c in train} == {c.answer for c in examples}
        assert held_out


def test_too_few_different_examples() -> None:
    one = Conversation.pair("Abre hoje de manhã?", "Sim.")
    assert plan([one], 0).kind is SplitKind.NONE
    assert plan([one, Conversation.pair("abre hoje de manhã", "Não.")], 0).held_out == ()


def test_clusters() -> None:
    texts = [
        "Qual o horário de vocês?",
        "qual o horario de voces",
        "como faço para trocar meu pedido por outro",
        "como faco pra trocar meu pedido por outro",
        "quanto custa o tamanho 38 da bota preta de couro",
        "quanto custa o tamanho 40 da bota preta de couro",
        "???",
        "",
    ]
    assert clusters(texts) == [0, 0, 2, 2, 4, 5, 6, 7]


def _source(key: str | None) -> Source:
    return Source(file="a.csv", row=2, key=key)


def test_what_a_file_calls_by_one_id_stays_on_one_side() -> None:
    examples = [
        c.model_copy(update={"source": _source(str(number // 3)), "messages": _asking(c, number)})
        for number, c in enumerate(_topics(20, 3))
    ]
    for seed in range(20):
        train, held_out = split(examples, seed)
        assert held_out
        assert {_key(c) for c in train}.isdisjoint({_key(c) for c in held_out})


def _key(conversation: Conversation) -> str | None:
    return conversation.source.key if conversation.source else None


def _asking(conversation: Conversation, number: int) -> tuple[Message, ...]:
    """The conversation with an answer of its own, so that a draw is by conversation and not by answer."""
    *before, last = conversation.messages
    return (*before, last.model_copy(update={"content": f"Resposta {number}."}))


def test_leaks_name_what_training_has_too() -> None:
    asked = [
        Conversation.pair("Qual o prazo de entrega?", "Sete dias.", held_out=True),
        Conversation.pair("Vocês vendem chá?", "Não.", held_out=True),
        Conversation.pair("qual o prazo de entrega", "Sete dias."),
        Conversation.pair("Aceita pix na loja?", "Sim."),
    ]
    assert leaks(plan(asked, 0)) == [(asked[0], (asked[2],))]
