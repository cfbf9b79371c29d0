"""Logs of messages, one a row: tickets of a help desk, an exported chat. Who is the company is found or chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from studio.data.headers import header_role
from studio.data.mapping import is_question
from studio.data.shapes import shown
from studio.data.table import Row
from studio.data.text import plain, words
from studio.data.turns import role_of
from studio.domain.conversation import Role
from studio.domain.dataset import ColumnRole

_CONVERSATION: Final = words(
    "ticket ticketid chamado chamadoid idchamado idticket protocolo conversa conversation conversationid "
    "idconversa caso case caseid casenumber thread threadid atendimento idatendimento sessionid session "
    "dialogueid conversacion"
)
_SENDER: Final = words(
    "autor author from de sender remetente role papel quem who speaker authortype sendertype tipodeautor "
    "direction direcao sentido enviadopor sentby emissor remitente user usuario tipoautor inbound"
)
_MESSAGE: Final = words(
    "mensagem message texto text body corpo content conteudo comment comentario descricao mensaje messagetext "
    "textodamensagem msg"
)
_BUSINESS: Final = words(
    "sac loja store shop suporte support atendimento atendente empresa company oficial help service servico "
    "vendas sales equipe team bot agente agent"
)


@dataclass(frozen=True)
class Log:
    """The columns of a log."""

    conversation: str
    sender: str
    message: str


def log_of(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> Log | None:
    """The columns of a log, where a table is one: messages of several speakers, grouped by a repeated number.

    A table whose headers name both questions and answers is none, whatever else it has.
    """
    roles = {role for column in columns if (found := header_role(column))[1] >= 1 and (role := found[0])}
    if {ColumnRole.QUESTION, ColumnRole.ANSWER} <= roles:
        return None
    names = {plain(column).replace(" ", ""): column for column in columns}

    def named(known: frozenset[str]) -> str | None:
        return next((names[name] for name in names if name in known), None)

    conversation, sender, message = named(_CONVERSATION), named(_SENDER), named(_MESSAGE)
    if not conversation or not sender or not message:
        return None
    ids = [shown(row.get(conversation)) for row in rows]
    return Log(conversation, sender, message) if len(set(ids)) < len(ids) else None


def speakers(log: Log, rows: Iterable[dict[str, Any]]) -> list[str]:
    """Who speaks, the most talkative first."""
    counts = Counter(name for row in rows if (name := shown(row.get(log.sender)).strip()))
    return [name for name, _ in counts.most_common()]


def company_of(log: Log, rows: Sequence[dict[str, Any]]) -> str | None:
    """The speaker that is most likely the company; None where names do not tell and each conversation must.

    By a business word in the name; else, of two speakers, the one who asks less.
    """
    names = speakers(log, rows)
    if any(role_of(name) for name in names):
        return None
    total = len({shown(row.get(log.conversation)) for row in rows})
    for name in names:
        if set(plain(name).split()) & _BUSINESS:
            present = {shown(row.get(log.conversation)) for row in rows if shown(row.get(log.sender)).strip() == name}
            if len(present) >= 0.8 * total:  # less, and it is one agent of several
                return name
    if len(names) != 2:
        return None
    asked = Counter(shown(r.get(log.sender)).strip() for r in rows if is_question(shown(r.get(log.message))))
    said = Counter(shown(r.get(log.sender)).strip() for r in rows)
    return min(names, key=lambda name: asked[name] / said[name])


def conversations(rows: Iterable[Row], log: Log, company: str | None) -> Iterator[Row]:
    """Groups messages into records with ``messages``, at the row of their first message.

    Without a ``company``, whoever opens a conversation is the customer, unless the names say who is who.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(shown(row.values.get(log.conversation)).strip(), []).append(row)
    for group in groups.values():
        opener = shown(group[0].values.get(log.sender)).strip()
        turns: list[dict[str, str]] = []
        first = group[0]
        for row in group:
            name = shown(row.values.get(log.sender)).strip()
            role = _role(name, opener, company)
            text = shown(row.values.get(log.message))
            if role is not Role.USER and not turns:
                continue  # a greeting before the customer has said anything answers nothing
            first = first if turns else row
            turns.append({"role": role.value, "content": text})
        rest = {k: v for k, v in first.values.items() if k not in (log.conversation, log.sender, log.message)}
        yield Row(first.number, {**rest, "messages": turns})


def _role(name: str, opener: str, company: str | None) -> Role:
    if company is not None:
        return Role.ASSISTANT if name == company else Role.USER
    return role_of(name) or (Role.USER if name == opener else Role.ASSISTANT)
