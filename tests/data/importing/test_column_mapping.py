from __future__ import annotations

import pytest

from studio.data.importing.column_mapping import guess, reason
from studio.data.importing.column_names import header_role, held_out_value
from studio.domain.dataset import ColumnRole, Mapping

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
    assert guess(["instruction", "input", "output"], rows).mapping == Mapping(
        question=("instruction", "input"), answer=("output",)
    )


def test_topic_system_and_held_out_columns() -> None:
    columns = ["Categoria", "system prompt", "Pergunta", "Resposta", "split"]
    rows = [
        dict(zip(columns, ("frete", "Seja breve.", "Quanto?", "Dez.", split), strict=True))
        for split in ("train", "test")
    ]
    assert guess(columns, rows).mapping == Mapping(
        question=("Pergunta",), answer=("Resposta",), system=("system prompt",), topic="Categoria", held_out="split"
    )


def test_a_split_column_with_other_values_is_not_held_out() -> None:
    rows = [{"question": "a b?", "answer": "c d", "split": "red"}]
    assert guess(["question", "answer", "split"], rows).mapping.held_out is None


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
    assert guess(["Pergunta", "Observações", "Loja"], rows).mapping.answer == ("Observações",)


def test_empty_columns_are_not_taken() -> None:
    rows = [{"question": "", "pergunta": "Abre hoje?", "resposta": "Sim, abre."}]
    assert guess(["question", "pergunta", "resposta"], rows).mapping.question == ("pergunta",)


def test_one_column_of_text_is_not_enough() -> None:
    assert not guess(["text"], [{"text": "Once upon a time."}]).mapping.is_complete


@pytest.mark.parametrize(
    ("cell", "expected"), [("Teste", True), ("Não", False), ("", None), (1, True), ("talvez", None)]
)
def test_held_out_values(cell: object, expected: bool | None) -> None:
    assert held_out_value(cell) is expected


ODD: dict[ColumnRole | None, str] = {
    ColumnRole.QUESTION: "O que o cliente perguntou; Fala do cliente; Texto da pergunta; Pergunta frequente; Msg cliente; CLIENTE; Perg.; Mensagem recebida; Dúvida (cliente); Pergunta 1; What they asked; Customer msg; User says; Customer's question; Inbound message; FAQ; Lo que pregunta el cliente; Duda; Mensaje del cliente; Queja; Reclamação; cliente_pergunta; perguntaCliente; PERGUNTA*; pergunta:; Qual a pergunta?; Solicitação do consumidor; Enunciado; Question asked by customer",
    ColumnRole.ANSWER: "O que responder; Fala da empresa; Texto da resposta; Resposta padrão (texto); Retorno SAC; Como respondemos; Resp.; Mensagem enviada; Resposta da loja; What we said; Our response; Bot says; Agent's answer; Outbound message; First reply; Lo que respondemos; Contestación; Respuesta tipo; Solución; resposta_sac; respostaAtendente; Gabarito; Answer given to customer; Nossa resposta ao cliente; Script de atendimento; Resposta ao cliente; Answer (final); Mensagem da loja",
    ColumnRole.ID: "id; ID; Ticket; ticket_id; Nº do chamado; question_id; conversationId; Protocolo; Código",
    None: "Data da resposta; Data; Cliente ID; order id; Nome do cliente; E-mail do cliente; Tempo de resposta; customer_email; Status; Nota; user_id; Pergunta data",
}


@pytest.mark.parametrize(
    ("role", "header"), [(role, name) for role, names in ODD.items() for name in names.split("; ")]
)
def test_odd_headers(role: ColumnRole | None, header: str) -> None:
    assert header_role(header)[0] is role


def test_what_a_person_said_stays_and_the_rest_is_found_around_it() -> None:
    columns = ["Pergunta", "Resposta", "Resposta antiga", "Assunto"]
    rows = [dict(zip(columns, ("Abre hoje?", "Sim, até as seis.", "Não sei dizer.", "horário"), strict=True))]
    said = Mapping(answer=("Resposta antiga",), company="Loja", sheets=("2024",))
    found = guess(columns, rows, said).mapping
    assert found == Mapping(
        question=("Pergunta",), answer=("Resposta antiga",), topic="Assunto", company="Loja", sheets=("2024",)
    )
    assert guess(columns, rows, Mapping(topic="Outra coluna")).mapping.topic == "Assunto"


def test_a_name_of_a_person_or_a_shop_is_no_text() -> None:
    rows = [
        {"Cliente": "Ana", "Mensagem": "Vocês abrem hoje?", "Loja": "Centro", "Retorno": "Abrimos até as seis."},
        {"Cliente": "Rui", "Mensagem": "Qual o prazo?", "Loja": "Norte", "Retorno": "Sete dias úteis, em geral."},
    ]
    assert guess(list(rows[0]), rows).mapping == Mapping(question=("Mensagem",), answer=("Retorno",))


def test_an_id_names_examples_and_not_a_few_groups() -> None:
    rows = [{"id": str(n % 2), "question": f"Is it {n}?", "answer": "Yes it is."} for n in range(20)]
    assert guess(["id", "question", "answer"], rows).mapping.id is None
    rows = [{**row, "id": str(n // 2)} for n, row in enumerate(rows)]
    assert guess(["id", "question", "answer"], rows).mapping.id == "id"


def test_why_a_column_was_chosen() -> None:
    columns = ["Pergunta", "x", "y"]
    rows = [{"Pergunta": "Abre hoje?", "x": "Sim, abrimos até as seis da tarde.", "y": "Abre?"}]
    assert reason("Pergunta", ColumnRole.QUESTION, columns, rows) == "header"
    assert reason("x", ColumnRole.ANSWER, columns, rows) == "longer"
    assert reason("y", ColumnRole.QUESTION, columns, rows) == "asks"
    assert reason("y", ColumnRole.ANSWER, columns, rows) == "left"
