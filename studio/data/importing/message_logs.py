"""Logs of messages, one a row: tickets of a help desk, an exported chat. Who is the company is found or chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from studio.data.importing.chat_formats import role_of
from studio.data.importing.column_content import content_of, is_question
from studio.data.importing.column_names import header_role
from studio.data.importing.exports.base import PAUSE
from studio.data.importing.findings import Findings
from studio.data.importing.record_layouts import shown
from studio.data.importing.table import Record
from studio.data.text import plain, words
from studio.domain.conversation import Role
from studio.domain.dataset import ColumnRole
from studio.domain.problem import Severity

_CONVERSATION: Final = words(
    "ticket ticketid chamado chamadoid idchamado idticket protocolo conversa conversation conversationid "
    "idconversa caso case caseid casenumber thread threadid atendimento idatendimento sessionid session "
    "dialogueid conversacion chatid chat chatnumber dialogid convid messagetreeid treeid roomid room ticketnumber "
    "caseref idconversacion conversationnumber sessao idsessao sesion contactid"
)
_SENDER: Final = words(
    "autor author from de sender remetente role papel quem who speaker authortype sendertype tipodeautor "
    "direction speakerrole roleof whosaid sendername authorname authorrole authortype participant messagefrom sentfrom speakername nome name nombre direcao sentido enviadopor sentby emissor remitente user usuario tipoautor inbound"
)
_MESSAGE: Final = words(
    "mensagem message texto text body corpo content conteudo comment comentario descricao mensaje messagetext "
    "textodamensagem msg messagebody messagecontent utterance mensagemtexto reply said textodelmensaje fala"
)
_PARENT: Final = words("parentid parentmessageid parent inreplyto replyto replytoid")
_OWN: Final = words("messageid id msgid commentid")
_FORMS: Final = (
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%Y/%m/%d %H:%M",
    "%d.%m.%Y %H:%M",
    "%d-%m-%Y %H:%M",
)
_BUSINESS: Final = words(
    "sac loja store shop suporte support atendimento atendente empresa company oficial help service servico "
    "vendas sales equipe team bot agente agent"
)


@dataclass(frozen=True)
class Log:
    """The columns of a log."""

    conversation: str | None  # that says which messages belong together; None where each question begins another
    sender: str  # who speaks
    message: str  # what is said
    time: str | None = None  # when, where the cells can be read as moments
    parent: tuple[str, str] | None = None  # the message that a message answers, and the column with the ids of messages

    @property
    def columns(self) -> frozenset[str | None]:
        """Those that examples are made of."""
        return frozenset((self.conversation, self.sender, self.message))

    def speaker(self, row: dict[str, Any]) -> str:
        """Who wrote a message."""
        return shown(row.get(self.sender)).strip()

    def moment(self, row: dict[str, Any]) -> datetime | None:
        """When it was written, where that is known."""
        return _moment(shown(row.get(self.time)).strip()) if self.time else None


def log_of(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> Log | None:
    """The columns of a log, where a table is one: messages of several speakers, grouped by a repeated number.

    By the titles; where they do not say it, by a column that holds nothing but words for who speaks. A table whose
    headers name both questions and answers is none, whatever else it has.
    """
    roles = {role for column in columns if (found := header_role(column))[1] >= 1 and (role := found[0])}
    if {ColumnRole.QUESTION, ColumnRole.ANSWER} <= roles:
        return None
    names = {plain(column).replace(" ", "").replace("_", ""): column for column in columns}

    def named(known: frozenset[str]) -> str | None:
        return next((names[name] for name in names if name in known), None)

    cells = {column: [shown(row.get(column)).strip() for row in rows] for column in columns}
    speaking = [column for column in columns if _are_speakers(cells[column])]
    sender = named(_SENDER) if not speaking else None
    sender = speaking[0] if speaking else sender
    if sender is None:
        return None
    message = named(_MESSAGE) or _longest([c for c in columns if c != sender], cells)
    if message is None or message == sender:
        return None
    timed = (c for c in columns if any(cells[c]) and all(_moment(cell) is not None for cell in cells[c][:20]))
    time = next(timed, None)
    parent, own = named(_PARENT), named(_OWN)
    if speaking and parent and own:
        return Log(named(_CONVERSATION), sender, message, time, (parent, own))
    others = [column for column in columns if column not in (sender, message, time)]
    conversation = named(_CONVERSATION)
    if conversation is None and speaking:
        conversation = _grouping(others, cells, cells[sender])
    if conversation is None:
        common = Counter(filter(None, cells[sender])).most_common(1)
        by_pause = (
            time is not None and named(_MESSAGE) is not None and common and common[0][1] >= max(2, 0.3 * len(rows))
        )
        several = len(set(cells[sender])) >= 2
        return Log(None, sender, message, time) if speaking or (by_pause and several) else None
    if {"conversation", "sender", "message"} <= set(columns):  # as our readers of chats call them
        return Log(conversation, sender, message, time)
    if len(set(cells[conversation])) == len(rows) or (not speaking and named(_MESSAGE) is None):
        return None
    return Log(conversation, sender, message, time)


def _are_speakers(cells: list[str]) -> bool:
    """Whether cells say who speaks: words for customers and for those who answer them, and hardly anything else."""
    roles = [role_of(cell) for cell in cells if cell]
    known = [role for role in roles if role is not None]
    return len(known) >= 0.8 * len(roles) > 0 and Role.USER in known and len(set(known)) >= 2


def _longest(columns: list[str], cells: dict[str, list[str]]) -> str | None:
    """The column with the longest texts, where there are any."""
    wordy = [c for c in columns if content_of(cells[c]) is None and any(map(str.strip, cells[c]))]
    return max(wordy, key=lambda column: sum(map(len, cells[column])), default=None)


def _grouping(columns: list[str], cells: dict[str, list[str]], senders: list[str]) -> str | None:
    """The column whose values stand for conversations: each comes in one stretch, in which more than one speaks."""
    best: tuple[int, str] | None = None
    for column in columns:
        values = cells[column]
        groups: dict[str, set[str]] = {}
        stretches = sum(n == 0 or values[n - 1] != value for n, value in enumerate(values))
        for value, sender in zip(values, senders, strict=True):
            groups.setdefault(value, set()).add(sender)
        shared = sum(len(group) > 1 for group in groups.values())
        fits = 2 <= len(groups) < len(values) and stretches == len(groups) and shared >= 0.6 * len(groups)
        if fits and (best is None or len(groups) > best[0]):
            best = (len(groups), column)
    return best[1] if best else None


def company_of(log: Log, rows: Sequence[dict[str, Any]]) -> str | None:
    """The speaker that is most likely the company; None where names do not tell and each conversation must.

    By a business word in the name; else, of two speakers, the one who asks less.
    """
    messages = Counter(filter(None, map(log.speaker, rows)))
    names = [name for name, _ in messages.most_common()]
    if any(role_of(name) for name in names):
        return None
    groups: dict[str, set[str]] = {}
    for row in rows:
        groups.setdefault(shown(row.get(log.conversation or "")), set()).add(log.speaker(row))
    # Present in fewer of the conversations, one is one agent of several.
    everywhere = [name for name in names if sum(name in group for group in groups.values()) >= 0.8 * len(groups)]
    for name in everywhere:
        if set(plain(name).split()) & _BUSINESS:
            return name
    if len(names) != 2:
        return everywhere[0] if len(groups) >= 3 and len(everywhere) == 1 else None
    asked = Counter(log.speaker(row) for row in rows if is_question(shown(row.get(log.message))))
    return min(names, key=lambda name: asked[name] / messages[name])


def conversations(
    rows: Iterable[Record], log: Log, company: str | None, findings: Findings, label: str
) -> Iterator[Record]:
    """Groups messages into records with ``messages``, at the row of their first message.

    Without a ``company``, whoever opens a conversation is the customer, unless the names say who is who.
    """
    for group in _groups(list(rows), log, findings, label):
        opener = log.speaker(group[0].values)
        roles = {role_of(log.speaker(row.values)) for row in group}
        turns: list[dict[str, str]] = []
        first = group[0]
        for row in group:
            name = log.speaker(row.values)
            role = _role(name, opener, company)
            if role is Role.SYSTEM and Role.ASSISTANT not in roles:
                role = Role.ASSISTANT  # where nobody else answers, the system does
            text = shown(row.values.get(log.message))
            if role is not Role.USER and not turns:
                if text.strip():
                    findings.row("data.turns_before", label, row.number, Severity.NOTE)
                continue  # a greeting before the customer has said anything answers nothing
            first = first if turns else row
            turns.append({"role": role.value, "content": text})
        rest = {k: v for k, v in first.values.items() if k not in log.columns}
        yield Record(first.number, {**rest, "messages": turns})


def _groups(rows: list[Record], log: Log, findings: Findings, label: str) -> Iterator[list[Record]]:
    """The messages of each conversation, in the order in which they were written."""
    if log.parent is not None:
        yield from _paths(rows, log.parent, findings, label)
        return
    groups: dict[str, list[Record]] = {}
    number = 0
    answered = True
    named = any(role_of(log.speaker(row.values)) for row in rows)
    last: datetime | None = None
    for row in rows:
        if log.conversation is not None:
            key = shown(row.values.get(log.conversation)).strip()
        elif not named:  # people by their names: a long pause begins another conversation
            now = log.moment(row.values)
            number += now is None or last is None or abs(now - last) > PAUSE
            last = now or last
            key = str(number)
        else:
            role = role_of(log.speaker(row.values))
            number += role is Role.USER and answered
            answered = role is not Role.USER
            key = str(number)
        groups.setdefault(key, []).append(row)
    for group in groups.values():
        moments = [log.moment(row.values) for row in group]
        if None in moments or log.conversation is None:
            yield group
        else:
            order = sorted(range(len(group)), key=lambda n: (moments[n], n))
            yield [group[n] for n in order]


def _paths(rows: list[Record], parent: tuple[str, str], findings: Findings, label: str) -> Iterator[list[Record]]:
    """Of each tree of messages the path of those that were ranked best, else came first; the others are counted."""
    above, own = parent
    known = {shown(row.values.get(own)).strip() for row in rows}
    below: dict[str, list[Record]] = {}
    for row in rows:
        key = shown(row.values.get(above)).strip()
        below.setdefault(key if key in known else "", []).append(row)
    for root in below.get("", []):
        path = [root]
        while replies := below.get(shown(path[-1].values.get(own)).strip(), []):
            if len(replies) > 1:
                findings.row("data.other_replies", label, path[-1].number, amount=len(replies) - 1)
            path.append(min(replies, key=lambda row: _rank(row.values.get("rank"))))
        yield path


def _rank(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and value == value else 99.0


def _moment(text: str) -> datetime | None:
    """The moment that a text says, in the forms that exports have; days before months where both would do."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)
    except ValueError:
        pass
    for form in _FORMS:
        try:
            return datetime.strptime(text[:19].rstrip(), form)
        except ValueError:
            continue
    return None


def _role(name: str, opener: str, company: str | None) -> Role:
    if company is not None:
        return Role.ASSISTANT if name == company else Role.USER
    return role_of(name) or (Role.USER if name == opener else Role.ASSISTANT)
