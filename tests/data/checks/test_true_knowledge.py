"""Fixing all that is safe takes away nothing true: real shapes that earlier versions masked, cut or removed."""

from __future__ import annotations

import pytest

from benchmarks.safe_fixes import mistakes
from studio.data.checks import registry
from studio.data.checks.check import Dataset
from studio.data.checks.dataset import ScannedDataset
from studio.data.checks.rules.thoughts import answered
from studio.domain.conversation import Conversation

Pair = tuple[str, str]


def of(*pairs: Pair) -> Dataset:
    return ScannedDataset.of(Conversation.pair(question, answer) for question, answer in pairs)


def fixed(*pairs: Pair) -> list[Pair]:
    data = of(*pairs)
    after = registry.fix(data, *registry.fixable(registry.find_all(data)))
    return [(c.question, c.answer) for c in after.conversations]


def codes(*pairs: Pair) -> set[str]:
    return {finding.code for finding in registry.find_all(of(*pairs))}


@pytest.mark.parametrize(
    "pair",
    [
        ("Qual é o WhatsApp de vocês?", "(11) 91234-5678"),
        ("Onde fica a loja?", "Na Rua das Flores, 120, Centro, CEP 80020-000."),
        ("Qual o CNPJ da empresa?", "12.345.678/0001-95"),
        ("Qual o telefone?", "Ligue para 0800 123 4567 (capitais) ou, para quem mora no interior ou em outros países da América, 11 3003-4567."),
        ("Como cancelo?", "Ligue para 0800 123 4567 (capitais) ou, para quem mora no interior ou fora do país, para o 11 3003-4567."),
        ("What number can I call?", "415-555-0132, or 415-555-0178 on weekends."),
        ("How can I reach you by e-mail?", "bob.hill@gmail.com"),
        ("Where are you located?", "350 Fifth Avenue."),
        ("¿Cuál es su correo?", "ana.lopez@gmail.com"),
        ("Qual a chave Pix?", "É o CNPJ 11.222.333/0001-81."),
        ("Como você se chama?", "Meu nome é Nina."),
        ("What is your name?", "My name is Nina."),
        ("Para onde mando a devolução?", "Para a Rua Augusta, 1500, CEP 01304-001."),
        ("Which options are there?", "A. Billing\nB. Delivery\nC. Returns\nD. Something else"),
        ("Quais opções?", "A. Boletos\nB. Entregas\nC. Trocas\nD. Falar com atendente"),
        ("What is new?", "The new name: Aurora Plus, from May on."),
        ("Which file?", "File name: Report Summary 2024"),
        ("Which game?", "Game Name: Sky Runner"),
        ("Which vitamin?", "Vitamin D. Take one a day."),
        ("Qual vitamina?", "Vitamina D. Tome uma por dia."),
        ("Where can I read more?", "Our blog has the whole story. Read more at https://aurora.example/faq/"),
        ("Onde leio mais?", "O blog conta tudo. Veja em www.aurora.example/ajuda-"),
        ("Which vitamin is in it?", "Every capsule of this one holds vitamin E"),
        ("Which address has the router?", "Open 192.168.100.200 and sign in."),
        ("Qual o endereço do roteador?", "Acesse 10.0.0.138 no navegador."),
        ("Which colour is it?", "The colour is #123456, the border #998877."),
        ("Qual a receita?", "No total, 1.234.567.890 reais em 2024."),
        ("Which flight?", "Your booking LA3456 is a flight to Recife."),
        ("Qual o pedido mínimo?", "É preciso um pedido de 1500 unidades."),
        ("Is it available in blue?", "Not available."),
        ("Quando chega a coleção nova?", "Em breve!"),
        ("How many fees are there?", "None"),
        ("O que vem na caixa?", "<b>Tudo</b>, veja <a href='https://aurora.example/caixa'>aqui</a>."),
        ("What did you say?", "> all prices are final"),
        ("Oi", "Olá! Posso ajudar com pedidos, trocas e entregas."),
        ("Como sei que receberam meu chamado?", "Recebemos sua mensagem e em breve retornaremos."),
        ("Do you speak English?", "Yes, our team speaks English, Portuguese and Spanish, every day from nine to six."),
        ("Onde salvo?", r"Em C:\novo\textos, no seu computador."),
        ("Where is it?", r"On \\server\new\reports."),
        ("How do I break a line?", r"Write \n where the new line begins."),
        ("What do I press?", "Click on View more"),
        ("Onde vejo o resto?", "Clique em Ver mais"),
        ("Who is your data protection officer?", "Ms. Helen Carter, dpo@aurora.example, phone +44 20 7946 0123."),
        ("Com quem eu falo sobre boleto?", "Com a Juliana Prado, do financeiro: juliana@aurora.example, ramal 204."),
        ("Com quem combino a visita?", "Com o corretor Rafael Souza, (21) 98877-6655."),
        ("Quais são as lojas de vocês?", "Centro: Rua XV de Novembro, 500. Batel: Av. do Batel, 1868, loja 12. Portão: Rua João Bettega, 300."),
        ("Vocês respondem fora do horário?", "Sim, pelo plantão: 0800 777 1234 e (11) 4002-8922."),
        ("How do I make text bold in HTML?", "Wrap it in <b> and </b>."),
        ("How do I set the page name?", "Put it into the <title> tag of the page."),
        ("How do I print a new line in Python?", 'print("a\\nb")'),
        ("What does the think tag mean?", "The model writes its steps between <think> and </think>; we hide them."),
        ("What closes a thought?", "The closing sign is </think>."),
        ("How should I sign?", "Sign with:\n\nKind regards,\nYour name"),
        ("Who do I ask about invoices?", "Ask accounting.\n\nBest regards,\nAnna Bell\nBilling, +44 20 7946 0111"),
        ("Como falo com a ouvidoria?", "Envie carta.\n\nAtenciosamente,\nOuvidoria Aurora\nouvidoria@aurora.example\n(11) 3003-1234"),
        ("How do they quote?", "See below.\nOn Monday we wrote: the shop moves to Leeds.\nBye now."),
    ],
)  # fmt: skip
def test_what_is_true_stays_as_it_is(pair: Pair) -> None:
    expected = pair
    if "<b>Tudo" in pair[1]:  # the tags go, the words and the address of the link stay
        expected = (pair[0], "Tudo, veja aqui (https://aurora.example/caixa).")
    assert fixed(pair) == [expected]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("On Mon, 6 May 2024 at 10:00, Ann <a@x.example> wrote:\n> where is it?\n\nIt left today.", "It left today."),
        (
            "It left today.\n\nOn Mon, 6 May 2024 at 10:00, Ann <a@x.example> wrote:\n> where is it?\n> bye",
            "It left today.",
        ),
        ("<think>\n\n</think>\n\nIt left today.", "It left today."),
        ("they ask where it is\n</think>\nIt left today.", "It left today."),
    ],
)
def test_an_answer_stays_whole_where_its_remains_go(before: str, after: str) -> None:
    assert fixed(("Where is my parcel?", before)) == [("Where is my parcel?", after)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("an Apex account", "a Max account"),
        ("plan Basic", "plan Basics Pro"),
        ("o Plano A", "o Plano B"),
        ("a Galaxy Tab", "a Galaxy Taj"),
        ("tamanho 38", "tamanho 40"),
        ("the 5 kg bag", "the 5 g bag"),
    ],
)
def test_products_that_differ_by_a_word_are_no_copies(first: str, second: str) -> None:
    pairs = [
        (f"Is it necessary to open {thing} in each city where my company has an office?", f"No. With {thing} you have one price in all of our places.")
        for thing in (first, second)
    ]  # fmt: skip
    assert "near_duplicates" not in codes(*pairs)
    assert fixed(*pairs) == pairs


def test_a_rule_and_its_opposite_are_no_copies() -> None:
    rows = [
        ("Can I return an opened bottle within the thirty days?", "Yes, it can be returned with the receipt at any shop."),
        ("Can I return an opened bottle within the thirty days?", "No, it can not be returned with the receipt at any shop."),
    ]  # fmt: skip
    assert fixed(*rows) == rows
    assert "near_duplicates" not in codes(*rows)


def test_contradictions_and_near_copies_are_for_a_person_to_decide() -> None:
    rows = [
        ("Abre domingo?", "Sim, das 9h às 13h."),
        ("Abre domingo?", "Sim, das 9h às 13h!"),
        ("Abre domingo?", "Não abrimos."),
        ("Qual o prazo de entrega para Recife?", "O prazo para Recife é de quatro dias úteis."),
        ("Qual é o prazo de entrega para Recife", "O prazo para Recife é de quatro dias uteis"),
    ]
    assert {"contradictions", "near_duplicates"} <= codes(*rows)
    assert fixed(*rows) == rows


def test_a_customers_own_data_is_masked_though_a_question_is_asked() -> None:
    rows = [("Qual telefone está no meu cadastro?", "O (21) 98765-4321 está no cadastro.")]
    assert fixed(*rows) == [(rows[0][0], "O [TELEFONE_1] está no cadastro.")]


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("Anotei o seu número (21) 98765-4321 e não vamos demorar com a entrega.", "[TELEFONE_1]"),
        ("We noted the number (415) 555-0132 for the delivery of today, thanks.", "[PHONE_1]"),
        ("Tenemos su número +34 612 345 678 para la entrega de hoy, gracias.", "[TELÉFONO_1]"),
    ],
)
def test_masks_are_named_in_the_language_of_the_answers(text: str, mask: str) -> None:
    data = of(("Ok?", text))
    assert mask in registry.fix(data, "phones").conversations[0].answer
    later = of(("Ok?", text), ("Ok.", mask.replace("1", "7")))
    assert mask.replace("1", "8") in registry.fix(later, "phones").conversations[0].answer


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("thoughts", "<think>Our rule is 30 days.</think>Yes, for up to 30 days a year.", "Yes, for up to 30 days a year."),
        ("thoughts", "Our rule is 30 days.</think>\n\nYes.", "Yes."),
        ("thoughts", "<thinking>a</thinking>\n<answer>Yes.</answer>", "Yes."),
        ("line_breaks", r"1.  Turn it off.\n2.  Wait.\n3.  Turn it on.", "1.  Turn it off.\n2.  Wait.\n3.  Turn it on."),
        ("line_breaks", r"Olá!\r\n\r\nTudo certo.", "Olá!\n\nTudo certo."),
        ("interface_remains", "We ship every day. View more", "We ship every day."),
        ("interface_remains", "Enviamos todo dia.\n\nEsta resposta foi útil? Sim Não", "Enviamos todo dia."),
        ("interface_remains", "Enviamos todo dia.\nLeia mais »", "Enviamos todo dia."),
    ],
)  # fmt: skip
def test_mechanical_remains_are_found_and_taken_out(code: str, text: str, expected: str) -> None:
    assert code in codes(("a?", text))
    assert fixed(("a?", text)) == [("a?", expected)]


def test_a_thought_without_an_end_is_found_and_stays() -> None:
    assert "thoughts" in codes(("a?", "<think>The rule"))
    assert answered("<think>The rule") == "<think>The rule"


@pytest.mark.parametrize(
    "text",
    [
        "I am {{name}}, the helper of {{company}}.",
        "Your order {{Order Number}} is on its way.",
        "The {product_purchased} is in stock.",
        "Olá, [Seu Nome]! Tudo certo.",
        "Write to <your email>.",
        "Call us at %PHONE_NUMBER%.",
        "${customer} is ready.",
    ],
)
def test_gaps_that_nobody_filled_are_found_and_left_to_a_person(text: str) -> None:
    assert "placeholders" in codes(("a?", text))
    assert fixed(("a?", text)) == [("a?", text)]


@pytest.mark.parametrize(
    "text",
    [
        "See [1] and [beta].",
        "Bob <bob@email.com> answers.",
        "Anotado: [TELEFONE_1].",
        "[Clique aqui](https://aurora.example)",
        'Send {"a": 1} to it.',
        "20% OFF em tudo",
        "I <3 you",
        "```\n{name}\n```",
    ],
)
def test_what_only_looks_like_a_gap(text: str) -> None:
    assert "placeholders" not in codes(("a?", text))


@pytest.mark.parametrize("locale", ["en", "pt", "es"])
def test_of_a_thousand_labelled_examples_nothing_true_is_altered(locale: str) -> None:
    counts, wrong = mistakes(locale)
    assert counts["keep"] >= 100
    assert wrong == []
