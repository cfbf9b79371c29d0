"""Which column is what: recognised from headers in Portuguese, English and Spanish, and from what the cells hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from studio.data.importing.column_content import Content, content_of
from studio.data.importing.column_names import exact_role, roles_of, speaks_about, title_rank
from studio.data.importing.column_texts import (
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
from studio.data.text import plain
from studio.domain.dataset import ColumnRole, Mapping

_MAX_SAME_ANSWERS: Final = 20  # rows in which one sentence may be the answer to other wordings of a question


@dataclass(frozen=True)
class Guess:
    """A mapping and how it was found."""

    mapping: Mapping  # may be incomplete, with no second column of text
    by_header: bool  # whether the headers named both question and answer


def guess(columns: Sequence[str], rows: Sequence[dict[str, Any]], chosen: Mapping | None = None) -> Guess:
    """The most likely mapping of a table; incomplete where there are not two columns of text."""
    chosen = (chosen or Mapping()).only(columns)
    if (beside := _without_constant_answer(columns, rows, chosen)) is not None:
        return beside
    roles = roles_of(columns)
    cells = {column: texts_of(column, rows) for column in columns}
    contents = {column: content_of([row.get(column) for row in rows]) for column in columns}
    free = [column for column in columns if column not in chosen.columns]
    filled = [column for column in free if cells[column]] if rows else free
    topic = chosen.topic or _topic(filled, roles, contents)
    key = chosen.id or next((c for c in filled if roles[c][0] is ColumnRole.ID and is_key(cells[c])), None)
    held_out = chosen.held_out or next(
        (c for c in filled if roles[c][0] is ColumnRole.HELD_OUT and is_held_out(cells[c])), None
    )
    system = chosen.system or tuple(filter(None, [_first(filled, roles, ColumnRole.SYSTEM)]))
    texts = [c for c in filled if _may_speak(c, contents[c])]
    answer = chosen.answer or _named(texts, roles, ColumnRole.ANSWER, cells)
    rest = [c for c in texts if c not in answer]
    question = chosen.question or _instruction([c for c in filled if c not in answer])
    question = question or _beside(answer, _named(rest, roles, ColumnRole.QUESTION, cells), rest, roles)
    by_header = bool(question and answer)
    others = {key, held_out, *system}
    told = {c for c in filled if speaks_about(c)}  # "Nome", "Data de abertura": about a conversation, not of it
    open_ = [
        c
        for c in filled
        if c not in {topic, *others, *answer, *question, *told} and contents[c] is None and is_prose(cells[c])
    ]
    # What the very word for it stands above, and holds no texts, is not made up for by another column.
    hollow = _is_hollow(ColumnRole.ANSWER, answer, filled) or _is_hollow(ColumnRole.QUESTION, question, filled)
    if not hollow and not (question and answer):
        if len(open_) + bool(question) + bool(answer) < 2 and topic and not chosen.topic and is_prose(cells[topic]):
            open_, topic = [topic, *open_], None  # "Assunto" is the question where there is no other
        question, answer = _by_content(question, answer, _open_to(question, answer, open_, roles), cells)
    if not hollow and not (question and answer):
        wordy = [
            c
            for c in filled
            if c not in {topic, *others, *question, *answer, *told} and contents[c] is None and has_words(cells[c])
        ]
        question, answer = _by_content(question, answer, _open_to(question, answer, wordy, roles), cells)
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


def _may_speak(column: str, content: Content | None) -> bool:
    """Whether a column may be the question or the answer: it holds texts, or its title is the very word for it.

    No title makes a text of lists, dates or words for who spoke.
    """
    if content is None:
        return True
    return content not in (Content.NESTED, Content.DATES, Content.ROLES) and title_rank(column) == 3


def _topic(
    columns: Sequence[str], roles: dict[str, tuple[ColumnRole | None, float]], contents: dict[str, Content | None]
) -> str | None:
    """The first column that a title calls a topic, where it is more than one and the same word."""
    named = [column for column in columns if roles[column][0] is ColumnRole.TOPIC]
    useful = [column for column in named if contents[column] in (None, Content.LABELS)]
    return next(iter(useful), next(iter(named), None))


def _beside(
    answer: tuple[str, ...],
    question: tuple[str, ...],
    columns: Sequence[str],
    roles: dict[str, tuple[ColumnRole | None, float]],
) -> tuple[str, ...]:
    """The question whose title has the same mark as the answer's: ``question_pt`` for ``answer_pt``."""
    if len(question) != 1 or len(answer) != 1:
        return question
    asked = [column for column in columns if roles[column] == roles[question[0]]]
    return next(((column,) for column in asked if _mark(column) == _mark(answer[0]) != ""), question)


def _mark(header: str) -> str:
    """The last word of a title, where it is short: a language or a number."""
    last = plain(header.replace("_", " ")).split()[-1:]
    return last[0] if last and len(last[0]) <= 2 and len(plain(header.replace("_", " ")).split()) > 1 else ""


def unfit(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Why each column of a table is neither question nor answer: ``empty``, a :class:`Content`, ``short`` or ``one``."""
    reasons: dict[str, str] = {}
    for column in columns:
        texts = texts_of(column, rows)
        content = content_of([row.get(column) for row in rows])
        if not texts:
            reasons[column] = "empty"
        elif content is not None:
            reasons[column] = content.value
        else:
            reasons[column] = "text" if has_words(texts) else "short"
    return reasons


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


def _first(columns: Sequence[str], roles: dict[str, tuple[ColumnRole | None, float]], role: ColumnRole) -> str | None:
    return next((column for column in columns if roles[column][0] is role), None)


def _named(
    columns: Sequence[str],
    roles: dict[str, tuple[ColumnRole | None, float]],
    role: ColumnRole,
    cells: dict[str, list[str]],
) -> tuple[str, ...]:
    candidates = [column for column in columns if roles[column][0] is role]
    # A column that only names a shop or a customer is neither where another one speaks: "Loja" with "Centro".
    speaks = any(roles[column][0] is None and is_prose(cells[column]) for column in columns)
    if speaks:
        candidates = [column for column in candidates if roles[column][1] >= 1 or is_prose(cells[column])]
    if not candidates:
        return ()
    # Of several, the exactest title, where it does not only name a person ("Cliente"); then the fullest column; then
    # plain text before markup; then the first.
    best = max(
        candidates,
        key=lambda c: (
            roles[c][1] >= 1 or is_prose(cells[c]),
            title_rank(c) == 3,
            roles[c][1],
            title_rank(c),
            len(cells[c]) >= 0.5 * max(len(cells[other]) for other in candidates),
            -marked_up(cells[c]),
            -columns.index(c),
        ),
    )
    return (best,)


def _open_to(
    question: tuple[str, ...],
    answer: tuple[str, ...],
    columns: list[str],
    roles: dict[str, tuple[ColumnRole | None, float]],
) -> list[str]:
    """The columns that may be what is missing: a second column of questions is no answer."""
    if bool(question) == bool(answer):
        return columns
    other = (ColumnRole.QUESTION, 1.0) if question else (ColumnRole.ANSWER, 1.0)
    return [column for column in columns if roles[column] != other]


def _by_content(
    question: tuple[str, ...], answer: tuple[str, ...], free: list[str], cells: dict[str, list[str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not question and not answer and len(free) >= 2:
        if len(free) > 2:  # of several, one that asks; else the first
            asked = max(free, key=lambda c: (round(share_asking(cells[c]), 1), -mean_length(cells[c])))
            first = asked if share_asking_first(cells[asked]) >= 0.2 else free[0]
        else:
            first = free[1] if _asks_back(free[0], free[1], cells) else free[0]
        question = (first,)
        free = [c for c in free if c not in question]
    if question and not answer and free:
        answer = (max(free, key=lambda c: mean_length(cells[c]) * (1 - 0.8 * share_asking(cells[c]))),)
    elif answer and not question and free:
        question = (max(free, key=lambda c: (round(share_asking(cells[c]), 1), mean_length(cells[c]))),)
    return question, answer


def _asks_back(first: str, second: str, cells: dict[str, list[str]]) -> bool:
    """Whether the second of two columns asks and the first does not: an answer may ask back, but not to begin with."""
    return share_asking_first(cells[second]) >= 0.5 and share_asking_first(cells[first]) <= 0.15
