from __future__ import annotations

import pytest

from studio.data.headers import held_out_value
from studio.data.mapping import guess, guess_mapping
from studio.domain.dataset import Mapping

PAIRS = [
    ("Pergunta", "Resposta do SAC"),
    ("Dúvida do cliente", "Resposta do SAC"),
    ("PERGUNTA ", " RESPOSTA"),
    ("\ufeffpergunta", "resposta"),
    ("question", "answer"),
    ("Customer question", "Agent reply"),
    ("customerQuestion", "agentReply"),
    ("instruction", "output"),
    ("prompt", "completion"),
    ("prompt", "response"),
    ("input", "output"),
    ("Pregunta", "Respuesta"),
    ("Consulta del cliente", "Respuesta del soporte"),
    ("Mensagem do cliente", "Resposta do atendente"),
    ("user", "assistant"),
    ("Q", "A"),
    ("P", "R"),
    ("Problema", "Solução"),
    ("question_text", "answer_text"),
]


@pytest.mark.parametrize(("question", "answer"), PAIRS)
def test_headers_are_recognised(question: str, answer: str) -> None:
    columns = ["id", "Data da resposta", answer, question, "Status"]
    rows = [dict.fromkeys(columns, "x y")]
    found = guess(columns, rows)
    assert found.mapping == Mapping(question=(question,), answer=(answer,), id="id")
    assert found.by_header


def test_alpaca_joins_instruction_and_input() -> None:
    rows = [{"instruction": "Translate.", "input": "cat", "output": "gato"}]
    assert guess_mapping(["instruction", "input", "output"], rows) == Mapping(
        question=("instruction", "input"), answer=("output",)
    )


def test_topic_system_and_held_out_columns() -> None:
    columns = ["Categoria", "system prompt", "Pergunta", "Resposta", "split"]
    rows = [
        dict(zip(columns, ("frete", "Seja breve.", "Quanto?", "Dez.", split), strict=True))
        for split in ("train", "test")
    ]
    assert guess_mapping(columns, rows) == Mapping(
        question=("Pergunta",), answer=("Resposta",), system=("system prompt",), topic="Categoria", held_out="split"
    )


def test_a_split_column_with_other_values_is_not_held_out() -> None:
    rows = [{"question": "a b?", "answer": "c d", "split": "red"}]
    assert guess_mapping(["question", "answer", "split"], rows).held_out is None


def test_content_decides_where_headers_do_not() -> None:
    rows = [
        {"x": "101", "col2": "Abrimos às nove e fechamos às seis, de segunda a sexta.", "col1": "Que horas abre?"},
        {"x": "102", "col2": "Sim, entregamos em todo o Brasil em até nove dias úteis.", "col1": "Vocês entregam?"},
    ]
    found = guess(["x", "col2", "col1"], rows)
    assert found.mapping == Mapping(question=("col1",), answer=("col2",))
    assert not found.by_header


def test_one_named_column_takes_the_other_by_content() -> None:
    rows = [{"Pergunta": "Abre hoje?", "Observações": "Sim, abrimos hoje até as seis.", "Loja": "3"}]
    assert guess_mapping(["Pergunta", "Observações", "Loja"], rows).answer == ("Observações",)


def test_empty_columns_are_not_taken() -> None:
    rows = [{"question": "", "pergunta": "Abre hoje?", "resposta": "Sim, abre."}]
    assert guess_mapping(["question", "pergunta", "resposta"], rows).question == ("pergunta",)


def test_one_column_of_text_is_not_enough() -> None:
    assert not guess_mapping(["text"], [{"text": "Once upon a time."}]).is_complete


@pytest.mark.parametrize(
    ("cell", "expected"), [("Teste", True), ("Não", False), ("", None), (1, True), ("talvez", None)]
)
def test_held_out_values(cell: object, expected: bool | None) -> None:
    assert held_out_value(cell) is expected
