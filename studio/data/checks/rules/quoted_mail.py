"""Earlier mails quoted below or inside a text: somebody else's words, learned as the answer."""

from __future__ import annotations

import re
from typing import Final

from studio.data.checks.check import Check, is_changed_by, rewritten
from studio.domain.problem import Severity

# A line after which everything is quoted.
_INTRODUCTION: Final = re.compile(
    r"^[ \t>]*(?:"
    r"-{2,}\s*(?:original message|mensagem original|forwarded message|mensagem encaminhada|mensaje original)\s*-{2,}"
    r"|(?:on (?=[^\n]*\d)[^\n]{5,150}(?:wrote|a écrit)|em (?=[^\n]*\d)[^\n]{5,150}escreveu|el (?=[^\n]*\d)[^\n]{5,150}escribió):"
    r"[ \t]*(?=\n|\Z)"
    r"|_{10,}\n(?:from|de):"
    r"|from: [^\n]{1,200}\n(?:[^\n]{0,200}\n)?(?:sent|date|to): "
    r"|de: [^\n]{1,200}\n(?:[^\n]{0,200}\n)?(?:enviad[ao](?: em)?|data|para): "
    r")",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED_LINE: Final = re.compile(r"^[ \t]*>.*(?:\n|$)", re.MULTILINE)


def unquoted(text: str) -> str:
    """The text without quoted mail; the same text where there is none."""
    if ">" not in text and ":" not in text and "--" not in text:
        return text
    found = _INTRODUCTION.search(text) if "\n" in text else _INTRODUCTION.match(text)
    cut = text[: found.start()] if found else text
    if found and _QUOTED_LINE.search(text, found.end()):  # somebody may have answered below the quote, or between it
        cut += text[found.end() :].lstrip("\n")
    if "\n" in cut or cut.lstrip().startswith(">"):
        cut = _QUOTED_LINE.sub("", cut)
    return cut.strip() if cut != text else text


CHECK: Final = Check("quoted_mail", Severity.WARNING, 20, fix=rewritten(unquoted), text=is_changed_by(unquoted))
