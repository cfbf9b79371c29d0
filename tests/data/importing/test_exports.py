"""What other programs export: each a tiny file as its program writes it, to the exact conversations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from studio.data.importing.pipeline import read_files
from studio.data.importing.result import ReadResult
from tests.data.files import assert_sentences, codes, pairs, read

ASSETS = Path(__file__).parents[2] / "assets" / "reading"
YES = [("Open today?", "Yes, until six.")]


def _said(result: ReadResult) -> list[str]:
    return [" ".join(f"{m.role[0]}:{m.content}" for m in c.messages) for c in result.conversations]


ASSET: dict[str, tuple[list[str], list[str]]] = {
    "intents.json": (
        ["u:When do you open? a:From 9 to 18.", "u:Opening hours? a:From 9 to 18.", "u:Is there parking? a:Yes, behind the shop."],
        ["data.other_answers"],
    ),
    "nested_values_as_text.json": (["u:Which alarms do I have? a:One, at six.", "u:Add one at seven. a:Done."], []),
    "telegram.json": (["u:Do you have it in blue? a:Yes, see https://aurora.example/blue please."], ["data.company"]),
    "log_other_titles.csv": (
        ["u:Do you ship to Porto? a:Yes, two days.", "u:Is it in stock? a:Only the red one."],
        [],
    ),
    "oasst_messages.json": (
        ["u:How do I reset the router? a:Hold the button.", "u:Is there a guest network? a:Yes."],
        [],
    ),
    "chapters_over_questions.md": (
        [
            "u:Can I change my order? a:Yes, until it is packed.",
            "u:How do I cancel? a:Write to us within a day.",
            "u:How long does it take? a:Two to four days.",
            "u:Do you ship to islands? a:Yes, for 9 euros more.",
        ],
        [],
    ),
    "chatterbot.yml": (
        ["u:When do you open? a:At nine.", "u:Do you repair shoes a:Yes, in two days.", "u:Can I pay by card? a:Yes."],
        [],
    ),
    "alpaca_prompt_in_text.csv": (["u:Tell the hours a:From 9 to 18.", "u:Tell the price a:12 euros."], ["data.template"]),
    "chat_templates_in_text.jsonl": (
        ["u:Do you rent bikes? a:Yes, 10 a day.", "u:Is a helmet included? a:Yes.", "u:Until when? a:Until 19:00."],
        ["data.template"],
    ),
    "last_turns_lost.json": (["u:Is the pool open? a:Yes, until 20:00."], ["data.turns_after"]),
    "html_table.html": (["u:Do you repair shoes? a:Yes, in two days.", "u:What does it cost a:From 15 euros."], []),
    "table_saved_as_txt.txt": (
        [
            "u:Do you open on Sunday? a:Yes. Shall I book a table?",
            "u:Where can I park? a:Behind the church. Do you need a ramp?",
            "u:Is there wifi? a:Yes. Would you like the code?",
        ],
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ASSET)
def test_assets(name: str) -> None:
    result = read_files([ASSETS / name])
    expected, problems = ASSET[name]
    assert _said(result) == expected
    assert [code for code in codes(result) if code != "data.header_guessed"] == problems
    assert_sentences(result)


def test_chapters_become_topics() -> None:
    found = read_files([ASSETS / "chapters_over_questions.md"]).conversations
    assert [c.topic for c in found] == ["Orders", "Orders", "Delivery", "Delivery"]


def _turn(who: str, text: str, minute: int, **more: Any) -> dict[str, Any]:
    return {"ts": f"17000{minute:05}.0001", "user": who, "type": "message", "text": text, **more}


EXPORTS: dict[str, tuple[Any, list[tuple[str, str]], list[str]]] = {
    "slack": (
        [
            _turn("U1", "Open today?", 0, thread_ts="1"),
            _turn("U2", "Sim, veja &lt;aqui&gt; <https://a.example|site>", 60, thread_ts="1"),
            {"type": "message", "subtype": "channel_join", "ts": "1700000100.1", "user": "U3", "text": "joined"},
        ],
        [("Open today?", "Sim, veja <aqui> site")],
        ["data.company"],
    ),
    "discord": (
        {
            "guild": {"name": "Shop"},
            "channel": {"name": "help"},
            "messages": [
                {"type": "Default", "timestamp": "2024-01-01T10:00:00+00:00", "content": "Open today?", "author": {"name": "ana"}},
                {"type": "Default", "timestamp": "2024-01-01T10:01:00+00:00", "content": "Yes, until six.", "author": {"name": "shop team"}},
            ],
        },
        YES,
        ["data.company"],
    ),
    "telegram, all chats": (
        {"chats": {"list": [
            {"name": n, "type": "personal_chat", "messages": [
                {"type": "message", "date": "2024-01-01T10:00:00", "from": n, "text": "Open today?"},
                {"type": "message", "date": "2024-01-01T10:01:00", "from": "Aurora", "text": "Yes, until six."},
                {"type": "message", "date": "2024-01-01T10:02:00", "from": "Aurora", "photo": "x.jpg", "text": ""},
            ]} for n in ("Ana", "Rui", "Bia")
        ]}},
        YES * 3,
        ["data.company", "data.chat_media"],
    ),
    "zendesk": (
        {"tickets": [{"id": 1, "subject": "Hours", "requester_id": 7, "description": "Open today?", "comments": [
            {"author_id": 7, "body": "Open today?", "public": True},
            {"author_id": 9, "body": "He asks every day", "public": False},
            {"author_id": 9, "html_body": "<p>Yes, until <b>six</b>.</p>", "public": True},
        ]}]},
        YES,
        ["data.private_notes"],
    ),
    "intercom": (
        {"type": "conversation.list", "conversations": [{
            "id": "1", "source": {"body": "<p>Open today?</p>", "author": {"type": "user"}},
            "conversation_parts": {"conversation_parts": [
                {"part_type": "note", "body": "<p>again</p>", "author": {"type": "admin"}},
                {"part_type": "comment", "body": "<p>Yes, until six.</p>", "author": {"type": "admin"}},
                {"part_type": "assignment", "body": None, "author": {"type": "bot"}},
            ]},
        }]},
        YES,
        ["data.private_notes"],
    ),
    "freshdesk": (
        [{"helpdesk_ticket": {"id": 3, "subject": "Hours", "description_text": "Open today?", "conversations": [
            {"incoming": False, "private": True, "body_text": "vip"},
            {"incoming": False, "private": False, "body_text": "Yes, until six."},
        ]}}],
        YES,
        ["data.private_notes"],
    ),
    "squad": (
        {"version": "1", "data": [{"title": "Shop", "paragraphs": [{"context": "We open until six.", "qas": [
            {"id": "a", "question": "Open today?", "answers": [{"text": "Yes, until six.", "answer_start": 0}]},
            {"id": "b", "question": "Who owns it?", "answers": [], "is_impossible": True},
        ]}]}]},
        YES,
        ["data.no_answer"],
    ),
    "oasst tree": (
        [{"message_tree_id": "1", "prompt": {"role": "prompter", "text": "Open today?", "replies": [
            {"role": "assistant", "text": "No idea.", "rank": 1, "replies": []},
            {"role": "assistant", "text": "Yes, until six.", "rank": 0, "replies": []},
        ]}}],
        YES,
        ["data.other_replies"],
    ),
    "botpress": (
        {"qnas": [{"id": "x", "data": {"action": "text", "contexts": ["global"], "questions": {"en": ["Open today?"], "pt": ["Abre hoje?"]},
                   "answers": {"en": ["Yes, until six."], "pt": ["Sim, até as seis."]}}}]},
        [*YES, ("Abre hoje?", "Sim, até as seis.")],
        [],
    ),
    "qna maker": (
        {"qnaDocuments": [{"id": 1, "answer": "Yes, until six.", "source": "kb", "questions": ["Open today?", "Hours?"], "metadata": []}]},
        [*YES, ("Hours?", "Yes, until six.")],
        [],
    ),
    "multiwoz": (
        {"PMUL1.json": {"goal": {}, "log": [{"text": "Open today?", "metadata": {}}, {"text": "Yes, until six.", "metadata": {}}]}},
        YES,
        [],
    ),
    "daily dialog": ([{"dialog": ["Open today?", "Yes, until six."], "act": [1, 2]}], YES, []),
    "intents in portuguese": (
        {"intents": [{"tag": "horario", "padroes": ["Abre hoje?", "Está aberto?"], "respostas": ["Sim, até as seis."]}]},
        [("Abre hoje?", "Sim, até as seis."), ("Está aberto?", "Sim, até as seis.")],
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTS)
def test_exports(tmp_path: Path, name: str) -> None:
    value, expected, problems = EXPORTS[name]
    result = read(tmp_path, "export.json", json.dumps(value, ensure_ascii=False))
    assert pairs(result) == expected
    assert codes(result) == problems


YAML = {
    "list": "- pergunta: Abre hoje?\n  resposta: Sim.\n- pergunta: Aceita 'pix'?\n  resposta: |\n    Sim,\n    sempre.\n",
    "several wordings": "faq:\n  - questions: [Abre hoje?, \"Aceita 'pix'?\"]\n    answer: Sim.\n",
    "dictionary": "Abre hoje?: yes\nAceita pix?: 2024-01-01\n",
    "several documents": "---\nquestion: Abre hoje?\nanswer: on\n---\nquestion: Outra?\nanswer: off\n",
}


@pytest.mark.parametrize("name", YAML)
def test_yaml(tmp_path: Path, name: str) -> None:
    result = read(tmp_path, "faq.yaml", YAML[name])
    assert len(result.conversations) == 2
    assert "- " not in pairs(result)[0][0]
    assert pairs(result)[0][1] in ("Sim.", "yes", "on")  # never turned into true


def test_rasa_with_its_responses_is_read(tmp_path: Path) -> None:
    text = (ASSETS / "rasa_nlu.yml").read_text() + "responses:\n  utter_hours:\n  - text: Nine to six.\n"
    result = read(tmp_path, "nlu.yml", text)
    assert [answer for _, answer in pairs(result)] == ["Nine to six."] * 4
    assert codes(result) == ["data.no_answer"]


TEMPLATES = {
    "llama 3": "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nOpen today?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nYes, until six.<|eot_id|>",
    "gemma": "<bos><start_of_turn>user\nOpen today?<end_of_turn>\n<start_of_turn>model\nYes, until six.<end_of_turn>",
    "zephyr": "<|system|>\nKind.</s>\n<|user|>\nOpen today?</s>\n<|assistant|>\nYes, until six.</s>",
    "llama 2": "<s>[INST] <<SYS>>\nKind.\n<</SYS>>\n\nOpen today? [/INST] Yes, until six. </s>",
    "vicuna": "A chat. USER: Open today? ASSISTANT: Yes, until six.</s>",
    "alpaca in portuguese": "### Instrução:\nOpen today?\n\n### Resposta:\nYes, until six.",
    "alpaca in spanish": "### Instrucción:\nOpen today?\n\n### Respuesta:\nYes, until six.",
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_in_one_column(tmp_path: Path, name: str) -> None:
    result = read(tmp_path, "a.jsonl", (json.dumps({"id": 1, "text": TEMPLATES[name]}) + "\n") * 2)
    assert pairs(result) == YES * 2
    assert codes(result) == ["data.template"]
    beside = [{"instruction": "Open?", "output": "Yes.", "text": TEMPLATES[name]}] * 2
    assert pairs(read(tmp_path, "b.json", json.dumps(beside))) == [("Open?", "Yes.")] * 2


LOGS = {
    "other titles": "chat_id,sender_type,message_text\n1,customer,Open?\n1,agent,Yes.\n2,customer,Where?\n2,agent,Here.\n",
    "spanish": "Chat nº;Quién;Lo dicho\n1;cliente;Open?\n1;agente;Yes.\n2;cliente;Where?\n2;agente;Here.\n",
    "newest first": "sessao;hora;papel;fala\n1;2024-01-01 10:05;atendente;Yes.\n1;2024-01-01 10:00;cliente;Open?\n"
    "2;2024-01-02 10:05;atendente;Here.\n2;2024-01-02 10:00;cliente;Where?\n",
    "without conversations": "who\ttext\nuser\tOpen?\nbot\tYes.\nuser\tWhere?\nbot\tHere.\n",
    "direction": "phone|direction|body\n55119|inbound|Open?\n55119|outbound|Yes.\n55118|inbound|Where?\n55118|outbound|Here.\n",
    "people by their names": "data,nome,texto\n2024-01-01 10:00,Ana,Open?\n2024-01-01 10:01,Loja,Yes.\n"
    "2024-01-02 11:00,Rui,Where?\n2024-01-02 11:01,Loja,Here.\n",
    "greeting first": "ticket,from,message\n1,agent,Welcome!\n1,user,Open?\n1,agent,Yes.\n2,user,Where?\n2,agent,Here.\n",
}


@pytest.mark.parametrize("name", LOGS)
def test_logs_with_any_titles(tmp_path: Path, name: str) -> None:
    result = read(tmp_path, "log.csv", LOGS[name])
    assert pairs(result) == [("Open?", "Yes."), ("Where?", "Here.")]
    told = {"greeting first": ["data.turns_before"], "people by their names": ["data.company"]}
    assert codes(result) == told.get(name, [])


def test_prose_with_commas_is_prose(tmp_path: Path) -> None:
    line = "The shop, which opened in 1998, sells bread, cakes, tea, and coffee, mostly to neighbours, and, on Sundays, to visitors. "
    result = read(tmp_path, "a.txt", (line * 300 + "\n") * 3)
    assert len(result.conversations) == 3
    assert codes(result) == ["data.passages"]


SIBLINGS: dict[str, tuple[str, str, list[tuple[str, str]], list[str | None]]] = {
    "marks of Markdown in a cell": (
        "a.csv",
        'question,answer\n"How?","### One\ntext\n### Two\nmore"\nWhere?,"# Here"\n',
        [("How?", "### One\ntext\n### Two\nmore"), ("Where?", "# Here")],
        [None, None],
    ),
    "quotation marks after a space": (
        "a.csv",
        'question, answer\n"Hi, there?", "Yes, sure"\n"Open?", "No, never"\n',
        [("Hi, there?", "Yes, sure"), ("Open?", "No, never")],
        [None, None],
    ),
    "a table in Markdown": (
        "a.md",
        "| Question | Answer |\n|---|:---:|\n| Open? | Yes. |\n| Where? | Here. |\n",
        [("Open?", "Yes."), ("Where?", "Here.")],
        [None, None],
    ),
    "authors as objects": (
        "a.json",
        '[{"messages": [{"author": {"role": "user"}, "content": "Open?"}, {"author": {"role": "assistant"}, "content": "Yes."}]}]',
        [("Open?", "Yes.")],
        [None],
    ),
    "chapters in capitals": (
        "a.txt",
        "PEDIDOS\n\nPosso trocar?\nSim.\n\nENVIO\n\nDemora?\nDois dias.\n",
        [("Posso trocar?", "Sim."), ("Demora?", "Dois dias.")],
        ["PEDIDOS", "ENVIO"],
    ),
    "chapters over labels": (
        "a.md",
        "## Pedidos\nP: Posso trocar?\nR: Sim.\n\n## Envío\nP: ¿Tarda?\nR: Dos días.\n",
        [("Posso trocar?", "Sim."), ("¿Tarda?", "Dos días.")],
        ["Pedidos", "Envío"],
    ),
    "intents by their names": (
        "a.json",
        '{"hours": {"patterns": ["Open?", "Hours?"], "responses": ["Nine."]}, "x": {"patterns": ["Park?"], "responses": ["Yes."]}}',
        [("Open?", "Nine."), ("Hours?", "Nine."), ("Park?", "Yes.")],
        ["hours", "hours", "x"],
    ),
    "a table of a page beside its menu": (
        "a.html",
        "<html><body><table><tr><td>Home</td></tr></table><table><tr><th>Pergunta</th><th>Resposta</th></tr>"
        "<tr><td>Abre?</td><td>Sim,<br>hoje.</td></tr><tr><td>Onde?</td><td><ul><li>a</li><li>b</li></ul></td></tr></table>",
        [("Abre?", "Sim,\nhoje."), ("Onde?", "a\nb")],
        [None, None],
    ),
    "one e-mail": (
        "a.eml",
        "From: Ana <a@x.example>\nTo: s@a.example\nSubject: Oi\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n\nAbre?\n",
        [],
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SIBLINGS)
def test_siblings(tmp_path: Path, name: str) -> None:
    file, text, expected, topics = SIBLINGS[name]
    result = read(tmp_path, file, text)
    assert pairs(result) == expected
    assert [conversation.topic for conversation in result.conversations] == topics
    assert codes(result) == ([] if expected else ["data.no_answer"])
