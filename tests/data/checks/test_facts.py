"""Facts made in blocks, joined, taken apart and mended are the facts of the whole."""

from __future__ import annotations

import numpy as np

from studio.data.checks import registry
from studio.data.checks.dataset import ScannedDataset
from studio.data.checks.facts import Facts, equal_groups, joined
from studio.data.checks.report import Report
from studio.data.checks.scanner import Scanner
from studio.domain.conversation import Conversation, Message, Role, Source

TEXTS = (
    ("Qual o prazo?", "Quatro dias úteis."),
    ("Sou ana@gmail.com", "Ligue para nós: (11) 3333-4444."),
    ("Oi", "Olá!"),
    ("Qual o prazo", "Cinco dias."),
    ("Meu CPF é 529.982.247-25", "<b>Certo</b>"),
    ("Sou ana@gmail.com e moro na Rua das Flores, 12", "Já vi [EMAIL_7] antes."),
)


def examples() -> list[Conversation]:
    rows = [
        Conversation.pair(
            q, a, id=f"e{n}", source=Source(file=f"{n % 2}.csv", row=n + 2), topic="x" if n == 3 else None
        )
        for n, (q, a) in enumerate(TEXTS)
    ]
    turns = [(Role.SYSTEM, "Ana"), (Role.USER, "a?"), (Role.ASSISTANT, "b"), (Role.USER, "c?"), (Role.ASSISTANT, "d e")]
    rows.append(Conversation(messages=tuple(Message(role=r, content=t) for r, t in turns), id="e9", held_out=True))
    return rows


def alike(left: Facts, right: Facts) -> bool:
    """Whether two sets of facts say the same; files may be numbered differently."""
    names = [name for name in left.rows.dtype.names or () if name != "file"]
    files = [[*facts.files, None] for facts in (left, right)]
    return (
        all(np.array_equal(left.rows[name], right.rows[name]) for name in names)
        and np.array_equal(left.values, right.values)
        and [files[0][i] for i in left.rows["file"]] == [files[1][i] for i in right.rows["file"]]
    )


def test_blocks_joined_are_the_whole() -> None:
    rows = examples()
    whole = Scanner().scan(rows)
    assert len(whole.values) >= 4, "the examples have values to lose"
    for cut in range(len(rows) + 1):
        parts = joined((Scanner().scan(rows[:cut]), Scanner().scan(rows[cut:])))
        assert alike(parts, whole), cut
        assert (parts.questions, parts.answers, parts.masks) == (whole.questions, whole.answers, {"EMAIL": 7})


def test_lines_of_a_file_give_the_same_facts() -> None:
    rows = examples()
    lines = [row.model_dump_json(exclude_defaults=True).encode() for row in rows]
    read, whole = Scanner().scan_lines(lines), Scanner().scan(rows)
    assert alike(read, whole)
    assert (read.questions, read.answers, read.masks) == (whole.questions, whole.answers, whole.masks)


def test_a_scanner_that_goes_on_gives_the_same_facts() -> None:
    rows = examples()
    scanner = Scanner()
    parts = [scanner.scan(rows[:4]), scanner.scan([*rows[2:], rows[0].model_copy(update={"held_out": True})])]
    again = Scanner().scan([*rows[:4], *rows[2:], rows[0].model_copy(update={"held_out": True})])
    assert alike(joined(parts), again)
    assert (joined(parts).questions, joined(parts).answers) == (again.questions, again.answers)


def test_facts_follow_their_examples() -> None:
    rows = examples()
    order = np.array([6, 1, 5, 0])
    assert alike(Scanner().scan(rows).taken(order), Scanner().scan(rows[i] for i in order))


def test_after_a_change_only_the_changed_are_made_anew_and_all_is_right() -> None:
    before = ScannedDataset(tuple(examples()))
    changed = before.changed({0: Conversation.pair("Nova? joao@uol.com.br", "Sim.", id="e0"), 2: None})
    assert [c.id for c in changed.conversations] == ["e0", "e1", "e3", "e4", "e5", "e9"]
    assert alike(changed.facts, ScannedDataset(changed.conversations).facts)


def test_a_chain_of_fixes_says_the_same_as_a_fresh_look() -> None:
    data = ScannedDataset.of(examples())
    fixed = registry.fix(data, *registry.fixable(registry.find_all(data)))
    assert [f.code for f in Report.of(fixed).findings] == [
        f.code for f in Report.of(ScannedDataset(fixed.conversations)).findings
    ]
    assert any("[EMAIL_8]" in c.question for c in fixed.conversations), "seven is taken"


def test_equal_keys_come_together() -> None:
    assert equal_groups(np.array([5, 3, 5, 1, 3, 5], np.uint64)) == [[0, 2, 5], [1, 4]]
    assert equal_groups(np.array([], np.uint64)) == []
