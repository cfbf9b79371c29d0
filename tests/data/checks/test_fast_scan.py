"""One glance of compiled code says of texts what the checks say that look at them one by one."""

from __future__ import annotations

import random

import pytest

from studio.data.checks import facts as making
from studio.data.checks.facts import firsts
from studio.data.checks.fast_scan import BatchScanner
from studio.data.checks.scanner import FactsBuilder, Scanner
from studio.domain.conversation import Conversation
from tests.data.checks.test_facts import TEXTS, alike, examples
from tests.data.hostile.corpus import PATTERNS

ODD = (
    "", " ", ".", "  dois   espaços ", "tab\there", "linha\nlinha", "line\r\nend\x1c", "a\xa0b  c", "nul\0nul", "“aspas” – € 10",
    "STRASSE Straße", "µ ª º ½ ² ÿ Ÿ", "Ã§Ã£o", "voc\u0065\u0302 não", "\x85\x9f\x80", "١٢٣٤٥٦٧٨٩", "中文 送料はいくら", "\ud800", "lh nh ción",
    "<b>oi</b> &amp; tchau", "> citado\nOn Monday Ana wrote:", "Regards,\nAna", "Thanks for contacting us, we will reply soon",
    "my name is Ana Souza", "Olá Maria, tudo bem?", "Rua das Flores, 123", "12 Main Street", "ana (at) mail (dot) com", "[EMAIL_4]",
    "the order is 123456 and you can call (11) 98765-4321", "529.982.247-25", "4539 1488 0343 6467", "quero a de o para com que the of and to",
    "der die das und ist Größe", "el pedido ¿dónde está? la entrega de los paquetes", "le la les des et un est", "n/a", "ver anexo", "lorem ipsum dolor",
)  # fmt: skip


def pairs() -> list[Conversation]:
    """Each odd text as a question and as an answer, and mixtures of them."""
    dice = random.Random(5)
    said = [*ODD, *(text for pair in TEXTS for text in pair), *(case.data().decode()[:3_000] for case in PATTERNS)]
    mixed = [" ".join(dice.choices(said, k=3))[:5_000] for _ in range(150)]
    letters = ["".join(chr(dice.randrange(1, 256)) for _ in range(60)) for _ in range(150)]
    every = said + mixed + letters
    return [Conversation.pair(q, a) for q, a in zip(every, dice.sample(every, len(every)), strict=True)]


def test_it_says_what_the_checks_say() -> None:
    rows = [*pairs(), *examples()]
    one_by_one, at_once = Scanner().scan(rows), Scanner(BatchScanner()).scan(rows)
    names = one_by_one.rows.dtype.names or ()
    for place, row in enumerate(rows):
        wrong = [name for name in names if one_by_one.rows[place][name] != at_once.rows[place][name]]
        assert not wrong, (wrong, row.question, row.answer)
    assert alike(one_by_one, at_once)
    assert (one_by_one.questions, one_by_one.answers) == (at_once.questions, at_once.answers)
    assert one_by_one.masks == at_once.masks
    assert len(at_once.values) > 10


def test_most_texts_need_no_second_look() -> None:
    seen = {content for content, _ in BatchScanner()(dict.fromkeys(ODD, "user"), FactsBuilder())}
    assert {"Ã§Ã£o", "“aspas” – € 10", "Olá Maria, tudo bem?"} <= seen
    assert not {"STRASSE Straße", "中文 送料はいくら", "\ud800"} & seen


def test_keys_are_numbered_alike_by_compiled_code(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Scanner().scan(pairs()).rows["answer"]
    few = firsts(keys)
    monkeypatch.setattr(making, "_MANY", 1)
    many = firsts(keys)
    assert all((a == b).all() for a, b in zip(few, many, strict=True))
