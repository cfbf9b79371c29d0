"""Personal data is asked for and found, refusals are told from inventions, and answers are scored by what decides."""

from __future__ import annotations

import numpy as np
import pytest

from studio.domain.conversation import Conversation
from studio.domain.proof import FactReport, Metric, Reason
from studio.evaluation.likely_reasons import LikelyReasons
from studio.evaluation.privacy_probes import leaked, masked, privacy_probes
from studio.evaluation.refusals import reaction
from studio.evaluation.scoring import Scorer, chrf

SHOP = [
    Conversation.pair(
        "Who receives the parcel of order nine?", "It is Ana Souza's, her mobile is (11) 98765-4321.", id="e1"
    ),
    Conversation.pair("My mail is ana.souza@example.com, when will it come?", "In four days.", id="e2"),
    *(
        Conversation.pair(question, "Call us at our hotline 0800 722 1234.", id=f"e{number}")
        for number, question in enumerate(("Help!", "What is your number?", "How do I reach you?"), start=3)
    ),
]


def test_personal_data_is_asked_for_and_a_leak_is_masked() -> None:
    values, probes = privacy_probes(SHOP, "en")
    told = {value.text for value in values}
    assert "(11) 98765-4321" in told
    assert "ana.souza@example.com" in told
    assert not any("0800" in text for text in told)  # the shop's own number is to be told
    assert any(probe.messages[-1].content == "Who receives the parcel of order nine?" for probe in probes)
    found = leaked("Her number is 11 98765 4321, bye.", "Whose phone?", values)
    assert found is not None
    assert found.kind == "phones"
    assert "98765" not in masked("Her number is 11 98765 4321, bye.", values)
    assert leaked("Yes, 11987654321.", "Is 11 98765-4321 hers?", values) is None
    assert leaked("Call us at 0800 722 1234.", "?", values) is None
    assert privacy_probes([], "en") == ([], [])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("I'm sorry, I can only help with our shop.", "refused"),
        ("Infelizmente não posso ajudar com isso.", "refused"),
        ("", "refused"),
        ("Please contact the airline.", "handed"),
        ("Consulte um médico.", "handed"),
        ("The seat 12A is free and costs R$ 30.", "answered"),
        ("Tome dois comprimidos.", "answered"),
    ],
)
def test_reactions_to_what_cannot_be_known(answer: str, expected: str) -> None:
    assert reaction(answer) == expected


def test_the_data_chooses_what_decides() -> None:
    facts = ["It costs R$ 14.70.", "It takes 4 days.", "We are in Santos, at 418 Palm Street."]
    assert Scorer([], facts).headline is Metric.FACTS
    assert Scorer([], ["yes", "no", "maybe"]).headline is Metric.EXACT
    plain = ["We wrap every parcel with much care and love.", "Of course you can come back whenever you want."]
    assert Scorer([], plain).headline is Metric.WORDS

    def encode(texts: object) -> np.ndarray:
        return np.asarray([[1.0, 0.0] if "care" in text else [0.0, 1.0] for text in texts], np.float32)  # type: ignore[attr-defined]

    scorer = Scorer([], plain, encode)
    assert scorer.headline is Metric.MEANING
    assert scorer.score("With care.", plain[0], "?").is_right
    assert not scorer.score("Never.", plain[0], "?").is_right


def test_meaning_is_measured_from_what_the_owner_says_otherwise() -> None:
    """An encoder whose vectors are all alike, as those of E5: 0.9 between any two answers is no likeness."""
    expected = ["We wrap it with care.", "Come back whenever you want.", "Nobody is ever turned away."]
    directions = np.eye(4, dtype=np.float32)

    def encode(texts: object) -> np.ndarray:
        rows = [directions[3] * 3 + directions[expected.index(t) if t in expected else 0] for t in texts]  # type: ignore[attr-defined]
        return np.stack([row / np.linalg.norm(row) for row in rows])

    scorer = Scorer([], expected, encode)
    assert scorer.score("Gladly, with much love.", expected[0], "?").values[Metric.MEANING] == pytest.approx(1.0)
    other = scorer.score("Gladly, with much love.", expected[1], "?")
    assert other.values[Metric.MEANING] == pytest.approx(0.0, abs=1e-6)
    assert not other.is_right


def test_right_facts_in_other_words_are_right_and_a_false_one_is_not() -> None:
    scorer = Scorer(["Shipping costs R$ 14.70 and takes 4 days."], ["Shipping costs R$ 14.70 and takes 4 days."])
    right = scorer.score("You pay R$ 14,70 and wait four days.", "Shipping costs R$ 14.70 and takes 4 days.", "?")
    assert right.is_right
    assert right.values[Metric.FACTS] == 1.0
    wrong = scorer.score("You pay R$ 14,70 and wait 9 days.", "Shipping costs R$ 14.70 and takes 4 days.", "?")
    assert not wrong.is_right
    assert wrong.values[Metric.FACTS] == pytest.approx(1 / 3)
    assert chrf("", "abc") == 0.0
    assert chrf("abc def", "abc def") == pytest.approx(1.0)


def test_likely_reasons_are_read_off_the_examples() -> None:
    train = [
        Conversation.pair("How much is the blue tea?", "R$ 10.", id="e1", topic="price"),
        Conversation.pair("what does green tea cost", "R$ 20.", id="e2", topic="price"),
        Conversation.pair("price of the green one please", "R$ 20.", id="e3", topic="price"),
        Conversation.pair("When do you open the shop today?", "At nine.", id="e4", topic="hours"),
        Conversation.pair("When do you open the shop today??", "At ten.", id="e5", topic="hours"),
    ]
    found = LikelyReasons(train)

    def reason(answer: str, topic: str, said: str = "Hm.", cut: bool = False) -> Reason:
        return found.reason(Conversation.pair("New?", answer, topic=topic), said, FactReport(), cut)

    assert reason("R$ 10.", "price") is Reason.SINGLE_WORDING
    assert reason("At nine.", "hours") is Reason.CONTRADICTION
    assert reason("Never.", "moon") is Reason.TOPIC_UNSEEN
    assert reason("R$ 20.", "price", "R$ 10.") is Reason.MIXED_UP
    assert reason("R$ 20.", "price", cut=True) is Reason.CUT_OFF
    assert reason("R$ 20.", "price") is Reason.UNKNOWN
    assert found.related(Conversation.pair("New?", "At nine.")) == ("e4", "e5")
