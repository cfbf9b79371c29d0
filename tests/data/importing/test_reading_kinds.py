"""Kinds of files that were once read wrong: each with siblings in other words, languages and separators."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.data.importing.pipeline import read_files
from studio.domain.left_out import Unit, left_out, totals
from studio.domain.problem import Severity
from tests.data.files import assert_sentences, codes, pairs, read

ASSETS = Path(__file__).parents[2] / "assets" / "reading"

READ: dict[str, tuple[int, tuple[str, ...], tuple[str, ...]]] = {
    # name: examples, columns of the question, columns of the answer
    "row_taken_for_header.csv": (5, ("Description",), ("Resolution notes",)),
    "no_header_short_first_row.tsv": (3, ("A",), ("B",)),
    "no_header_answers_ask_back.tsv": (3, ("A",), ("B",)),
    "prompts_beside_question.tsv": (3, ("Question",), ("Answer",)),
}


@pytest.mark.parametrize("name", READ)
def test_tables(name: str) -> None:
    result = read_files([ASSETS / name])
    count, question, answer = READ[name]
    assert (len(result.conversations), result.mapping.question, result.mapping.answer) == (count, question, answer)
    assert_sentences(result)


HEADERS = {
    "a sentence that names both roles is no header": (
        "Assunto;Relato;Parecer\nTroca;A bota veio menor;Envie de volta em 7 dias.\nPergunta;Quando vem a resposta?;Amanhã cedo.\n"
        "Frete;O frete dobrou;O peso mudou de faixa.\n",
        3,
        [],
    ),
    "titles below a report's head": (
        "Informe de atención;;\nPeríodo: enero;;\n\nPregunta;Respuesta;Agente\n¿Abren hoy?;Sí, hasta las seis.;Eva\n"
        "¿Dónde están?;En la plaza.;Eva\n",
        2,
        ["data.rows_above"],
    ),
    "a head of two cells above two columns": (
        "Exported,2024-01-05\nBy,Ann\n\nQuestion,Answer\nOpen today?,Yes until six.\nWhere?,Main street.\n",
        2,
        ["data.rows_above"],
    ),
    "no titles, first row short": ("Wifi?;Sim\nTem estacionamento coberto?;Sim, no subsolo.\nAceitam pix?;Sim.\n", 3, ["data.no_header", "data.mapping_guessed"]),
    "no titles, statements": ("Opening hours\tFrom nine to six.\nParking\tBehind the church.\nGift wrap\tFor two euros.\n", 3, ["data.no_header", "data.mapping_guessed"]),
    "titles in no known words": (
        "Frase;Devolución\nMi caja llegó rota y vacía;Lo sentimos, mandamos otra mañana.\n"
        "No puedo entrar en mi cuenta;Pulse en recuperar la clave de acceso.\n",
        2,
        ["data.mapping_guessed"],
    ),
    "titles that come again": ("Pergunta;Resposta\nAbre?;Sim.\nPergunta;Resposta\nFecha?;Não.\n", 2, ["data.titles_again"]),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_headers(tmp_path: Path, name: str, encoding: str) -> None:
    text, count, expected = HEADERS[name]
    result = read(tmp_path, "a.csv", text.encode(encoding))
    assert len(result.conversations) == count
    assert [code for code in codes(result) if code != "data.header_guessed"] == expected


REFUSED = {
    "labels": "text;Mau atendimento\nA caixa veio vazia;1\nNinguém liga;1\nO motorista foi rude;0\n",
    "contacts": "Nome;Telefone;Cidade\nAna Lima;11 91234-5678;São Paulo\nRui Sá;21 91234-5678;Rio de Janeiro\n",
    "dates": "Relato,Aberto em\nMy box came empty,2024-01-05 10:00\nNobody calls me back,2024-01-06 11:30\nIt broke,2024-02-01 09:12\n",
    "one value": "Descripción;Agente\nMi caja llegó vacía;Eva Pérez\nNadie me llama;Eva Pérez\nEl chófer fue grosero;Eva Pérez\n",
    "a label that comes again": "comment,sentiment\n"
    + "".join(f"The parcel number {n} came too late,{'bad' if n % 2 else 'good'}\n" for n in range(20)),
    "lists": 'utterance,slots\n"I want a table","[{""slot"": ""food""}]"\n"For two people","[{""slot"": ""people""}]"\n',
    "python lists": "texto,entidades\nQuero uma mesa,['mesa']\nPara dois,\"['dois', 'hoje']\"\nSem glúten,['dieta']\n",
    "truth": "question_text,is_duplicate\nHow do I pay?,true\nWhere do you ship?,false\nIs it open?,true\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_table_without_two_columns_of_text_is_refused(tmp_path: Path, name: str) -> None:
    result = read(tmp_path, "a.csv", REFUSED[name])
    assert not result.conversations
    assert codes(result)[-1] == "data.columns_unknown"
    assert all(column in str(result.problems[-1].params["kinds"]) for column in result.files[0].columns)


def test_labels_as_answers_are_refused() -> None:
    result = read_files([ASSETS / "labels_as_answers.csv"])
    assert codes(result) == ["data.columns_unknown"]


def test_exact_titles_over_numbers_are_read_with_a_warning(tmp_path: Path) -> None:
    result = read(tmp_path, "a.csv", "question,answer\n2 + 2?,4\n3 + 4?,7\n1 + 1?,2\n")
    assert len(result.conversations) == 3
    assert [(p.code, p.severity) for p in result.problems] == [("data.odd_column", Severity.WARNING)]


TITLES = [
    (("question", "answer", "answer_html"), ("Open?", "Yes.", "<p>Yes, it is.</p>"), "question", "answer"),
    (("Prompts", "Pergunta", "Resposta"), ("Bem longa esta aqui?", "Abre?", "Sim."), "Pergunta", "Resposta"),
    (("Respuesta corta", "Respuesta", "Pregunta"), ("Sí, claro que sí.", "Sí.", "¿Abren?"), "Pregunta", "Respuesta"),
    (("body_question", "response_html", "response_text"), ("Open?", "<b>Yes</b>", "Yes"), "body_question", "response_text"),
    (("answer_en", "question_en", "answer_pt", "question_pt"), ("Yes.", "Open?", "Sim.", "Abre?"), "question_en", "answer_en"),
    (("question_pt", "answer_en", "question_en"), ("Abre hoje?", "Yes, sir.", "Open?"), "question_en", "answer_en"),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "cells", "question", "answer"), TITLES)
def test_the_exact_title_wins(
    tmp_path: Path, columns: tuple[str, ...], cells: tuple[str, ...], question: str, answer: str
) -> None:
    result = read(tmp_path, "a.tsv", "\t".join(columns) + "\n" + ("\t".join(cells) + "\n") * 2)
    assert (result.mapping.question, result.mapping.answer) == ((question,), (answer,))


def test_cells_are_joined_as_they_were() -> None:
    assert pairs(read_files([ASSETS / "extra_cells_joined.csv"]))[0][1] == "I am Nina, the helper of the shop."


def test_every_reason_that_reading_knows_is_counted_in_some_unit(tmp_path: Path) -> None:
    text = "Head\nquestion,answer\nA?,B\n,C\nD?,\n"
    gone = left_out(read(tmp_path, "a.csv", text).problems)
    assert [(item.unit, item.n) for item in gone] == [(Unit.ROWS, 1)] * 3
    assert totals(gone) == {Unit.ROWS: 3}
    (tmp_path / "b.csv").write_text("text,label\nNo answer here,1\nNor here,0\nNor there,1\n", encoding="utf-8")
    assert totals(left_out(read_files([tmp_path / "b.csv", tmp_path / "c.csv"]).problems)) == {Unit.FILES: 2}


def test_a_second_pair_of_columns_is_told(tmp_path: Path) -> None:
    text = "Pergunta 1,Resposta 1,Pergunta 2,Resposta 2\nAbre hoje?,Sim claro.,Onde fica?,Na rua.\nTem pix?,Tem sim.,Tem wifi?,Sim, há.\n"
    result = read(tmp_path, "a.csv", text.replace("Sim, há", "Sim há"))
    assert (result.mapping.question, result.mapping.answer) == (("Pergunta 1",), ("Resposta 1",))
    assert totals(left_out(result.problems)) == {Unit.COLUMNS: 2}


def test_what_an_exact_title_lacks_is_not_made_up_for(tmp_path: Path) -> None:
    text = "context,question,answers\nThe shop opens at nine.,When is it?,\"{'text': ['nine']}\"\nThe shop is red.,What is it?,\"{'text': ['red']}\"\n"
    assert codes(read(tmp_path, "a.csv", text)) == ["data.columns_unknown"]


def test_a_side_list_of_links_is_no_table_of_examples(tmp_path: Path) -> None:
    links = [{"rel": "self", "href": "/api/faqs?page=1"}, {"rel": "next page", "href": "/api/faqs?page=2 of all"}]
    faqs = [{"question": "Open today?", "answer": "Until six."}, {"question": "Where?", "answer": "Main street."}]
    result = read(tmp_path, "a.json", json.dumps({"faqs": faqs, "links": links}))
    assert pairs(result) == [("Open today?", "Until six."), ("Where?", "Main street.")]
    assert [(p.code, p.file) for p in result.problems] == [("data.fields_unknown", "a.json › links")]


def test_every_list_of_examples_in_an_object_is_read(tmp_path: Path) -> None:
    one = [{"question": f"Open on day {n}?", "answer": f"Until {n}."} for n in range(3)]
    other = [{"prompt": "Where are you?", "completion": "Main street."}]
    chat = [{"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]}]
    result = read(tmp_path, "a.json", json.dumps({"train": one, "more": other, "chats": chat}))
    assert len(result.conversations) == 5
    assert not codes(result)


ASKED = [f"Where is the parcel {word}?" for word in ("red", "blue", "big", "small", "old", "new", "lost", "open")]


@pytest.mark.parametrize("rows", [8, 30])
@pytest.mark.parametrize("said", ["Resolved", "Answered"])
def test_a_state_under_the_title_of_answers_is_none(tmp_path: Path, rows: int, said: str) -> None:
    text = "question,answer\n" + "".join(f"{ASKED[n % 8]} {n},{said}\n" for n in range(rows))
    result = read(tmp_path, "a.csv", text)
    assert (pairs(result), codes(result)) == ([], ["data.columns_unknown"])


def test_the_answers_are_in_another_column_than_the_same_note_in_each_row(tmp_path: Path) -> None:
    text = "question,answer,text of the agent\n"
    text += "".join(f"{ASKED[n % 8]} {n},See attachment below,It is at depot {n} since Monday.\n" for n in range(30))
    result = read(tmp_path, "a.csv", text)
    assert result.mapping.answer == ("text of the agent",)
    assert codes(result) == ["data.mapping_guessed"]


def test_wordings_of_one_question_have_one_answer(tmp_path: Path) -> None:
    text = "question,answer\n" + "".join(f"{asked},It is at the depot in town.\n" for asked in ASKED)
    result = read(tmp_path, "a.csv", text)
    assert len(result.conversations) == 8
    assert codes(result) == ["data.odd_column"]
