"""What the header of a column says that it is, in Portuguese, English and Spanish."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from studio.data.text import plain, words
from studio.domain.dataset import ColumnRole

# Words of a header that name a role, the surest first: in "Resposta do cliente" the answer wins over the customer, and
# in "Mensagem da loja" the shop over the message.
_NAMES: Final[tuple[tuple[float, dict[ColumnRole, frozenset[str]]], ...]] = (
    (
        1.0,
        {
            ColumnRole.QUESTION: words(
                "duvida duvidas questao questoes query prompt prompts instruction instructions instrucao instrucoes "
                "perg consulta consultas enquiry inquiry utterance asked ask duda dudas frage faq"
            ),
            ColumnRole.ANSWER: words(
                "resp reply replies output outputs completion completions solucao solucoes solution solucion "
                "resolution resolucao resolucion chosen antwort replied contestacion"
            ),
        },
    ),
    (
        0.6,
        {
            ColumnRole.QUESTION: words(
                "cliente clientes customer customers client user usuario human input entrada q p solicitacao pedido "
                "request reclamacao reclamo queja problema issue titulo title they received recebida recibido recibida "
                "inbound incoming consumidor comprador enunciado context contexto"
            ),
            ColumnRole.ANSWER: words(
                "sac atendente atendimento agente agent assistant assistente bot chatbot a r target label saida salida "
                "retorno devolutiva empresa loja store shop support suporte soporte gpt model we our us nos nosso "
                "nossa nuestra nuestro enviada enviado sent outbound outgoing gabarito macro script parecer tratativa "
                "posicionamento orientacao explicacao explanation said"
            ),
        },
    ),
    (
        0.4,
        {
            ColumnRole.QUESTION: words("mensagem message mensaje msg texto text fala relato relatos"),
            ColumnRole.ANSWER: words(""),
        },
    ),
)
_ONLY_IN_SHORT: Final = words("we our us nos nosso nossa they said ask asked")  # words of any sentence, too
_STEMS: Final = (  # of every form of a word: "perguntou", "preguntan", "respondemos"
    (ColumnRole.QUESTION, ("pergunt", "pregunt", "question")),
    (ColumnRole.ANSWER, ("respost", "respond", "respuest", "respons", "answer")),
)
_TOPIC: Final = words(
    "topic topico tema tema categoria category categoria intent intencao intencion assunto asunto subject tag tags "
    "etiqueta tipo type departamento department motivo area"
)
_SYSTEM: Final = words("system sistema persona")
# A header with one of these speaks *about* questions or answers: "Data da pergunta", "question_id".
ABOUT: Final = words(
    "id ids date data hora time timestamp fecha count total num numero number score nota rating url link lang language "
    "idioma autor author status estado prioridade priority email mail telefone phone name nome nombre canal channel "
    "tempo duracao rejected source fonte fuente index indice weight kto"
)
_HELD_OUT_TRUE: Final = words(
    "test teste testing eval evaluation avaliacao validation valid val validacao dev heldout held out held_out prueba "
    "true 1 sim yes si x"
)
_HELD_OUT_FALSE: Final = words("train treino training treinamento entrenamento false 0 nao no")


# An id is a word of the first kind, alone or beside words of the second and nothing else: "Nº do chamado", "ticket_id".
_ID: Final = words(
    "id uuid guid codigo code cod numero number num no n key chave clave protocolo protocol ticket chamado"
)
_OF_ID: Final = words(
    "ticket chamado conversa conversation conversacion caso case thread atendimento example exemplo ejemplo pergunta "
    "pregunta question pair par row linha fila item faq registro record dialog dialogue do da de del of the"
)

# A title that is this and nothing else needs no guess.
_EXACT: Final = {
    **dict.fromkeys(words("question questions pergunta perguntas pregunta preguntas"), ColumnRole.QUESTION),
    **dict.fromkeys(
        words("answer answers resposta respostas respuesta respuestas response responses"), ColumnRole.ANSWER
    ),
}


def exact_role(header: str) -> ColumnRole | None:
    """The role of a title that is the very word for it: ``Question``, ``RESPOSTA:``."""
    return _EXACT.get(plain(header)) if len(header) <= 20 else None


def title_rank(header: str) -> int:
    """How exactly a title names its role: 3 the very word, 2 a synonym and nothing else, 1 as a part of it."""
    name = plain(header)
    return 3 if exact_role(header) else 2 if len(name.split()) == 1 and "_" not in header else 1


def header_role(header: str) -> tuple[ColumnRole | None, float]:
    """What a header says its column is, and how surely (0 to 1)."""
    parts = plain(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header).replace("_", " ")).split()
    if not parts:
        return None, 0.0
    known = set(parts)
    if plain(header).replace(" ", "") in {"heldout", "split", "particao", "partition", "conjunto", "subset", "fold"}:
        return ColumnRole.HELD_OUT, 1.0
    if known & _ID and known <= _ID | _OF_ID:
        return ColumnRole.ID, 0.8
    if parts[0] in _TOPIC or (parts[-1] in _TOPIC and not any(_stem(part) is ColumnRole.ANSWER for part in parts)):
        return ColumnRole.TOPIC, 0.8
    if known & ABOUT and not _stem(parts[0]):
        return None, 0.0
    if parts[-1] in ABOUT and len(parts) > 1:
        return None, 0.0
    if known & _SYSTEM:
        return ColumnRole.SYSTEM, 0.9
    passed_over = _ONLY_IN_SHORT if len(parts) > 4 else frozenset()
    for sureness, table in _NAMES:
        hits = [
            (position, role)
            for role, names in table.items()
            for position, w in enumerate(parts)
            if w in names - passed_over
        ]
        if sureness == 1.0:
            hits += [(position, role) for position, w in enumerate(parts) if (role := _stem(w))]
        if hits:
            # The head of a noun phrase comes first in Portuguese and Spanish ("resposta do cliente"); two strong
            # parts of different roles in one header are rare, so the first one decides in English as well.
            return min(hits)[1], sureness if len(parts) <= 4 else sureness * 0.8
    return None, 0.0


def _stem(word: str) -> ColumnRole | None:
    """The role that a word names surely, in any of its forms."""
    for role, stems in _STEMS:
        if word.startswith(stems):
            return role
    return next((role for role, names in _NAMES[0][1].items() if word in names), None)


def speaks_about(header: str) -> bool:
    """Whether a title is of what stands around a conversation and is no part of it: a name, a date, a status."""
    parts = plain(header.replace("_", " ")).split()
    return header_role(header)[0] is None and bool(parts) and (parts[0] in ABOUT or parts[-1] in ABOUT)


def roles_of(columns: Sequence[str]) -> dict[str, tuple[ColumnRole | None, float]]:
    """What each header says. A single letter says something only beside its partner: Q with A, P with R."""
    letters = {plain(column) for column in columns}
    partners = {"q": "a", "a": "q", "p": "r", "r": "p"}
    return {
        column: (None, 0.0)
        if len(name := plain(column)) == 1 and partners.get(name) not in letters
        else header_role(column)
        for column in columns
    }


def held_out_value(value: Any) -> bool | None:
    """What a cell of a held-out column says: True for `test`, `sim`, `1` …; None where it says neither."""
    text = plain(str(value)) if value is not None else ""
    if text in _HELD_OUT_TRUE:
        return True
    return False if text in _HELD_OUT_FALSE else None
