"""E-mail: mailboxes (mbox) and single messages (eml). Threads become conversations; attachments are never opened."""

from __future__ import annotations

import email
import mailbox
import re
from collections.abc import Iterable, Iterator
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from typing import Final

from studio.data.importing.exports.base import without_markup
from studio.data.importing.table import Reader, Record, SourceFile, Table
from studio.data.limits import MAX_CELL
from studio.domain.problem import Severity

_HEADERS: Final = re.compile(
    r"^(?:from|to|subject|date|message-id|received|return-path|delivered-to|mime-version|de|para|assunto):", re.I | re.M
)
_REPLY: Final = re.compile(r"^\s*((re|res|fw|fwd|enc|rv|aw)\s*(\[\d+\])?:\s*)+", re.I)
_WROTE: Final = re.compile(r"^(?:on (?:(?!\n\n|\n(?:on|em|el) ).){5,200}\swrote:|em (?:(?!\n\n|\n(?:on|em|el) ).){5,200}\sescreveu:|el (?:(?!\n\n|\n(?:on|em|el) ).){5,200}\sescribió:|-{2,} ?(?:original message|mensagem original|mensaje original) ?-{2,})", re.I | re.M | re.S)  # fmt: skip
_WRITER: Final = re.compile(r"([^,:<>\d]+?)\s*(?:<[^>]*>)?\s*(?:wrote|escreveu|escribió)", re.I)
_QUOTED_HEAD: Final = re.compile(r"(?:[A-Z][\w -]{1,20}:[^\n]*\n){2,8}\s*")  # From: …, Sent: …, To: …, Subject: …
_WRITER_ABOVE: Final = re.compile(r"^(?:From|De):\s*([^<\n]+)", re.I | re.M)
_SIGNATURE: Final = re.compile(r"^-- ?$", re.M)


def _sniff(source: SourceFile) -> float:
    start = source.start
    if start.startswith("From ") and len(_HEADERS.findall(start[:20_000])) >= 2:
        return 0.98
    head = start.split("\n\n")[0].split("\r\n\r\n")[0]
    names = {name.lower() for name in _HEADERS.findall(head)}
    known = {"from:", "subject:"} <= names or {"from:", "to:"} <= names
    return (
        0.97
        if known and re.match(r"[\w-]+: ", start) and names & {"date:", "message-id:", "received:", "mime-version:"}
        else 0.0
    )


def _read(source: SourceFile) -> Iterator[Table]:
    columns = ("conversation", "sender", "message", "topic")
    yield Table(
        source.name,
        columns,
        _rows(source, _messages(source)),
        detail="mbox" if source.start.startswith("From ") else "eml",
    )


def _messages(source: SourceFile) -> Iterable[Message]:
    if source.start.startswith("From "):
        box = mailbox.mbox(source.path, create=False)
        try:
            yield from box
        finally:
            box.close()
    else:
        with source.path.open("rb") as file:
            yield email.message_from_binary_file(file)


def _rows(source: SourceFile, messages: Iterable[Message]) -> Iterator[Record]:
    """Messages by thread, oldest first: of those that answer each other, else of the same subject."""
    threads: dict[str, str] = {}
    here: set[str] = set()  # ids of the messages that are in the file themselves
    found: list[tuple[str, float, int, str, str, str]] = []
    for place, message in enumerate(messages, start=1):
        subject = _REPLY.sub("", _header(message, "subject")).strip()
        own = str(message.get("message-id", "")).strip()
        before = re.findall(r"<[^>]+>", f"{message.get('references', '')} {message.get('in-reply-to', '')}")
        thread = (
            next((threads[known] for known in before if known in threads), "") or before[0:1] or f"s:{subject.lower()}"
        )
        name = thread if isinstance(thread, str) else thread[0]
        threads |= dict.fromkeys([*before, own], name)
        body = _body(message)
        text, quoted = _unquoted(body)
        asked = _quoted(body) if text and here.isdisjoint(before) and name not in {item[0] for item in found} else None
        here.add(own)
        if asked is not None:  # the message that is answered is here as a quote only
            found.append((name, _seconds(message) - 1, place, *asked, subject))
            quoted = False
        if quoted:
            source.findings.row("data.quoted_lines", source.name, place, Severity.NOTE, amount=1)
        if text:
            shown, address = parseaddr(_header(message, "from"))
            found.append((name, _seconds(message), place, shown or address, text[: MAX_CELL + 1], subject))
    for name, _, place, who, text, subject in sorted(found, key=lambda item: (item[1], item[2])):
        yield Record(place, {"conversation": name, "sender": who, "message": text, "topic": subject})


def _header(message: Message, name: str) -> str:
    value = str(message.get(name, ""))
    try:
        return str(make_header(decode_header(value))).strip()
    except (ValueError, LookupError):
        return value.strip()


def _seconds(message: Message) -> float:
    try:
        return parsedate_to_datetime(str(message.get("date", ""))).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _body(message: Message) -> str:
    """The text of a message: its plain part, else its HTML without tags; files that hang on it are left out."""
    parts = [
        part for part in message.walk() if not part.is_multipart() and part.get_content_disposition() != "attachment"
    ]
    for wanted in ("text/plain", "text/html"):
        for part in parts:
            if part.get_content_type() == wanted:
                data = part.get_payload(decode=True)
                raw = data if isinstance(data, bytes) else b""
                try:
                    text = raw.decode(part.get_content_charset() or "utf-8", "replace")
                except LookupError:
                    text = raw.decode("utf-8", "replace")
                return without_markup(text) if wanted == "text/html" else text
    return ""


def _unquoted(text: str) -> tuple[str, bool]:
    """A message without what it repeats of earlier ones, and whether there was any."""
    text = text.replace("\r\n", "\n")
    own = _WROTE.split(text, maxsplit=1)[0]
    lines = [line for line in own.split("\n") if not line.startswith(">")]
    kept = _SIGNATURE.split("\n".join(lines), maxsplit=1)[0].strip()
    return kept, len(kept) < len(text.strip())


def _quoted(text: str) -> tuple[str, str] | None:
    """Who wrote the message that is quoted below an answer, and what; None where none is. Older quotes in it are left out."""
    text = text.replace("\r\n", "\n")
    wrote = _WROTE.search(text)
    if wrote is None:
        return None
    quote = re.sub(r"^> ?", "", text[wrote.end() :], flags=re.M).strip()
    who = _WRITER.search(wrote[0])
    if (head := _QUOTED_HEAD.match(quote)) is not None:
        quote, who = quote[head.end() :], _WRITER_ABOVE.search(head[0])
    own = _unquoted(quote)[0]
    return (who[1].strip(' "') if who else "?", own[: MAX_CELL + 1]) if own else None


READER: Final = Reader("mail", ("mbox", "eml"), _sniff, _read)
