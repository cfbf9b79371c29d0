"""Which column is what: recognised from headers in Portuguese, English and Spanish, and from what the cells hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from studio.data.importing.column_content import (
    Content,
    content_of,
    has_words,
    is_held_out,
    is_key,
    is_prose,
    marked_up,
    mean_length,
    share_asking,
    share_asking_first,
    texts_of,
)
from studio.data.importing.column_names import exact_role, roles_of, speaks_about, title_rank
from studio.data.text import plain
from studio.domain.dataset import ColumnRole, Mapping

_MAX_SAME_ANSWERS: Final = 20  # rows in which one sentence may be the answer to other wordings of a question


@dataclass(frozen=True)
class Guess:
    """A mapping and how it was found."""

    mapping: Mapping  # may be incomplete, with no second column of text
    by_header: bool  # whether the headers named both question and answer


class _Columns:
    """The columns of a table: what their titles say, and what their cells hold."""

    def __init__(self, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
        self.names = columns
        self.roles = roles_of(columns)
        self.cells = {column: texts_of(column, rows) for column in columns}
        self.contents = {column: content_of([row.get(column) for row in rows]) for column in columns}

    def of_role(self, role: ColumnRole, among: Sequence[str]) -> list[str]:
        """Those of some columns whose title says a role."""
        return [column for column in among if self.roles[column][0] is role]

    def speaking(self, among: Sequence[str]) -> list[str]:
        """Those that may be the question or the answer: they hold texts, or their title is the very word for it.

        No title makes a text of lists, dates or words for who spoke.
        """
        mute = (Content.NESTED, Content.DATES, Content.ROLES)
        return [
            column
            for column in among
            if (content := self.contents[column]) is None or (content not in mute and title_rank(column) == 3)
        ]

    def topic(self, among: Sequence[str]) -> str | None:
        """The first column that a title calls a topic, where it is more than one and the same word."""
        named = self.of_role(ColumnRole.TOPIC, among)
        useful = [column for column in named if self.contents[column] in (None, Content.LABELS)]
        return next(iter(useful), next(iter(named), None))

    def named(self, role: ColumnRole, among: Sequence[str]) -> tuple[str, ...]:
        """The column whose title says a role best; empty where none does."""
        candidates = self.of_role(role, among)
        # A column that only names a shop or a customer is neither where another one speaks: "Loja" with "Centro".
        if any(self.roles[column][0] is None and is_prose(self.cells[column]) for column in among):
            candidates = [c for c in candidates if self.roles[c][1] >= 1 or is_prose(self.cells[c])]
        if not candidates:
            return ()
        # Of several, the exactest title, where it does not only name a person ("Cliente"); then the fullest column; then
        # plain text before markup; then the first.
        fullest = max(len(self.cells[column]) for column in candidates)
        best = max(
            candidates,
            key=lambda c: (
                self.roles[c][1] >= 1 or is_prose(self.cells[c]),
                title_rank(c) == 3,
                self.roles[c][1],
                title_rank(c),
                len(self.cells[c]) >= 0.5 * fullest,
                -marked_up(self.cells[c]),
                -among.index(c),
            ),
        )
        return (best,)

    def beside(self, answer: tuple[str, ...], question: tuple[str, ...], among: Sequence[str]) -> tuple[str, ...]:
        """The question whose title has the same mark as the answer's: ``question_pt`` for ``answer_pt``."""
        if len(question) != 1 or len(answer) != 1:
            return question
        asked = [column for column in among if self.roles[column] == self.roles[question[0]]]
        return next(((column,) for column in asked if _mark(column) == _mark(answer[0]) != ""), question)

    def by_content(
        self, question: tuple[str, ...], answer: tuple[str, ...], free: list[str]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Question and answer, each as it is or by what the free columns hold; a second column of questions is no answer."""
        cells = self.cells
        if bool(question) != bool(answer):
            other = (ColumnRole.QUESTION, 1.0) if question else (ColumnRole.ANSWER, 1.0)
            free = [column for column in free if self.roles[column] != other]
        if not question and not answer and len(free) >= 2:
            if len(free) > 2:  # of several, one that asks; else the first
                asked = max(free, key=lambda c: (round(share_asking(cells[c]), 1), -mean_length(cells[c])))
                first = asked if share_asking_first(cells[asked]) >= 0.2 else free[0]
            else:  # an answer may ask back, but not to begin with
                asks_back = share_asking_first(cells[free[1]]) >= 0.5 and share_asking_first(cells[free[0]]) <= 0.15
                first = free[1] if asks_back else free[0]
            question = (first,)
            free = [c for c in free if c not in question]
        if question and not answer and free:
            answer = (max(free, key=lambda c: mean_length(cells[c]) * (1 - 0.8 * share_asking(cells[c]))),)
        elif answer and not question and free:
            question = (max(free, key=lambda c: (round(share_asking(cells[c]), 1), mean_length(cells[c]))),)
        return question, answer


def guess(columns: Sequence[str], rows: Sequence[dict[str, Any]], chosen: Mapping | None = None) -> Guess:
    """The most likely mapping of a table; incomplete where there are not two columns of text."""
    chosen = (chosen or Mapping()).only(columns)
    if (beside := _without_constant_answer(columns, rows, chosen)) is not None:
        return beside
    table = _Columns(columns, rows)
    cells, contents = table.cells, table.contents
    free = [column for column in columns if column not in chosen.columns]
    filled = [column for column in free if cells[column]] if rows else free
    topic = chosen.topic or table.topic(filled)
    key = chosen.id or next((c for c in table.of_role(ColumnRole.ID, filled) if is_key(cells[c])), None)
    flags = (c for c in table.of_role(ColumnRole.HELD_OUT, filled) if is_held_out(cells[c]))
    held_out = chosen.held_out or next(flags, None)
    system = chosen.system or tuple(table.of_role(ColumnRole.SYSTEM, filled)[:1])
    texts = table.speaking(filled)
    answer = chosen.answer or table.named(ColumnRole.ANSWER, texts)
    rest = [c for c in texts if c not in answer]
    question = chosen.question or _instruction([c for c in filled if c not in answer])
    question = question or table.beside(answer, table.named(ColumnRole.QUESTION, rest), rest)
    by_header = bool(question and answer)
    told = {c for c in filled if speaks_about(c)}  # "Nome", "Data de abertura": about a conversation, not of it
    used = {topic, key, held_out, *system, *question, *answer, *told}
    left = [c for c in filled if c not in used and contents[c] is None]
    # What the very word for it stands above, and holds no texts, is not made up for by another column.
    hollow = _is_hollow(ColumnRole.ANSWER, answer, filled) or _is_hollow(ColumnRole.QUESTION, question, filled)
    if not hollow and not by_header:
        prose = [c for c in left if is_prose(cells[c])]
        if len(prose) + bool(question) + bool(answer) < 2 and topic and not chosen.topic and is_prose(cells[topic]):
            prose, topic = [topic, *prose], None  # "Assunto" is the question where there is no other
        question, answer = table.by_content(question, answer, prose)
    if not hollow and not (question and answer):
        wordy = [c for c in left if c not in (*question, *answer) and has_words(cells[c])]
        question, answer = table.by_content(question, answer, wordy)
    found = Mapping(question=question, answer=answer, system=system, topic=topic, id=key, held_out=held_out)
    return Guess(found.model_copy(update={"company": chosen.company, "sheets": chosen.sheets}), by_header)


def _is_hollow(role: ColumnRole, found: tuple[str, ...], columns: Sequence[str]) -> bool:
    """Whether nothing was found for a role although a title is the very word for it."""
    return not found and any(exact_role(column) is role for column in columns)


def second_pair(columns: Sequence[str], rows: Sequence[dict[str, Any]], mapping: Mapping) -> tuple[str, ...]:
    """The columns of further questions or answers beside those that are read: ``Question 2``, ``Answer 2``.

    A further answer alone counts where its title is that of the answer but for a number.
    """
    roles = roles_of(columns)
    mapped = {*mapping.question, *mapping.answer}
    beside = [row for row in rows if not mapped.isdisjoint(row)]  # other records are read by their own fields
    free = [
        column
        for column in columns
        if column not in mapping.columns and roles[column][1] >= 1 and any(row.get(column) for row in beside)
    ]
    texts = [c for c in free if content_of([row.get(c) for row in rows]) is None and is_prose(texts_of(c, rows))]
    named = {roles[column][0] for column in texts}
    if named >= {ColumnRole.QUESTION, ColumnRole.ANSWER}:
        return tuple(texts)
    return tuple(column for column in texts if _stem(column) in {_stem(name) for name in mapped})


def _stem(title: str) -> str:
    return "".join(letter for letter in plain(title) if letter.isalpha())


def _instruction(columns: Sequence[str]) -> tuple[str, ...]:
    """What Alpaca and Dolly ask with: an instruction, and what it is about; empty where a table is none of them."""
    names = {plain(column): column for column in columns}
    more = names.get("input") or names.get("context")
    return (names["instruction"], more) if "instruction" in names and more else ()


def _without_constant_answer(columns: Sequence[str], rows: Sequence[dict[str, Any]], chosen: Mapping) -> Guess | None:
    """The mapping of a table in whose column of answers every row says the same to different questions.

    A state ("Closed") is no answer, and of more than a few rows no sentence is ("See attachment"), where another column
    can be. A few wordings of one question may well have one answer.

    Returns:
        None for every other table.
    """
    same = {
        column: texts
        for column in columns
        if exact_role(column) is ColumnRole.ANSWER
        and content_of([row.get(column) for row in rows]) is Content.CONSTANT
        and (len(texts := texts_of(column, rows)) > _MAX_SAME_ANSWERS or not is_prose(texts))
    }
    if not same or chosen.answer:
        return None
    found = guess([column for column in columns if column not in same], rows, chosen)
    asked = found.mapping.question
    varied = bool(asked) and content_of([row.get(asked[0]) for row in rows]) is not Content.CONSTANT
    states = not any(map(is_prose, same.values()))
    # Not by its titles: they name another column, and a person should be told.
    return Guess(found.mapping, by_header=False) if found.mapping.is_complete or (states and varied) else None


def _mark(header: str) -> str:
    """The last word of a title, where it is short: a language or a number."""
    last = plain(header.replace("_", " ")).split()[-1:]
    return last[0] if last and len(last[0]) <= 2 and len(plain(header.replace("_", " ")).split()) > 1 else ""


def unfit(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Why each column of a table is neither question nor answer: ``empty``, a :class:`Content`, ``short`` or ``one``."""
    table = _Columns(columns, rows)

    def why(column: str) -> str:
        if not table.cells[column]:
            return "empty"
        wordy = "text" if has_words(table.cells[column]) else "short"
        return content.value if (content := table.contents[column]) is not None else wordy

    return {column: why(column) for column in columns}


def reason(column: str, role: ColumnRole, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """Why a column has a role: the suffix of the catalog key ``mapping.why.<reason>``.

    Args:
        column: its header.
        role: what it was taken for.
        columns: all headers.
        rows: some of the first rows.

    Returns:
        ``header`` where its title says so, ``asks`` where its texts ask, ``longer`` where it holds the longer texts,
        else ``left``.
    """
    if roles_of(columns).get(column, (None, 0.0))[0] is role:
        return "header"
    texts = texts_of(column, rows)
    if role is ColumnRole.QUESTION and share_asking(texts) >= 0.2:
        return "asks"
    others = [mean_length(texts_of(name, rows)) for name in columns if name != column]
    return "longer" if role is ColumnRole.ANSWER and mean_length(texts) >= max(others, default=0) else "left"
