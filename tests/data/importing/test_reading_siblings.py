"""Kinds of files that a second pair of eyes found to be read wrong, or refused though they can be read."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.data.files import assert_sentences, codes, pairs, read

TWO = [("Abre hoje?", "Sim, até as seis."), ("Tem wifi no local?", "Tem, e é grátis.")]
ASKED = [question for question, _ in TWO]
ANSWERED = [answer for _, answer in TWO]
RECORDS = [{"pergunta": question, "resposta": answer} for question, answer in TWO]


def _node(name: str, parent: str | None, role: str, text: str) -> dict[str, Any]:
    message = {"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}}
    return {name: {"id": name, "parent": parent, "message": message, "children": []}}


def _chat(question: str, answer: str) -> dict[str, Any]:
    root = {"r": {"id": "r", "parent": None, "message": None, "children": ["q"]}}
    nodes = root | _node("q", "r", "user", question) | _node("a", "q", "assistant", answer)
    return {"title": "t", "current_node": "a", "mapping": nodes | _node("b", "q", "assistant", "Outra resposta.")}


JSON: dict[str, tuple[Any, list[str]]] = {
    "in an envelope": ({"status": "ok", "data": {"total": 2, "items": RECORDS}}, []),
    "in an object in an object": ({"Assets": {"Qnas": [{"id": 1, "questions": [q], "answer": a} for q, a in TWO]}}, []),
    "in categories": ([{"nome": "Loja", "faqs": RECORDS[:1]}, {"nome": "Casa", "faqs": RECORDS[1:]}], []),
    "in categories of an object": ({"categories": [{"name": "Loja", "faqs": RECORDS}]}, []),
    "answers by their question": (dict(TWO), []),
    "answers by topic and question": ({"loja": dict(TWO[:1]), "casa": dict(TWO[1:])}, []),
    "in wrappers": ({"data": [{"id": 1, "attributes": record} for record in RECORDS]}, []),
    "in wrappers of a search": ({"took": 3, "hits": {"total": 2, "hits": [{"_id": 1, "_source": r} for r in RECORDS]}}, []),
    "an answer that is an object": ([{"question": q, "answer": {"text": a, "lang": "pt"}} for q, a in TWO], []),
    "answers with scores": (
        [{"question": q, "answers": [{"text": a, "score": 3}, {"text": "Não sei.", "score": 0}]} for q, a in TWO],
        ["data.other_answers"],
    ),
    "records of several shapes": (
        [{"prompt": ASKED[0], "completion": ANSWERED[0]}, {"messages": [{"role": "user", "content": ASKED[1]}, {"role": "assistant", "content": ANSWERED[1]}]}],
        [],
    ),
    "records with titles of two languages": ([RECORDS[0], {"question": ASKED[1], "answer": ANSWERED[1]}], []),
    "Freshdesk's full export": (
        [{"helpdesk_ticket": {"id": 1, "subject": "s", "description": q, "notes": [{"body": a, "incoming": False, "private": False}]}} for q, a in TWO],
        [],
    ),
    "Dialogflow": (
        {"intents": [{"displayName": "i", "trainingPhrases": [{"parts": [{"text": q[:4]}, {"text": q[4:]}]}], "messages": [{"text": {"text": [a]}}]} for q, a in TWO]},
        [],
    ),
    "Dialogflow's first version": (
        [{"name": "i", "userSays": [{"data": [{"text": q}], "isTemplate": False}], "responses": [{"messages": [{"type": 0, "speech": a}]}]} for q, a in TWO],
        [],
    ),
    "ChatGPT": ([_chat(*pair) for pair in TWO], ["data.other_replies"]),
}  # fmt: skip


@pytest.mark.parametrize("name", JSON)
def test_json(tmp_path: Path, name: str) -> None:
    value, expected = JSON[name]
    result = read(tmp_path, "a.json", json.dumps(value, ensure_ascii=False))
    assert pairs(result) == TWO
    assert codes(result) == expected
    assert_sentences(result)


@pytest.mark.parametrize(
    "value",
    [
        {"language": "pt-br", "version": "2.0"},
        {"name": "shop", "scripts": {"test": "jest"}},
        {"description": "A helper for the whole shop", "author": "Ann Lee of the Aurora shop"},
        {"name": "shop", "scripts": {"test": "jest --watch all of them", "build": "vite build --mode production now"}},
    ],
)
def test_settings_are_no_answers(tmp_path: Path, value: Any) -> None:
    result = read(tmp_path, "a.json", json.dumps(value))
    assert not result.conversations
    assert codes(result) == ["data.json_shape"]


TEXT: dict[str, tuple[str, str, list[str]]] = {
    "numbers before questions": (
        "a.txt",
        "DÚVIDAS\n\n" + "\n\n".join(f"{n}) {q}\n{a}" for n, (q, a) in enumerate(TWO, 1)),
        [],
    ),
    "numbers before headings": ("a.md", "\n\n".join(f"## {n}. {q}\n\n{a}" for n, (q, a) in enumerate(TWO, 1)), []),
    "an introduction": (
        "a.md",
        "# Loja\n\nBem-vindo à ajuda.\n\n" + "\n\n".join(f"## {q}\n\n{a}" for q, a in TWO),
        ["data.text_left_out"],
    ),
    "a template without line breaks in a table of one column": (
        "a.csv",
        'text\n"### Human: Abre hoje?### Assistant: Sim, até as seis."\n"### Human: Tem wifi no local?### Assistant: Tem, e é grátis."\n',
        ["data.template"],
    ),
    "lists as JSON under the very word": (
        "a.csv",
        'question,answer\nAbre hoje?,"[""Sim, até as seis."", ""Abre.""]"\nTem wifi no local?,"[""Tem, e é grátis.""]"\n',
        ["data.other_answers"],
    ),
    "a second answer": (
        "a.tsv",
        "Pergunta\tResposta 1\tResposta 2\nAbre hoje?\tSim, até as seis.\tSim, abre.\nTem wifi no local?\tTem, e é grátis.\tTem sim senhor.\n",
        ["data.second_pair"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXT)
def test_texts(tmp_path: Path, name: str) -> None:
    file, text, expected = TEXT[name]
    result = read(tmp_path, file, text)
    assert pairs(result) == TWO
    assert [code for code in codes(result) if not code.endswith("_guessed")] == expected
    assert_sentences(result)


WROTE = {
    "en": "On Mon, 6 May 2024 at 10:00, Eva Lima <eva@mail.example>\nwrote:",
    "pt": "Em seg., 6 de mai. de 2024 às 10:00, Eva Lima <eva@mail.example> escreveu:",
    "es": "El lun, 6 may 2024 a las 10:00, Eva Lima <eva@mail.example> escribió:",
    "Outlook": "-----Original Message-----\nFrom: Eva Lima\nSent: Monday, May 6\nTo: Help\nSubject: Hi\n",
}


@pytest.mark.parametrize("language", WROTE)
def test_a_mail_that_quotes_what_it_answers(tmp_path: Path, language: str) -> None:
    """The answer begins with a word that introduces a quote, too."""
    mark = "" if language == "Outlook" else "> "
    text = (
        "From: Help <help@aurora.example>\nTo: Eva Lima <eva@mail.example>\nSubject: Re: Hi\nMessage-ID: <2@a>\n"
        "In-Reply-To: <1@a>\nDate: Mon, 06 May 2024 11:00:00 +0000\nContent-Type: text/plain; charset=utf-8\n\n"
        f"Em Meus pedidos, clique em Cancelar.\n\n{WROTE[language]}\n{mark}Como cancelo?\n"
    )
    result = read(tmp_path, "a.eml", text)
    assert pairs(result) == [("Como cancelo?", "Em Meus pedidos, clique em Cancelar.")]


def test_an_agent_of_dialogflow(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("agent.json", '{"language": "pt"}')
        archive.writestr("package.json", '{"version": "1.0.0"}')
        for n, (question, answer) in enumerate(TWO):
            spoken = [{"lang": "pt", "speech": [answer]}, {"lang": "en", "speech": ["Yes."]}]
            archive.writestr(f"intents/i{n}.json", json.dumps({"name": f"i{n}", "responses": [{"messages": spoken}]}))
            phrases = [{"data": [{"text": question}], "isTemplate": False}]
            archive.writestr(f"intents/i{n}_usersays_pt.json", json.dumps(phrases))
    result = read(tmp_path, "agent.zip", packed.getvalue())
    assert pairs(result) == TWO
    assert not result.problems


def test_rows_merged_into_one_answer_all_have_it(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    for row in (("Pergunta", "Resposta"), (ASKED[0], ANSWERED[0]), ("Abrem hoje?", None), TWO[1]):
        book.active.append(row)
    book.active.merge_cells("B2:B3")
    book.save(tmp_path / "b.xlsx")
    result = read(tmp_path, "a.xlsx", (tmp_path / "b.xlsx").read_bytes())
    assert pairs(result) == [TWO[0], ("Abrem hoje?", ANSWERED[0]), TWO[1]]


def test_a_page_that_was_not_found_is_no_answer(tmp_path: Path) -> None:
    page = "<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1><p>The page was not found.</p></body></html>"
    assert codes(read(tmp_path, "faq.csv", page)) == ["data.not_readable.web_error"]
