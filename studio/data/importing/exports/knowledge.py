"""Shapes of published sets: SQuAD's questions about paragraphs, OpenAssistant's trees of messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from studio.data.importing.exports.base import TURNS, Export, records, some
from studio.data.importing.findings import Findings
from studio.data.importing.table import Row
from studio.domain.problem import Severity


def _is_squad(value: Any) -> bool:
    return any(isinstance(r.get("paragraphs"), list) for r in some(value))


def _squad(value: Any, findings: Findings, label: str) -> Iterator[Row]:
    place = 0
    for article in records(value):
        for paragraph in article.get("paragraphs") or []:
            for item in paragraph.get("qas") or []:
                place += 1
                answers = [answer.get("text", "") for answer in item.get("answers") or [] if isinstance(answer, dict)]
                row = {"question": item.get("question"), "answer": answers, "topic": article.get("title") or ""}
                yield Row(place, row | {"context": paragraph.get("context", ""), "id": str(item.get("id", ""))})


def _is_tree(value: Any) -> bool:
    return any(isinstance(r.get("prompt"), dict) and "replies" in r["prompt"] for r in some(value))


def _trees(value: Any, findings: Findings, label: str) -> Iterator[Row]:
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
        yield Row(place, {"messages": turns, "topic": "", "id": str(tree.get("message_tree_id", ""))})


EXPORTS: Final = (
    Export("SQuAD", _is_squad, _squad, ("question", "answer", "topic", "context", "id")),
    Export("OpenAssistant", _is_tree, _trees, TURNS),
)
