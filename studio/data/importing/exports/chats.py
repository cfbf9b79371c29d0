"""Exports of chat programs: Telegram, Slack, Discord."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any, Final

from studio.data.importing.exports.base import CHAT, Export, by_pause, moment, some
from studio.data.importing.findings import Findings
from studio.data.importing.table import Record
from studio.domain.problem import Severity

_SLACK_LINK: Final = re.compile(r"<(https?://[^|>]+|mailto:[^|>]+)(?:\|([^>]*))?>")


def _is_telegram(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    chats = value.get("chats")
    if isinstance(chats, dict) and isinstance(chats.get("list"), list):
        return True
    found = value.get("messages")
    return (
        isinstance(found, list)
        and bool(found)
        and all(isinstance(m, dict) and m.get("type") in ("message", "service") for m in found[:20])
    )


def _telegram(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    chats = value["chats"]["list"] if isinstance(value.get("chats"), dict) else [value]
    place = 0
    before = 0
    for chat in chats:
        messages = []
        for message in chat.get("messages", []) if isinstance(chat, dict) else []:
            place += 1
            if not isinstance(message, dict) or message.get("type") != "message":
                continue
            text = _telegram_text(message.get("text"))
            if text:
                who = str(message.get("from") or message.get("from_id") or "")
                messages.append((moment(message.get("date")), who, text, place))
            else:
                findings.row("data.chat_media", label, place, Severity.NOTE)
        last = 0
        for row in by_pause(messages):
            last = int(row.values["conversation"])
            yield Record(row.number, {**row.values, "conversation": str(before + last)})
        before += last


def _telegram_text(value: Any) -> str:
    parts = value if isinstance(value, list) else [value]
    return "".join(str(part.get("text", "")) if isinstance(part, dict) else str(part or "") for part in parts).strip()


def _slack(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    loose = []
    for place, message in enumerate(value, start=1):
        if not isinstance(message, dict) or message.get("subtype") not in (None, "bot_message", "thread_broadcast"):
            continue
        profile = message.get("user_profile") or {}
        names = (profile.get("real_name"), profile.get("display_name"), message.get("username"), message.get("user"))
        who = str(next(filter(None, names), message.get("bot_id", "")))
        text = html.unescape(_SLACK_LINK.sub(lambda m: m[2] or m[1], str(message.get("text") or ""))).strip()
        if not text:
            findings.row("data.chat_media", label, place, Severity.NOTE)
        elif message.get("thread_ts"):
            yield Record(place, {"conversation": f"t{message['thread_ts']}", "sender": who, "message": text})
        else:
            loose.append((moment(message["ts"]), who, text, place))
    yield from by_pause(loose)


def _is_discord(value: Any) -> bool:
    found = value.get("messages") if isinstance(value, dict) else None
    return (
        isinstance(found, list)
        and bool(found)
        and all(isinstance(m, dict) and isinstance(m.get("author"), dict) and "content" in m for m in found[:20])
        and all("role" not in m["author"] for m in found[:20])
    )


def _discord(value: Any, findings: Findings, label: str) -> Iterator[Record]:
    messages = []
    for place, message in enumerate(value["messages"], start=1):
        author = message.get("author") or {}
        who = str(
            author.get("nickname") or author.get("global_name") or author.get("name") or author.get("username") or ""
        )
        text = str(message.get("content") or "").strip()
        if text and message.get("type", "Default") in ("Default", "Reply", 0, 19):
            messages.append((moment(message.get("timestamp")), who, text, place))
        elif not text:
            findings.row("data.chat_media", label, place, Severity.NOTE)
    yield from by_pause(messages)


EXPORTS: Final = (
    Export("Telegram", _is_telegram, _telegram, CHAT),
    Export("Discord", _is_discord, _discord, CHAT),
    Export(
        "Slack",
        lambda value: isinstance(value, list) and all("ts" in m and "text" in m for m in some(value) or [{}]),
        _slack,
        CHAT,
    ),
)
