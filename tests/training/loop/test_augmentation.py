"""Questions are varied a little; answers never."""

from __future__ import annotations

import random

from studio.domain.conversation import Conversation
from studio.training.loop.augmentation import vary

QUESTION = "Qual é o prazo de entrega para Curitiba?"


def test_answers_and_system_turns_stay() -> None:
    conversation = Conversation.pair(QUESTION, "Em 4 dias úteis.", system="Você é a Ana.")
    for seed in range(50):
        varied = vary(conversation, random.Random(seed))
        assert varied.answer == conversation.answer
        assert varied.messages[0] == conversation.messages[0]


def test_many_spellings_come_out_and_each_is_close_to_the_question() -> None:
    conversation = Conversation.pair(QUESTION, "Em 4 dias úteis.")
    spellings = {vary(conversation, random.Random(seed)).question for seed in range(100)}
    assert QUESTION in spellings
    assert len(spellings) > 10
    assert all(abs(len(spelling) - len(QUESTION)) < len(QUESTION) for spelling in spellings)


def test_the_same_chance_gives_the_same_spelling() -> None:
    conversation = Conversation.pair(QUESTION, "Em 4 dias úteis.")
    assert vary(conversation, random.Random(7)) == vary(conversation, random.Random(7))


def test_documents_are_left_alone() -> None:
    conversation = Conversation.pair("palavra " * 100, "Sim.")
    assert all(vary(conversation, random.Random(seed)) == conversation for seed in range(20))


def test_short_and_odd_questions_do_not_break() -> None:
    for question in ("?", "oi", "", "12345 67890", "🙂🙂🙂🙂🙂🙂"):
        for seed in range(20):
            vary(Conversation.pair(question, "Sim."), random.Random(seed))
