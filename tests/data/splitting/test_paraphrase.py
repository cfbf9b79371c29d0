"""Questions in other words: the same every time, never the same words, and near enough to be the same question."""

from __future__ import annotations

import random

import pytest

from studio.data.checks import registry
from studio.data.checks.dataset import ScannedDataset
from studio.data.splitting.paraphrase import held_out_examples, reworded, rewordings
from studio.data.splitting.split import SplitKind, leaks, plan
from studio.data.text import plain
from studio.domain.conversation import Conversation, Message, Role

PT = [
    "Como faço para trocar um produto?",
    "Qual é o prazo de entrega?",
    "Vocês aceitam pix?",
    "Posso retirar na loja?",
    "Meu pedido não chegou",
]
EN = [
    "How do I return a mug?",
    "What is the delivery time?",
    "Do you take cards?",
    "Can I pick it up?",
    "The jar broke",
]


@pytest.mark.parametrize(
    ("locale", "questions"), [("pt", PT), ("en", EN), ("es", ["¿Cómo puedo cambiar un producto?"])]
)
def test_other_words_are_other_words(locale: str, questions: list[str]) -> None:
    for question in questions:
        found = {reworded(question, random.Random(seed), locale) for seed in range(30)}
        assert len(found) > 3
        assert all(words and plain(words) != plain(question) for words in found)
        kept = set(plain(question).split()[-2:])
        assert any(kept <= set(plain(words or "").split()) for words in found)


def test_an_opening_is_replaced_and_the_rest_stays() -> None:
    found = {reworded("Como faço para trocar um produto?", random.Random(seed), "pt") for seed in range(60)}
    assert "O que preciso fazer para trocar um produto?" in found
    assert "What do I need to do to return a mug?" in {reworded(EN[0], random.Random(seed)) for seed in range(60)}


@pytest.mark.parametrize("question", ["", "  ", "?!", "palavra " * 60])
def test_what_is_no_question_is_left(question: str) -> None:
    assert reworded(question, random.Random(0)) is None


def _examples() -> list[Conversation]:
    pairs = [(q, f"Resposta {n}, com todas as letras que a loja usa.") for n, q in enumerate(PT)]
    pairs.append(("Tem como trocar?", "Resposta 0, com todas as letras que a loja usa."))
    return [Conversation.pair(q, a, id=f"e{n}", topic="loja") for n, (q, a) in enumerate(pairs, 1)]


def test_one_rewording_an_answer_and_the_same_with_the_same_seed() -> None:
    examples = _examples()
    found = rewordings(examples, 3, 100)
    assert found == rewordings(examples, 3, 100) != rewordings(examples, 4, 100)
    assert [item.origin for item in found] == ["e1", "e2", "e3", "e4", "e5"]
    assert len(rewordings(examples, 3, 2)) == 2
    aside = [c.model_copy(update={"held_out": True}) for c in examples]
    assert rewordings(aside, 3, 100) == []


def test_rewordings_are_the_test_and_no_leak() -> None:
    examples = _examples()
    made = held_out_examples(rewordings(examples, 1, 3), examples, 7)
    assert [c.id for c in made] == ["e7", "e8", "e9"]
    by_id = {c.id: c for c in examples}
    for conversation in made:
        origin = by_id[conversation.reworded_from or ""]
        assert (conversation.answer, conversation.topic, conversation.held_out) == (origin.answer, "loja", True)
        assert conversation.question != origin.question
    found = plan([*examples, *made], 0)
    assert found.kind is SplitKind.REWORDED
    assert list(found.train) == examples
    assert list(found.held_out) == made
    assert leaks(found) == []


def test_a_rewording_follows_its_origin_and_the_check_up_leaves_it_alone() -> None:
    examples = _examples()
    made = held_out_examples(rewordings(examples, 1, 6), examples, 7)
    near = made[0].model_copy(update={"messages": examples[0].messages, "id": "e20", "reworded_from": None})
    report = registry.get("leakage").find(ScannedDataset.of([*examples, *made]))
    assert report is None
    leaking = registry.get("leakage").find(ScannedDataset.of([*examples, *made, near]))
    assert leaking is not None
    assert leaking.ids == ("e20",)
    changed = examples[0].model_copy(
        update={"messages": (examples[0].messages[0], Message(role=Role.ASSISTANT, content="Não."))}
    )
    found = plan([changed, *examples[1:], *made], 0)
    assert next(c for c in found.held_out if c.reworded_from == "e1").answer == "Não."


def test_earlier_turns_stay_in_a_rewording() -> None:
    turns = ((Role.USER, "Oi"), (Role.ASSISTANT, "Olá!"), (Role.USER, PT[0]), (Role.ASSISTANT, "Traga a nota."))
    origin = Conversation(id="e1", messages=tuple(Message(role=role, content=text) for role, text in turns))
    (made,) = held_out_examples(rewordings([origin], 0, 1), [origin], 2)
    assert made.messages[:2] == origin.messages[:2]
    assert made.messages[3] == origin.messages[3]
    assert made.question != origin.question
