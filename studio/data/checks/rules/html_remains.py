"""Remains of web pages: tags such as ``<br>`` and signs such as ``&nbsp;``, which the model would learn to write."""

from __future__ import annotations

import html
import re
from typing import Final

from studio.data.checks.check import Check, rewritten
from studio.domain.problem import Severity

_NAMES: Final = (
    "a|abbr|b|big|blockquote|body|br|button|center|code|div|em|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img"
    "|input|label|li|link|meta|ol|p|pre|s|script|section|small|span|strike|strong|style|sub|sup|svg|table|tbody|td|tfoot"
    "|th|thead|title|tr|u|ul|video"
)
_ATTRIBUTES: Final = (
    r"(?:\s(?=[^<>]{0,2000}=)[^<>]{0,2000})?\s{0,20}/?"  # with a sign of equality: "a < b and c > d" is none
)
_TAG: Final = re.compile(rf"</?(?:{_NAMES}){_ATTRIBUTES}>|<!--|<!doctype[^<>]{{0,200}}>", re.IGNORECASE)
# A text about tags: "wrap it in <b> and </b>", "the <title> tag".
_ABOUT: Final = re.compile(
    r"<(\w+)>[\s,]*(?:and|or|to|e|ou|a|y|o|…|\.\.\.)[\s,]*</\1>|\w\s+</?\w+>\s+(?:tags?|elements?)\b"
    r"|\b(?:tags?|etiquetas?|elements?|elementos?)\s+</?\w+>",
    re.IGNORECASE,
)
_COMMENT: Final = re.compile(r"<!--.{0,100000}?(?:-->|$)", re.DOTALL)
_UNSEEN: Final = re.compile(
    r"<(script|style|head|svg)\b[^<>]{0,2000}>.{0,100000}?(?:</\1\s*>|$)", re.IGNORECASE | re.DOTALL
)
_ITEM: Final = re.compile(r"<li(?:\s[^<>]{0,2000})?>", re.IGNORECASE)
_BREAK: Final = re.compile(
    r"<(?:br|hr)(?:\s[^<>]{0,2000})?/?>|</(?:p|div|tr|h[1-6]|blockquote|section|table|ul|ol)\s*>", re.IGNORECASE
)
_ANCHOR: Final = re.compile(
    r"<a\s[^<>]{0,2000}?href\s*=\s*[\"']?((?:https?:|mailto:|tel:|www\.)[^\"'\s<>]{1,2000})[\"']?[^<>]{0,2000}>"
    r"(.{0,2000}?)</a\s*>",
    re.IGNORECASE | re.DOTALL,
)
_SCHEME: Final = re.compile(r"^(?:mailto:|tel:|https?://(?:www\.)?)|/$", re.IGNORECASE)
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,20});", re.IGNORECASE)


def has_html(text: str) -> bool:
    """Whether a text has tags or character references of a web page. Code between backticks is meant as such."""
    if "```" in text or not ("<" in text or "&" in text):
        return False
    if _TAG.search(text):
        return _ABOUT.search(text) is None
    return any(html.unescape(found) != found for found in _ENTITY.findall(text))


def as_text(text: str) -> str:
    """What a browser would show, as plain lines."""
    if not has_html(text):
        return text
    if not _TAG.search(text):  # signs such as &lt;br&gt; may hide tags
        text = html.unescape(text)
    text = _ANCHOR.sub(_link, _UNSEEN.sub("", _COMMENT.sub("", text)))
    text = _TAG.sub("", _BREAK.sub("\n", _ITEM.sub("\n- ", text)))
    text = html.unescape(text).replace("\xa0", " ")
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _link(match: re.Match[str]) -> str:
    """The words of a link with its address behind them, where they do not say it: customers need it."""
    address, words = match.group(1), match.group(2)
    shown = re.sub(r"^(?:mailto|tel):", "", address, flags=re.IGNORECASE)
    if _SCHEME.sub("", html.unescape(address)).casefold() in html.unescape(words).casefold():
        return words
    return f"{words} ({shown})" if words.strip() else shown


CHECK: Final = Check("html", Severity.WARNING, 25, fix=rewritten(as_text), text=has_html)
