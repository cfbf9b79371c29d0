r"""Line breaks that a program wrote as two letters, ``\n``: the model would learn to write them."""

from __future__ import annotations

import re
from typing import Final

from studio.data.checks.check import Check, rewritten
from studio.data.text import words
from studio.domain.problem import Severity

_BREAK: Final = re.compile(r"(?:\\r\\n|\\n|\\r(?![a-z]))")
_TAB: Final = re.compile(r"\\t(?![a-z])")
# A path (C:\new, \\server\name), a formula (\nu, \neq) or code is meant as it stands.
_PATH: Final = re.compile(r"[A-Za-z]:\\|\\\\\w|\w\\[^nrt\s\\]|%\w+%\\|~\\")
_FORMULA: Final = re.compile(r"\\(?:nu|neq|nabla|not|newline|neg|rho|right|times|theta|text|tau)\b|\$[^$]*\\[a-z]")
_NAMED: Final = re.compile(r"[a-zà-ÿ] \\n [a-zà-ÿ]")  # "write \\n where": in the middle of a sentence
_QUOTED: Final = re.compile(r"(?:\w\(|=)\s*[fr]?([\"'])(?:(?!\1)[^\n])*\\n")  # print("a\\nb"), text = 'a\\nb'
_ABOUT_IT: Final = words(
    "newline newlines escape escaped regex regexp character characters caractere caracteres backslash barra string code "
    "codigo código printf sequencia sequência linha"
)
_WORD: Final = re.compile(r"[^\W\d_]+")


def _meant(text: str) -> bool:
    """Whether the two letters are meant as such: in code, a path, a formula, or a text about them."""
    if "```" in text or "`\\" in text or _PATH.search(text) or _FORMULA.search(text) or _QUOTED.search(text):
        return True
    if len(_BREAK.findall(text)) == 1 and _NAMED.search(text):
        return True
    return len(_BREAK.findall(text)) < 3 and not _ABOUT_IT.isdisjoint(_WORD.findall(text.lower()))


def _has(text: str) -> bool:
    return "\\" in text and _BREAK.search(text) is not None and not _meant(text)


def broken(text: str) -> str:
    """The text with real line breaks."""
    if not _has(text):
        return text
    lines = (line.strip() for line in _TAB.sub(" ", _BREAK.sub("\n", text)).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


CHECK: Final = Check("line_breaks", Severity.WARNING, 20, fix=rewritten(broken), text=_has)
