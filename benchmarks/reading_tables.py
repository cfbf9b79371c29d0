"""Labelled tables for :mod:`benchmarks.reading`: generated and hand-made, Portuguese, English and Spanish.

Each says where its titles are and which columns ask and answer, or that it has to be refused, or holds whole
conversations. The texts are drawn from a few dozen; what differs is the shape.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

REFUSED: Final = "refused"
TURNS: Final = "turns"

ASKED: Final = {
    "en": "Do you open on Sunday?|Where can I park?|My parcel is late|I cannot log in since today|Is there wifi?|"
    "How do I return the shoes?|The lamp stays dark|Can I pay by card?|I would like a room for two|Nobody calls me back",
    "pt": "Vocês abrem no domingo?|Onde posso estacionar?|Meu pacote está atrasado|Não consigo entrar desde hoje|Tem wifi?|"
    "Como devolvo o sapato?|A lâmpada não acende|Posso pagar com cartão?|Quero um quarto para dois|Ninguém me liga de volta",
    "es": "¿Abren el domingo?|¿Dónde puedo aparcar?|Mi paquete llega tarde|No puedo entrar desde hoy|¿Hay wifi?|"
    "¿Cómo devuelvo los zapatos?|La lámpara no enciende|¿Puedo pagar con tarjeta?|Quiero una habitación para dos|Nadie me llama",
}
ANSWERED: Final = {
    "en": "Yes, ten to two.|Behind the church.|The islands take eight days.|Reset it in the portal.|Yes, the code is on the wall.|"
    "Send them back within 14 days.|Turn it off and on. Does it work now?|Yes, every card.|Sure. For which night would it be?|We are back at nine.",
    "pt": "Sim, das dez às duas.|Atrás da igreja.|Para as ilhas são oito dias.|Redefina no portal.|Sim, a senha está na parede.|"
    "Envie de volta em até 14 dias.|Desligue e ligue. Funciona agora?|Sim, todos os cartões.|Claro. Para qual noite seria?|Voltamos às nove.",
    "es": "Sí, de diez a dos.|Detrás de la iglesia.|A las islas tarda ocho días.|Cámbiela en el portal.|Sí, la clave está en la pared.|"
    "Envíelos de vuelta en 14 días.|Apáguela y enciéndala. ¿Funciona ahora?|Sí, todas las tarjetas.|Claro. ¿Para qué noche sería?|Volvemos a las nueve.",
}
TITLES: Final = {
    "en": "Question/Answer|Customer question/Agent reply|prompt/completion|Query/Response|Enquiry/Our response|Problem/Solution|"
    "question_text/answer_text|Issue/Resolution|What they asked/What we said|Description/Resolution notes",
    "pt": "Pergunta/Resposta|Dúvida do cliente/Resposta do SAC|PERGUNTA:/RESPOSTA:|Solicitação/Devolutiva|Problema/Solução|"
    "O que o cliente perguntou/O que responder|pergunta_cliente/resposta_atendente|Reclamação/Retorno|Relato/Parecer",
    "es": "Pregunta/Respuesta|Consulta del cliente/Respuesta del soporte|Duda/Contestación|Queja/Solución|"
    "Lo que pregunta el cliente/Lo que respondemos|Texto de la pregunta/Texto de la respuesta|Relato/Devolución",
}
FILLERS: Final[dict[str, list[tuple[str, list[str]]]]] = {
    "en": [("Ticket ID", []), ("Created at", []), ("Status", ["Closed", "Open"]), ("Type", ["Question", "Problem"]), ("Agent", ["Eva", "Eva"]), ("Rating", ["5", "4"])],
    "pt": [("Nº do chamado", []), ("Data", []), ("Status", ["Fechado", "Aberto"]), ("Tipo", ["Pergunta", "Reclamação"]), ("Atendente", ["Eva", "Rui"]), ("Nota", ["5", "4"])],
    "es": [("Nº de caso", []), ("Fecha", []), ("Estado", ["Cerrado", "Abierto"]), ("Tipo", ["Pregunta", "Queja"]), ("Agente", ["Eva", "Eva"]), ("Puntuación", ["5", "4"])],
}  # fmt: skip
HEADS: Final = {"en": "Help desk report", "pt": "Relatório de atendimento", "es": "Informe de atención"}


@dataclass(frozen=True)
class Labelled:
    """One file and what is right.

    Args:
        name: of the shape.
        file: its name.
        content: its bytes.
        header: line of the titles, 1-based; None where it has none, 0 where there is no table.
        question: columns that ask; :data:`REFUSED` or :data:`TURNS` for what has none.
        answer: columns that answer.
        examples: how many there are.
    """

    name: str
    file: str
    content: bytes
    header: int | None
    question: tuple[str, ...] | str
    answer: tuple[str, ...] = ()
    examples: int | None = None


def all_tables() -> list[Labelled]:
    """Every one of them, always the same."""
    return [*_generated(), *_hand_made(), *_public()]


def _text(rows: list[list[str]], separator: str, encoding: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\r\n" if separator == ";" else "\n").writerows(rows)
    return out.getvalue().encode(encoding)


def _generated() -> Iterator[Labelled]:
    draw = random.Random(13)
    for language in ("en", "pt", "es"):
        pairs = list(zip(ASKED[language].split("|"), ANSWERED[language].split("|"), strict=True))
        for titles in TITLES[language].split("|"):
            asked, answered = titles.split("/")
            for fillers in (0, 3, 6):
                chosen = draw.sample(FILLERS[language], fillers)
                order = list(range(fillers + 2))
                draw.shuffle(order)
                names = [name for name, _ in chosen] + [asked, answered]
                body = []
                for number, pair in enumerate(draw.sample(pairs, draw.choice((3, 6, 10)))):
                    cells = [_filled(draw, name, values, number) for name, values in chosen] + list(pair)
                    body.append([cells[at] for at in order])
                above = draw.choice(([], [], [[HEADS[language]]], [[HEADS[language]], []]))
                separator, suffix = draw.choice(
                    ((",", "csv"), (";", "csv"), ("\t", "tsv"), ("\t", "txt"), ("|", "csv"))
                )
                rows = [*above, [names[at] for at in order], *body]
                content = _text(rows, separator, draw.choice(("utf-8", "utf-8-sig", "cp1252", "utf-16")))
                name = f"{language}, {titles}, {fillers} more, {separator!r}"
                yield Labelled(name, f"a.{suffix}", content, len(above) + 1, (asked,), (answered,), len(body))
        for count in (3, 4, 6, 10):
            for separator, suffix in (("\t", "txt"), (";", "csv"), (",", "csv")):
                body = [list(pair) for pair in draw.sample(pairs, count)]
                content = _text(body, separator, "utf-8")
                name = f"{language}, no titles, {count} rows, {separator!r}"
                yield Labelled(name, f"a.{suffix}", content, None, ("A",), ("B",), count)
            body = [[str(100 + n), *pair] for n, pair in enumerate(draw.sample(pairs, count))]
            name = f"{language}, no titles, number first, {count} rows"
            yield Labelled(name, "a.csv", _text(body, ";", "cp1252"), None, ("B",), ("C",), count)
        for what, values in _NO_TEXTS.items():
            rows = [["text", what], *([asked, values[n % len(values)]] for n, (asked, _) in enumerate(pairs))]
            yield Labelled(f"{language}, texts beside {what}", "a.csv", _text(rows, ",", "utf-8"), 1, REFUSED)


def _filled(draw: random.Random, name: str, values: list[str], number: int) -> str:
    if values:
        return draw.choice(values)
    return str(1000 + number) if name.startswith(("T", "N")) else f"{draw.randint(1, 28):02}/03/2024 10:{number:02}"


_NO_TEXTS: Final[dict[str, list[str]]] = {
    "label": ["1", "0"],
    "sentiment": ["positive", "negative"],
    "is_spam": ["true", "false"],
    "opened": ["2024-01-05 10:00", "2024-02-06 11:30"],
    "entities": ["[{'start': 0, 'end': 4}]", "[]", '[{"label": "X"}]'],
    "bad support": ["1"],
    "agent": ["Eva Pérez"],
    "price": ["10.50", "R$ 3,00"],
    "url": ["https://a.example/1", "https://a.example/2"],
    "role": ["visitor", "visitor"],
}


def _csv(name: str, text: str, header: int | None, question: tuple[str, ...] | str, answer: tuple[str, ...] = (), examples: int | None = None) -> Labelled:  # fmt: skip
    return Labelled(name, "a.csv", text.encode(), header, question, answer, examples)


def _hand_made() -> Iterator[Labelled]:
    yield _csv(
        "a data row that names both roles",
        "Ticket,Type,Description,Resolution notes\n1,Question,I rang,We are back\n2,Problem,Broken box here,Send it back\n3,Question,Nobody answers,We are back at nine\n",
        1,
        ("Description",),
        ("Resolution notes",),
        3,
    )
    yield _csv(
        "a sentence that names both",
        "Assunto;Relato;Parecer\nTroca;Pergunta sem resposta;A resposta vai amanhã\nFrete;O frete dobrou;O peso mudou\n",
        1,
        ("Relato",),
        ("Parecer",),
        2,
    )
    yield _csv(
        "head of two cells",
        "Exported,2024-01-05\nBy,Ann\n\nQuestion,Answer\nOpen?,Yes.\nWhere?,Here.\n",
        4,
        ("Question",),
        ("Answer",),
        2,
    )
    yield _csv(
        "two languages",
        "question_en,answer_en,question_pt,answer_pt\nOpen today?,Yes we are.,Abre hoje?,Sim abrimos.\nWhere is it?,Main street.,Onde fica?,Rua principal.\n",
        1,
        ("question_en",),
        ("answer_en",),
        2,
    )
    yield _csv(
        "html beside text",
        "question,answer_html,answer\nOpen?,<p>Yes it is open now</p>,Yes it is\nWhere?,<p>Here we are</p>,Here we are\n",
        1,
        ("question",),
        ("answer",),
        2,
    )
    yield _csv(
        "old answer beside new",
        "Pergunta,Resposta antiga,Resposta\nAbre?,Não sabemos ainda dizer,Sim claro\nOnde?,Antigamente na praça velha,Na rua nova\n",
        1,
        ("Pergunta",),
        ("Resposta",),
        2,
    )
    yield _csv(
        "empty column named question",
        "question,Pergunta,Resposta\n,Abre?,Sim claro.\n,Onde?,Na rua nova.\n",
        1,
        ("Pergunta",),
        ("Resposta",),
        2,
    )
    yield _csv(
        "answer first", "Answer,Question\nYes we are.,Open?\nMain street.,Where?\n", 1, ("Question",), ("Answer",), 2
    )
    yield _csv(
        "column without a title",
        "Question,Answer,\nOpen?,Yes.,x\nWhere?,Here.,y\nWhen?,Now.,z\n",
        1,
        ("Question",),
        ("Answer",),
        3,
    )
    yield _csv("titles again", "Q,A\nOpen?,Yes.\nQ,A\nWhere?,Here.\n", 1, ("Q",), ("A",), 2)
    yield _csv(
        "unknown titles",
        "Frase;Devolución\nMi caja llegó rota y vacía;Lo sentimos, mandamos otra mañana.\nNo puedo entrar en mi cuenta;Pulse en recuperar la clave.\n",
        1,
        ("Frase",),
        ("Devolución",),
        2,
    )
    yield _csv(
        "letters as titles",
        "x;y\nDo you open on Sunday?;Yes from ten to two.\nWhere can I park my car?;Behind the old church.\n",
        1,
        ("x",),
        ("y",),
        2,
    )
    yield _csv(
        "statements without titles",
        "Opening hours;From nine to six.\nParking;Behind the church.\nGift wrap;For two euros.\n",
        None,
        ("A",),
        ("B",),
        3,
    )
    yield _csv(
        "short first row without titles",
        "Wifi?;Sim\nTem estacionamento coberto?;Sim, no subsolo.\nAceitam pix?;Aceitamos sim.\n",
        None,
        ("A",),
        ("B",),
        3,
    )
    yield _csv(
        "answers before questions, without titles",
        "Yes from ten to two.;Do you open on Sunday?\nBehind the church.;Where can I park?\nIn the portal.;How do I log in?\n",
        None,
        ("B",),
        ("A",),
        3,
    )
    yield _csv(
        "customer's name beside the text",
        "Cliente,Mensagem,Loja,Retorno\nAna,Abrem hoje?,Centro,Até as seis sim.\nRui,Qual o prazo?,Norte,Sete dias úteis.\n",
        1,
        ("Mensagem",),
        ("Retorno",),
        2,
    )
    yield _csv(
        "subject only",
        "Assunto,Resposta\nTroca de senha do portal,Clique em esqueci.\nSegunda via do boleto,Está no portal.\n",
        1,
        ("Assunto",),
        ("Resposta",),
        2,
    )
    yield _csv(
        "dates named answer",
        "Question,Date of answer,Reply\nOpen today?,2024-01-01,Yes we are.\nWhere?,2024-01-02,Main street.\n",
        1,
        ("Question",),
        ("Reply",),
        2,
    )
    yield _csv(
        "a log",
        "Conversation,Created at,Role,Message body\nC1,2024-01-01 10:00,visitor,Ship to Porto?\nC1,2024-01-01 10:01,operator,Two days.\nC2,2024-01-01 11:00,visitor,In stock?\nC2,2024-01-01 11:01,operator,The red one.\n",
        1,
        TURNS,
        (),
        2,
    )
    yield _csv(
        "a log in Spanish",
        "sesion;quien;texto\n1;cliente;¿Abren?\n1;agente;Sí claro.\n2;cliente;¿Dónde?\n2;agente;Aquí mismo.\n",
        1,
        TURNS,
        (),
        2,
    )
    yield Labelled("prose with commas", "a.txt", (b"The shop, which opened in 1998, sells bread, cakes, tea, and coffee, mostly to neighbours, and, on Sundays, to visitors who come by the old road, by train, or on foot, and stay a while, as people did. " * 3 + b"\n") * 4, 0, TURNS, (), 4)  # fmt: skip


def _json(name: str, value: Any, question: tuple[str, ...] | str, answer: tuple[str, ...] = (), examples: int | None = None) -> Labelled:  # fmt: skip
    return Labelled(name, "a.json", json.dumps(value, ensure_ascii=False).encode(), 0, question, answer, examples)


def _public() -> Iterator[Labelled]:
    """The shapes of sets that many people start from."""
    asked, answered = ASKED["en"].split("|"), ANSWERED["en"].split("|")
    pairs = list(zip(asked, answered, strict=True))
    turns = [[{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in pairs]
    yield _csv(
        "Bitext",
        "flags,instruction,category,intent,response\n"
        + "".join(f'B,"{q}",ORDER,cancel_order,"{a}"\n' for q, a in pairs),
        1,
        ("instruction",),
        ("response",),
        10,
    )
    yield _csv(
        "Kaggle tickets",
        "Ticket ID,Customer Name,Customer Email,Customer Age,Customer Gender,Product Purchased,Date of Purchase,Ticket Type,Ticket Subject,Ticket Description,Ticket Status,Resolution,Ticket Priority,Ticket Channel,First Response Time,Time to Resolution,Customer Satisfaction Rating\n"
        + "".join(
            f'{n},Ann Lee,a{n}@x.example,3{n},Other,GoPro Hero,2021-03-2{n % 9},Technical issue,Product setup,"I have an issue. {q}",Closed,"{a}",Low,Email,2023-06-01 12:15:36,2023-06-01 18:05:38,3.0\n'
            for n, (q, a) in enumerate(pairs)
        ),
        1,
        ("Ticket Description",),
        ("Resolution",),
        10,
    )
    yield _csv(
        "customer support on Twitter, paired",
        "tweet_id,author_id,inbound,created_at,text,response_text\n"
        + "".join(f'{n},11{n},True,Tue Oct 31 22:10:47 +0000 2017,"{q}","{a}"\n' for n, (q, a) in enumerate(pairs)),
        1,
        ("text",),
        ("response_text",),
        10,
    )
    yield _json(
        "Alpaca", [{"instruction": q, "input": "", "output": a} for q, a in pairs], ("instruction",), ("output",), 10
    )
    yield _json(
        "Alpaca with input",
        [{"instruction": "Answer", "input": q, "output": a} for q, a in pairs],
        ("instruction", "input"),
        ("output",),
        10,
    )
    yield _json(
        "Dolly",
        [{"instruction": q, "context": "The shop.", "response": a, "category": "closed_qa"} for q, a in pairs],
        ("instruction", "context"),
        ("response",),
        10,
    )
    yield _json(
        "ShareGPT",
        [
            {"id": str(n), "conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]}
            for n, (q, a) in enumerate(pairs)
        ],
        TURNS,
        (),
        10,
    )
    yield Labelled(
        "OpenAI", "a.jsonl", "\n".join(json.dumps({"messages": t}) for t in turns).encode(), 0, TURNS, (), 10
    )
    yield Labelled(
        "OpenAI completions",
        "a.jsonl",
        "\n".join(json.dumps({"prompt": q, "completion": a}) for q, a in pairs).encode(),
        0,
        ("prompt",),
        ("completion",),
        10,
    )
    yield _json(
        "SQuAD",
        {
            "version": "2",
            "data": [
                {
                    "title": "Shop",
                    "paragraphs": [
                        {
                            "context": "The shop.",
                            "qas": [
                                {"id": str(n), "question": q, "answers": [{"text": a, "answer_start": 0}]}
                                for n, (q, a) in enumerate(pairs)
                            ],
                        }
                    ],
                }
            ],
        },
        ("question",),
        ("answer",),
        10,
    )
    yield _json(
        "SQuAD flat",
        [
            {
                "id": str(n),
                "title": "Shop",
                "context": "The shop.",
                "question": q,
                "answers": {"text": [a], "answer_start": [0]},
            }
            for n, (q, a) in enumerate(pairs)
        ],
        ("question",),
        ("answers",),
        10,
    )
    yield _json(
        "MultiWOZ 2.2",
        [
            {
                "dialogue_id": str(n),
                "services": ["hotel"],
                "turns": [{"speaker": "USER", "utterance": q}, {"speaker": "SYSTEM", "utterance": a}],
            }
            for n, (q, a) in enumerate(pairs)
        ],
        TURNS,
        (),
        10,
    )
    yield _json(
        "MultiWOZ 2.1",
        {
            f"P{n}.json": {"goal": {}, "log": [{"text": q, "metadata": {}}, {"text": a, "metadata": {}}]}
            for n, (q, a) in enumerate(pairs)
        },
        TURNS,
        (),
        10,
    )
    yield _json(
        "OASST messages",
        [
            m
            for n, (q, a) in enumerate(pairs)
            for m in (
                {"message_id": f"a{n}", "parent_id": None, "text": q, "role": "prompter", "message_tree_id": f"a{n}"},
                {
                    "message_id": f"b{n}",
                    "parent_id": f"a{n}",
                    "text": a,
                    "role": "assistant",
                    "message_tree_id": f"a{n}",
                },
            )
        ],
        TURNS,
        (),
        10,
    )
    yield _json(
        "Telegram",
        {
            "name": "Ana",
            "type": "personal_chat",
            "messages": [
                {"id": 1, "type": "message", "date": "2025-01-15T10:30:00", "from": "Ana", "text": "Blue?"},
                {"id": 2, "type": "message", "date": "2025-01-15T10:31:00", "from": "Aurora", "text": "Yes."},
            ],
        },
        TURNS,
        (),
        1,
    )
    yield _json(
        "Freshdesk",
        [
            {
                "id": n,
                "subject": "S",
                "description_text": q,
                "conversations": [{"incoming": False, "private": False, "body_text": a}],
            }
            for n, (q, a) in enumerate(pairs)
        ],
        TURNS,
        (),
        10,
    )
    yield _json(
        "intents",
        {"intents": [{"tag": str(n), "patterns": [q, q + "!"], "responses": [a]} for n, (q, a) in enumerate(pairs)]},
        ("question",),
        ("answer",),
        20,
    )
    yield _json("DailyDialog", [{"dialog": [q, a], "act": [1, 2], "emotion": [0, 0]} for q, a in pairs], TURNS, (), 10)
    yield _json(
        "UltraFeedback",
        [
            {"prompt": q, "chosen": t, "rejected": [*t[:1], {"role": "assistant", "content": "No."}]}
            for q, t in zip(asked, turns, strict=True)
        ],
        ("prompt",),
        ("chosen",),
        10,
    )
    yield _json(
        "HH-RLHF",
        [
            {"chosen": f"\n\nHuman: {q}\n\nAssistant: {a}", "rejected": f"\n\nHuman: {q}\n\nAssistant: No."}
            for q, a in pairs
        ],
        TURNS,
        (),
        10,
    )
    yield _json("guanaco", [{"text": f"### Human: {q}### Assistant: {a}"} for q, a in pairs], TURNS, (), 10)
    yield _json("Llama 2 chat", [{"text": f"<s>[INST] {q} [/INST] {a} </s>"} for q, a in pairs], TURNS, (), 10)
    yield _json(
        "Alpaca with text",
        [
            {"instruction": q, "input": "", "output": a, "text": f"### Instruction:\n{q}\n\n### Response:\n{a}"}
            for q, a in pairs
        ],
        ("instruction",),
        ("output",),
        10,
    )
    yield _json("BANKING77", [{"text": q, "label": n % 3} for n, q in enumerate(asked)], REFUSED)
    yield _json("CLINC", {"data": [[q, f"intent_{n % 3}"] for n, q in enumerate(asked)]}, REFUSED)
    yield _json("NER", [{"tokens": q.split(), "ner_tags": [0] * len(q.split())} for q in asked], REFUSED)
    yield _json(
        "Quora pairs",
        [{"question1": q, "question2": q + " Please.", "is_duplicate": n % 2 == 0} for n, q in enumerate(asked)],
        REFUSED,
    )
    yield _csv(
        "IMDB",
        "review,sentiment\n"
        + "".join(f'"{q} and so on",{"positive" if n % 2 else "negative"}\n' for n, q in enumerate(asked)),
        1,
        REFUSED,
    )
    yield _csv(
        "FAQ of a bank",
        "Question,Answer,Class\n" + "".join(f'"{q}","{a}",security\n' for q, a in pairs),
        1,
        ("Question",),
        ("Answer",),
        10,
    )
    yield Labelled(
        "QnA Maker",
        "a.tsv",
        (
            "Question\tAnswer\tSource\tMetadata\tSuggestedQuestions\tIsContextOnly\tPrompts\tQnaId\n"
            + "".join(
                f'{q}\t{a}\tkb\t\t[]\tfalse\t[{{"displayOrder":0,"qnaId":91,"displayText":"More"}}]\t{n}\n'
                for n, (q, a) in enumerate(pairs)
            )
        ).encode(),
        1,
        ("Question",),
        ("Answer",),
        10,
    )
    yield Labelled(
        "ChatterBot",
        "a.yml",
        (
            "categories:\n- shop\nconversations:\n"
            + "".join(f"- - {json.dumps(q)}\n  - {json.dumps(a)}\n" for q, a in pairs)
        ).encode(),
        0,
        TURNS,
        (),
        10,
    )
    yield Labelled(
        "Rasa", "a.yml", b'version: "3.1"\nnlu:\n- intent: a\n  examples: |\n    - open?\n    - hours\n', 0, REFUSED
    )
