"""Examples as files: CSV and XLSX for a spreadsheet, JSONL for training tools, an empty spreadsheet to fill in. Safe to open."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from studio.data.limits import LARGE
from studio.domain.conversation import Conversation, Role
from studio.errors import AfinaError

Writer = Callable[[Path, Iterable[Conversation]], None]
_COLUMNS: Final = ("question", "answer", "topic", "held_out", "reworded_from")
_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r")
_NUMBER: Final = re.compile(r"[+\-.,() 0-9]+")
# Where another program, which splits at another separator than ours, would begin a cell with a formula. A dash with a
# blank behind it opens an item of a list, unless it calls something.
_INNER: Final = re.compile(
    r"(?<=[;|\t\r\n])([\s\"]*)([=@]|[+-](?![ +\-.,()0-9]*(?:[;|\t\r\n]|$))(?=[^ ]|[^;\r\n]*[|(!]))"
)
_XLSX_CELL: Final = 32_767  # characters: Excel refuses longer ones
_WIDTHS: Final = (48, 80, 24)  # characters
_NOTE_SIZE: Final = (420, 160)  # pixels


def writer(suffix: str) -> Writer:
    """The writer for an ending such as ``.csv``. Raises ``data.unknown_export``."""
    found = WRITERS.get(suffix.lower().lstrip("."))
    if found is None:
        raise AfinaError("data.unknown_export", suffix=suffix[:20] or "?", known=", ".join(WRITERS))
    return found


def safe_cell(text: str) -> str:
    """Text that a spreadsheet shows and never runs: a beginning that reads as a formula gets an apostrophe.

    As OWASP advises against CSV injection. A plain number such as ``-3`` or ``+55 11 5555-0100`` stays as it is, since
    no spreadsheet runs it. The same is done behind ``;``, ``|``, tabs and line breaks: Excel in Portuguese splits our
    commas at semicolons, whatever is quoted.
    """
    if text.startswith(_DANGEROUS) and not _NUMBER.fullmatch(text):
        return "'" + text[0] + _INNER.sub(r"\1'\2", text[1:])
    return _INNER.sub(r"\1'\2", text)


def write_csv(path: Path, conversations: Iterable[Conversation]) -> None:
    """Writes one row an example, UTF-8 with a mark so that Excel reads the accents."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file, quoting=csv.QUOTE_ALL)
        rows.writerow(_COLUMNS)
        rows.writerows([safe_cell(cell) for cell in row] for row in _rows(conversations))


def write_xlsx(path: Path, conversations: Iterable[Conversation]) -> None:
    """Writes one row an example; every cell is text, so nothing is a formula."""
    from openpyxl import Workbook

    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("examples")
    for row in ([*_COLUMNS], *_rows(conversations)):
        sheet.append([_text_cell(sheet, text[:_XLSX_CELL]) for text in row])
    workbook.save(path)


def _text_cell(sheet: Any, text: str) -> Any:
    """The text itself, or a cell that says that it is text where the library would take it for a formula."""
    from openpyxl.cell import WriteOnlyCell

    if not text.startswith("="):
        return text
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    return cell


def write_jsonl(path: Path, conversations: Iterable[Conversation]) -> None:
    """Writes one conversation a line in the chat format of OpenAI, all turns kept; ``weight`` 0 is not learned from."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for conversation, origin in _with_origins(conversations):
            file.write(json.dumps(_openai(conversation, origin), ensure_ascii=False) + "\n")


def _openai(conversation: Conversation, origin: str) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for message in conversation.messages:
        turn: dict[str, Any] = {"role": message.role.value, "content": message.content}
        if message.role is Role.ASSISTANT and not message.learn:
            turn["weight"] = 0
        messages.append(turn)
    record: dict[str, Any] = {"messages": messages}
    if conversation.held_out is not None:
        record["split"] = "test" if conversation.held_out else "train"
    if origin:
        record["reworded_from"] = origin
    return record


def _rows(conversations: Iterable[Conversation]) -> Iterator[list[str]]:
    for conversation, origin in _with_origins(conversations):
        flag = {True: "test", False: "train", None: ""}[conversation.held_out]
        yield [conversation.question, conversation.answer, conversation.topic or "", flag, origin]


@dataclass(frozen=True)
class LostInTable:
    """What a table of questions and answers cannot hold."""

    examples: int  # of which something is lost
    turns: int  # questions, answers and results of tools before the last question and its answer
    systems: int  # instructions


def lost_in_table(conversations: Iterable[Conversation]) -> LostInTable:
    """Counts what :func:`write_csv` and :func:`write_xlsx` leave out: earlier turns and instructions."""
    examples = turns = systems = 0
    for conversation in conversations:
        dialogue = [message for message in conversation.messages if message.role is not Role.SYSTEM]
        system = len(conversation.messages) - len(dialogue)
        earlier = max(0, len(dialogue) - 2)
        examples += bool(earlier or system)
        turns += earlier
        systems += system
    return LostInTable(examples, turns, systems)


def _with_origins(conversations: Iterable[Conversation]) -> Iterator[tuple[Conversation, str]]:
    """Examples, each with the question that it asks in other words; empty where it is nobody's.

    A version keeps reworded examples behind those they were made from. Of a large set not every question is remembered:
    the id stands for one that is not.
    """
    questions: dict[str, str] = {}
    for conversation in conversations:
        if conversation.reworded_from:
            yield conversation, questions.get(conversation.reworded_from, conversation.reworded_from)
            continue
        if len(questions) < LARGE:
            questions[conversation.id] = conversation.question
        yield conversation, ""


WRITERS: Final[dict[str, Writer]] = {"csv": write_csv, "xlsx": write_xlsx, "jsonl": write_jsonl}


def write_template(path: Path, sheet: str, titles: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> None:
    """Writes the spreadsheet. The note is a comment on the first title, so that no reader takes it for an example."""
    from openpyxl import Workbook
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Font

    workbook = Workbook()
    page = workbook.active
    page.title = sheet
    for row in (titles, *rows):
        page.append(list(row))
    for cell in page[1]:
        cell.font = Font(bold=True)
    for column, width in zip("ABC", _WIDTHS, strict=True):
        page.column_dimensions[column].width = width
    for row_cells in page.iter_rows(min_row=2):
        for cell in row_cells:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    page.freeze_panes = "A2"
    page["A1"].comment = Comment(note, "Afina", width=_NOTE_SIZE[0], height=_NOTE_SIZE[1])
    workbook.save(path)
