"""Exports of help desks: tickets with their comments, of Zendesk, Intercom and Freshdesk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from studio.data.importing.exports.base import TURNS, Export, records, some, without_markup
from studio.data.importing.findings import Findings
from studio.data.importing.table import Record
from studio.domain.problem import Severity

_CUSTOMERS: Final = ("user", "lead", "contact", "customer", "end-user", "visitor")


def _row(place: int, turns: list[tuple[bool, str]], ticket: dict[str, Any]) -> Record:
    """A ticket as a record: turns of (whether the customer speaks, what)."""
    topic = ticket.get("subject") or ticket.get("title") or ""
    messages = [{"role": "user" if theirs else "assistant", "content": text} for theirs, text in turns if text]
    return Record(
        place, {"messages": messages, "topic": topic if isinstance(topic, str) else "", "id": str(ticket.get("id", ""))}
    )


def _comments(ticket: dict[str, Any]) -> list[dict[str, Any]] | None:
    found = ticket.get("comments")
    if isinstance(found, dict):
        found = found.get("comments")
    bodies = ("body", "plain_body", "html_body", "value")
    is_list = isinstance(found, list) and all(isinstance(c, dict) and any(b in c for b in bodies) for c in found)
    return found if is_list else None


def _is_zendesk(value: Any) -> bool:
    tickets = some(value)
    return bool(tickets) and sum(_comments(t) is not None for t in tickets) >= 0.5 * len(tickets)


def _zendesk(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    for place, ticket in enumerate(records(value), start=1):
        customer = ticket.get("requester_id") or ticket.get("submitter_id")
        if customer is None and isinstance(ticket.get("requester"), dict):
            customer = ticket["requester"].get("id")
        comments = _comments(ticket) or []
        public = [comment for comment in comments if comment.get("public") is not False]
        _private(findings, label, place, len(comments) - len(public))
        turns = []
        for comment in public:
            author = comment.get("author_id", (comment.get("author") or {}).get("id"))
            opener = customer if customer is not None else public[0].get("author_id")
            body = comment.get("plain_body") or without_markup(
                comment.get("body") or comment.get("html_body") or comment.get("value")
            )
            turns.append((author == opener, body))
        description = without_markup(ticket.get("description"))
        if description and not any(theirs for theirs, _ in turns[:1]):
            turns.insert(0, (True, description))
        yield _row(place, turns, ticket)


def _parts(conversation: dict[str, Any]) -> list[dict[str, Any]] | None:
    found = conversation.get("conversation_parts")
    if isinstance(found, dict):
        found = found.get("conversation_parts") or found.get("parts")
    return [part for part in found if isinstance(part, dict)] if isinstance(found, list) else None


def _intercom_records(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict) and isinstance(value.get("conversations"), list):
        value = value["conversations"]
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]


def _intercom(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    for place, conversation in enumerate(_intercom_records(value), start=1):
        source = conversation.get("source") or conversation.get("conversation_message") or {}
        parts = [source, *(_parts(conversation) or [])]
        spoken = [part for part in parts if part.get("body")]
        open_ = [part for part in spoken if part.get("part_type") not in ("note", "note_and_reopen")]
        _private(findings, label, place, len(spoken) - len(open_))
        turns = [((p.get("author") or {}).get("type") in _CUSTOMERS, without_markup(p["body"])) for p in open_]
        yield _row(place, turns, {**conversation, "subject": without_markup(source.get("subject"))})


def _is_freshdesk(value: Any) -> bool:
    return any(
        isinstance(note, dict) and ("body_text" in note or "incoming" in note)
        for ticket in _tickets(value)[:20]
        for note in _notes(ticket)
    )


def _notes(ticket: dict[str, Any]) -> list[Any]:
    """What was written after a ticket was opened: ``conversations`` of the interface, ``notes`` of the full export."""
    found = ticket.get("conversations", ticket.get("notes"))
    return found if isinstance(found, list) else []


def _tickets(value: Any) -> list[dict[str, Any]]:
    """The tickets of Freshdesk, each in an object of its own in the full export."""
    found = records(value)
    return [t["helpdesk_ticket"] if isinstance(t.get("helpdesk_ticket"), dict) else t for t in found]


def _freshdesk(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    for place, ticket in enumerate(_tickets(value), start=1):
        notes = [note for note in _notes(ticket) if isinstance(note, dict)]
        public = [note for note in notes if not note.get("private")]
        _private(findings, label, place, len(notes) - len(public))
        messages = [(bool(n.get("incoming")), n.get("body_text") or without_markup(n.get("body"))) for n in public]
        first = ticket.get("description_text") or without_markup(ticket.get("description"))
        yield _row(place, [(True, first), *messages], ticket)


def _private(findings: Findings, label: str, place: int, count: int) -> None:
    if count:
        findings.row("data.private_notes", label, place, Severity.WARNING, amount=count)


EXPORTS: Final = (
    Export(
        "Intercom", lambda value: any(_parts(c) is not None for c in _intercom_records(value)[:20]), _intercom, TURNS
    ),
    Export("Freshdesk", _is_freshdesk, _freshdesk, TURNS),
    Export("Zendesk", _is_zendesk, _zendesk, TURNS),
)
