"""Shapes of published sets: SQuAD's questions about paragraphs, OpenAssistant's trees of messages, ChatGPT's chats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from studio.data.importing.exports.base import TURNS, Export, has, records
from studio.data.importing.findings import Findings
from studio.data.importing.table import Record
from studio.domain.problem import Severity


def _squad(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    place = 0
    for article in records(value):
        for paragraph in article.get("paragraphs") or []:
            for item in paragraph.get("qas") or []:
                place += 1
                answers = [answer.get("text", "") for answer in item.get("answers") or [] if isinstance(answer, dict)]
                row = {"question": item.get("question"), "answer": answers, "topic": article.get("title") or ""}
                yield Record(place, row | {"context": paragraph.get("context", ""), "id": str(item.get("id", ""))})


def _trees(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    """Of each tree the path of the replies that were ranked best; the other replies are counted."""
    for place, tree in enumerate(records(value), start=1):
        node = tree.get("prompt")
        turns = []
        while isinstance(node, dict):
            turns.append({"role": node.get("role", "prompter"), "content": node.get("text", "")})
            replies = [reply for reply in node.get("replies") or [] if isinstance(reply, dict)]
            if len(replies) > 1:
                findings.row("data.other_replies", label, place, Severity.WARNING, amount=len(replies) - 1)
            node = min(replies, key=lambda reply: reply["rank"] if reply.get("rank") is not None else 99, default=None)
        yield Record(place, {"messages": turns, "topic": "", "id": str(tree.get("message_tree_id", ""))})


def _chatgpt(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    """Of each chat the branch that was seen last; answers that were asked for again are counted."""
    for place, chat in enumerate(records(value), start=1):
        mapping = chat.get("mapping")
        nodes: dict[str, Any] = mapping if isinstance(mapping, dict) else {}
        turns: list[dict[str, str]] = []
        name, seen = chat.get("current_node"), set()
        while isinstance(name, str) and isinstance(node := nodes.get(name), dict) and name not in seen:
            seen.add(name)
            turns += _spoken(node.get("message"))
            name = node.get("parent")
        others = sum(bool(_spoken(node.get("message"))) for key, node in nodes.items() if key not in seen)
        if others:
            findings.row("data.other_replies", label, place, Severity.WARNING, amount=others)
        topic = chat.get("title") or ""
        yield Record(place, {"messages": turns[::-1], "topic": topic, "id": str(chat.get("id") or "")})


def _spoken(message: Any) -> list[dict[str, str]]:
    """What a message of ChatGPT says, as a turn; none for the calls of its tools and what is hidden."""
    if not isinstance(message, dict) or (message.get("metadata") or {}).get("is_visually_hidden_from_conversation"):
        return []
    role, content = (message.get("author") or {}).get("role"), message.get("content") or {}
    parts = [part for part in content.get("parts") or [] if isinstance(part, str)]
    text = "\n".join(parts).strip()
    return [{"role": role, "content": text}] if role in ("user", "assistant", "system") and text else []


EXPORTS: Final = (
    Export("ChatGPT", has(lambda r: isinstance(r.get("mapping"), dict) and "current_node" in r), _chatgpt, TURNS),
    Export(
        "SQuAD",
        has(lambda r: isinstance(r.get("paragraphs"), list)),
        _squad,
        ("question", "answer", "topic", "context", "id"),
    ),
    Export(
        "OpenAssistant", has(lambda r: isinstance(r.get("prompt"), dict) and "replies" in r["prompt"]), _trees, TURNS
    ),
)
