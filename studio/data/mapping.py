"""Which column is what: recognised from headers in Portuguese, English and Spanish, and from what the cells hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from studio.data.text import plain, words
from studio.domain.dataset import ColumnRole, Mapping

# Words of a header that name a role. "Strong" ones decide; "weak" ones count where no strong one is there:
# in "Resposta do cliente" the answer wins over the customer.
_STRONG: Final[dict[ColumnRole, frozenset[str]]] = {
    ColumnRole.QUESTION: words(
        "pergunta perguntas duvida duvidas questao questoes question questions query prompt prompts instruction "
        "instructions instrucao instrucoes pregunta preguntas consulta consultas enquiry inquiry utterance frage"
    ),
    ColumnRole.ANSWER: words(
        "resposta respostas answer answers response responses reply replies output outputs completion completions "
        "respuesta respuestas solucao solucoes solution solucion resolution resolucao resolucion chosen antwort"
    ),
}
_WEAK: Final[dict[ColumnRole, frozenset[str]]] = {
    ColumnRole.QUESTION: words(
        "cliente clientes customer client user usuario human input entrada q p solicitacao pedido request mensagem "
        "message mensaje texto reclamacao problema issue titulo title"
    ),
    ColumnRole.ANSWER: words(
        "sac atendente atendimento agente agent assistant assistente bot chatbot a r target label saida salida retorno "
        "devolutiva empresa support suporte soporte gpt model"
    ),
}
_TOPIC: Final = words(
    "topic topico tema tema categoria category categoria intent intencao intencion assunto asunto subject tag tags "
    "etiqueta tipo type departamento department motivo area"
)
_SYSTEM: Final = words("system sistema persona")
_HELD_OUT: Final = words("split heldout held_out partition particao conjunto subset fold")
# A header with one of these speaks *about* questions or answers: "Data da pergunta", "question_id".
_ABOUT: Final = words(
    "id ids date data hora time timestamp fecha count total num numero number score nota rating url link lang language "
    "idioma autor author status estado prioridade priority email telefone phone name nome nombre canal channel "
    "tempo duracao rejected source fonte fuente index indice weight kto"
)
_HELD_OUT_TRUE: Final = words(
    "test teste testing eval evaluation avaliacao validation valid val validacao dev heldout held out held_out prueba "
    "true 1 sim yes si x"
)
_HELD_OUT_FALSE: Final = words("train treino training treinamento entrenamento false 0 nao no")
_QUESTION_STARTS: Final = re.compile(
    r"^(como|qual|quais|quanto|quando|onde|quem|por que|porque|posso|voces|vcs|tem |e possivel|gostaria|quero|preciso|"
    r"how|what|which|when|where|who|why|can|could|do|does|is|are|i want|i need|my|"
    r"cual|cuanto|cuando|donde|quien|puedo|quiero|necesito)\b"
)


@dataclass(frozen=True)
class Guess:
    """A mapping and how it was found.

    Args:
        mapping: may be incomplete, with no second column of text.
        by_header: whether the headers named both question and answer.
    """

    mapping: Mapping
    by_header: bool


def header_role(header: str) -> tuple[ColumnRole | None, float]:
    """What a header says its column is, and how surely (0 to 1)."""
    parts = plain(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header).replace("_", " ")).split()
    if not parts:
        return None, 0.0
    known = set(parts)
    if plain(header).replace(" ", "") in {"heldout", "split", "particao", "partition", "conjunto", "subset", "fold"}:
        return ColumnRole.HELD_OUT, 1.0
    if parts[0] in _TOPIC or (parts[-1] in _TOPIC and not known & _STRONG[ColumnRole.ANSWER]):
        return ColumnRole.TOPIC, 0.8
    if known & _ABOUT and parts[0] not in _STRONG[ColumnRole.QUESTION] | _STRONG[ColumnRole.ANSWER]:
        return None, 0.0
    if parts[-1] in _ABOUT and len(parts) > 1:
        return None, 0.0
    if known & _SYSTEM:
        return ColumnRole.SYSTEM, 0.9
    for sureness, table in ((1.0, _STRONG), (0.6, _WEAK)):
        hits = [(position, role) for role, names in table.items() for position, w in enumerate(parts) if w in names]
        if hits:
            # The head of a noun phrase comes first in Portuguese and Spanish ("resposta do cliente"); two strong
            # parts of different roles in one header are rare, so the first one decides in English as well.
            return min(hits)[1], sureness if len(parts) <= 4 else sureness * 0.8
    return None, 0.0


def guess_mapping(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> Mapping:
    """The most likely mapping of a table.

    Args:
        columns: headers, in order.
        rows: some of the first rows.

    Returns:
        A mapping; incomplete where there are not two columns of text.
    """
    return guess(columns, rows).mapping


def guess(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> Guess:
    """Like :func:`guess_mapping`, and says whether the headers were enough."""
    roles = _roles(columns)
    cells = {column: _texts(column, rows) for column in columns}
    filled = [column for column in columns if cells[column]] if rows else list(columns)
    topic = _first(filled, roles, ColumnRole.TOPIC)
    held_out = next((c for c in filled if roles[c][0] is ColumnRole.HELD_OUT and _is_held_out(cells[c])), None)
    system = _first(filled, roles, ColumnRole.SYSTEM)
    answer = _named(filled, roles, ColumnRole.ANSWER, cells)
    question = _named([c for c in filled if c not in answer], roles, ColumnRole.QUESTION, cells)
    by_header = bool(question and answer)
    taken = {topic, held_out, system, *answer, *question}
    free = [c for c in filled if c not in taken and _is_prose(cells[c])]
    if not question or not answer:
        if len(free) + bool(question) + bool(answer) < 2 and topic and _is_prose(cells[topic]):
            free, topic = [topic, *free], None  # "Assunto" is the question where there is no other
        question, answer = _by_content(question, answer, free, cells)
    if not question or not answer:
        wordy = [c for c in filled if c not in {topic, held_out, system, *question, *answer} and _has_words(cells[c])]
        question, answer = _by_content(question, answer, wordy, cells)
    return Guess(
        Mapping(
            question=question,
            answer=answer,
            system=(system,) if system else (),
            topic=topic,
            held_out=held_out,
        ),
        by_header,
    )


def _roles(columns: Sequence[str]) -> dict[str, tuple[ColumnRole | None, float]]:
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


def _texts(column: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    return [text for row in rows if (text := str(row.get(column) if row.get(column) is not None else "").strip())]


def _first(columns: Sequence[str], roles: dict[str, tuple[ColumnRole | None, float]], role: ColumnRole) -> str | None:
    return next((column for column in columns if roles[column][0] is role), None)


def _named(
    columns: Sequence[str],
    roles: dict[str, tuple[ColumnRole | None, float]],
    role: ColumnRole,
    cells: dict[str, list[str]],
) -> tuple[str, ...]:
    candidates = [column for column in columns if roles[column][0] is role]
    if not candidates:
        return ()
    names = {plain(column): column for column in candidates}
    if role is ColumnRole.QUESTION and "instruction" in names and "input" in names:
        return (names["instruction"], names["input"])
    # Of several, the surest header; then the fullest column; then the one with the longer text.
    best = max(candidates, key=lambda c: (roles[c][1], len(cells[c]), _mean_length(cells[c]), -columns.index(c)))
    return (best,)


def _by_content(
    question: tuple[str, ...], answer: tuple[str, ...], free: list[str], cells: dict[str, list[str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not question and not answer and len(free) >= 2:
        asked = max(free, key=lambda c: (round(_asking(cells[c]), 1), -_mean_length(cells[c])))
        question = (asked,) if _asking(cells[asked]) >= 0.2 else (free[0],)
        free = [c for c in free if c not in question]
    if question and not answer and free:
        answer = (max(free, key=lambda c: _mean_length(cells[c]) * (1 - 0.8 * _asking(cells[c]))),)
    elif answer and not question and free:
        question = (max(free, key=lambda c: (round(_asking(cells[c]), 1), _mean_length(cells[c]))),)
    return question, answer


def is_question(text: str) -> bool:
    """Whether a text asks: by a question mark, or by how it begins."""
    return "?" in text or bool(_QUESTION_STARTS.match(plain(text[:80])))


def _asking(texts: list[str]) -> float:
    """Share of texts that ask: a question mark, or a beginning that asks."""
    return sum(map(is_question, texts)) / len(texts) if texts else 0.0


def _mean_length(texts: list[str]) -> float:
    return sum(map(len, texts)) / len(texts) if texts else 0.0


def _is_prose(texts: list[str]) -> bool:
    wordy = sum(any(c.isalpha() for c in text) and (" " in text or "?" in text) for text in texts)
    return bool(texts) and wordy >= 0.5 * len(texts)


def _has_words(texts: list[str]) -> bool:
    return sum(any(c.isalpha() for c in text) for text in texts) >= 0.5 * len(texts) > 0


def _is_held_out(texts: list[str]) -> bool:
    return all(held_out_value(text) is not None for text in texts)
