"""What decides in an exported page decides as the studio does: the same sums, in Chromium's JavaScript."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from studio.data.question_sets.loader import out_of_scope_questions
from studio.domain.conversation import Conversation
from studio.encoders.letters import folded
from studio.settings import assets_dir
from studio.trust.browser import browser_selector
from studio.trust.decision import AnswerKind, Decision
from studio.trust.fitting import fit, known_questions, question_set
from studio.trust.index import Floats, Index
from studio.trust.selector import AnswerSelector
from studio.web import demo
from tests.sharing.llama_cpp import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

CAREFUL = 0.1
ODD = (
    "",
    "???",
    "🥐",
    "a",
    "Ça coûte combien, l'œuvre nº 2?",
    "STRASSE Straße ẞ",
    "ΟΔΟΣ οδός ς",
    "ﬁm ½ ™ ª",
    "กำลังทำอะไร",
    "नमस्ते दुनिया",
    "שָׁלוֹם",
    "İstanbul ığ",
    "e\u0301 a\u0315\u0334b",
    "日本語 テスト",
    "x_y-z  \t 12,50",
)


def asked(locale: str) -> list[str]:
    with (assets_dir() / "samples" / f"{locale}.heldout.csv").open(encoding="utf-8") as file:
        own = [row["question"] for row in csv.DictReader(file)]
    return [*own, *(one.question for one in out_of_scope_questions(locale)), *question_set("small_talk", locale), *ODD]


def without_vectors(texts: tuple[str, ...]) -> Floats:
    return np.zeros((len(texts), 0), np.float32)


@pytest.fixture(scope="module")
def selector() -> AnswerSelector:
    """Fitted to some of the Portuguese sample, so that it takes seconds."""
    with (assets_dir() / "samples" / "pt.train.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    examples = [Conversation.pair(row["question"], row["answer"]) for row in rows[:64]]
    known = known_questions(examples, "pt")
    return fit(Index(known, without_vectors(known.questions), without_vectors(known.answers)))


def test_the_page_decides_as_the_studio_does(browser: Browser, selector: AnswerSelector, tmp_path: Path) -> None:
    script = Path(demo.__file__).parent / "site_static" / "known.js"
    (tmp_path / "known.js").write_bytes(script.read_bytes())
    (tmp_path / "known.json").write_text(json.dumps(browser_selector(selector, CAREFUL)), encoding="utf-8")
    (tmp_path / "index.html").write_text("<!doctype html><title>x</title>", encoding="utf-8")
    texts = asked("pt")
    chats = [(first, "e isso demora?", []) for first in texts[:40]] + [(first, "e lá?", ["x"]) for first in texts[:10]]
    with served(tmp_path) as address:
        page = browser.new_context().new_page()
        page.goto(address)
        found: dict[str, Any] = page.evaluate(
            """async ([texts, chats]) => {
              const { KnownAnswers, folded } = await import("./known.js");
              const known = new KnownAnswers(await (await fetch("known.json")).json());
              return {
                folded: texts.map(folded),
                alone: await Promise.all(texts.map((text) => known.decide(text))),
                together: await Promise.all(chats.map(([before, text, given]) => known.decide(text, before, given))),
              };
            }""",
            [texts, chats],
        )
        page.close()
    assert found["folded"] == [folded(text) for text in texts]
    expected = selector.decide(tuple(texts), without_vectors(tuple(texts)), CAREFUL)
    assert len({one.kind for one in expected}) == 3, "each way of answering occurs"
    assert [as_said(one) for one in expected] == [(one["kind"], one["answer"]) for one in found["alone"]]
    confidence = [one["confidence"] for one in found["alone"]]
    assert confidence == pytest.approx([one.confidence for one in expected], abs=1e-3)
    for (before, text, given), one in zip(chats, found["together"], strict=True):
        both = (text, f"{before}\n{text}")
        decision = selector.decide_in_context(both, without_vectors(both), CAREFUL, given)
        assert (one["kind"], one["answer"]) == as_said(decision)
    assert any(one["kind"] == AnswerKind.KNOWN for one in found["together"])


def as_said(decision: Decision) -> tuple[str, str]:
    return decision.kind.value, decision.answer
