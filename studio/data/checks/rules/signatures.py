"""Signatures of mails: names, titles and legal notices at the end, which the model would put under every answer."""

from __future__ import annotations

import re
from typing import Final

from studio.data.checks.check import Check, Dataset, Matches, is_changed_by, rewritten
from studio.data.checks.contact_questions import kinds_asked_for
from studio.data.text import plain
from studio.domain.conversation import Conversation
from studio.domain.problem import Severity

_LINES: Final = 8  # a signature has at most so many; more after a closing word is content
_LETTERS: Final = 400
_CLOSING: Final = re.compile(
    r"(?:^|\n)[ \t]*(?:"
    r"--[ \t]*(?=\n)"
    r"|(?:best|kind|warm|warmest|kindest)(?: regards| wishes)|regards|sincerely(?: yours)?|yours (?:sincerely|truly|faithfully)"
    r"|cheers|many thanks|thanks(?: and regards| again)?(?=,[ \t]*\n)"
    r"|att\.?|atenciosamente|cordialmente|respeitosamente|abraços|abs\.?|um abraço|saudações|grat[oa](?=[,.][ \t]*\n)"
    r"|atentamente|saludos(?: cordiales)?|un saludo"
    r")[ \t]*[,.!]?[ \t]*(?=\n|$)",
    re.IGNORECASE,
)
_DEVICE: Final = re.compile(
    r"(?:^|\n)[ \t]*(?:sent from (?:my |outlook|yahoo|mail)|enviad[oa] do meu |enviad[oa] (?:pelo|via) |get outlook for |obter o outlook)[^\n]{0,60}\s*$",
    re.IGNORECASE,
)
_NOTICE: Final = re.compile(
    r"\n[ \t]*(?:this e-?mail (?:message )?(?:and any|is|may)|the information contained in this|esta mensagem (?:e seus anexos |pode conter|é confidencial)"
    r"|este e-?mail (?:e seus anexos |pode conter|é confidencial)|confidentiality notice|aviso de confidencialidade)[\s\S]{20,3000}$",
    re.IGNORECASE,
)

_NUMBER: Final = re.compile(r"\d(?:\W?\d){6}")


def unsigned(text: str) -> str:
    """The text without a signature at its end; the same text where there is none."""
    if "\n" not in text and not (_DEVICE.match(text) or _CLOSING.match(text)):
        return text  # every part of a signature begins a line
    cut = _DEVICE.sub("", _NOTICE.sub("", text))
    for match in reversed(list(_CLOSING.finditer(cut))):
        rest = cut[match.end() :].strip()
        if len(rest) > _LETTERS or rest.count("\n") >= _LINES:
            break
        if cut[: match.start()].rstrip().endswith(":"):  # "Sign with:"
            break
        cut = cut[: match.start()]
    return cut.strip() if cut != text else text


def _search(dataset: Dataset) -> Matches:
    rows = [
        row for row in dataset.flagged("signatures").tolist() if not _tells_what_is_asked(dataset.conversations[row])
    ]
    return Matches(rows)


def _tells_what_is_asked(conversation: Conversation) -> bool:
    """Whether the signature holds the phone number or the address that the question asks for."""
    asked = kinds_asked_for(plain(conversation.question))
    signature = conversation.answer[len(unsigned(conversation.answer)) :]
    return ("phones" in asked and _NUMBER.search(signature) is not None) or ("emails" in asked and "@" in signature)


CHECK: Final = Check(
    "signatures", Severity.NOTE, 15, search=_search, fix=rewritten(unsigned), text=is_changed_by(unsigned)
)
