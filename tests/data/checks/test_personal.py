"""Personal data is masked the same way throughout; the company's own contacts stay."""

from __future__ import annotations

import pytest

from benchmarks.checks_accuracy import pairs, personal
from studio.data.checks import registry
from studio.data.checks.dataset import ScannedDataset
from studio.domain.conversation import Conversation

BARS = {"emails": 0.95, "cpf": 0.95, "cnpj": 0.95, "cards": 0.95, "phones": 0.95}


def test_what_is_found_is_right_and_most_is_found() -> None:
    for code, tally in (personal() | pairs()).items():
        assert tally.precision >= 0.9, (code, tally.errors)
        assert tally.recall >= BARS.get(code, 0.85), (code, tally.errors)


def test_the_same_value_has_the_same_mask() -> None:
    data = ScannedDataset.of(
        [
            Conversation.pair("Sou ana@gmail.com e bia@gmail.com", "Enviamos para ANA@gmail.com."),
            Conversation.pair("(11) 98765-4321", "Anotei +55 11 98765-4321."),
            Conversation.pair("bia@gmail.com de novo", "Ok."),
        ]
    )
    after = registry.fix(data, "emails", "phones").conversations
    assert [(c.question, c.answer) for c in after] == [
        ("Sou [EMAIL_1] e [EMAIL_2]", "Enviamos para [EMAIL_1]."),
        ("[PHONE_1]", "Anotei [PHONE_1]."),
        ("[EMAIL_2] de novo", "Ok."),
    ]


def test_masks_go_on_where_an_earlier_fix_ended() -> None:
    data = ScannedDataset.of(
        [Conversation.pair("Sou [EMAIL_7]", "Oi."), Conversation.pair("E eu ana@gmail.com", "Oi.")]
    )
    assert registry.fix(data, "emails").conversations[1].question == "E eu [EMAIL_8]"


def test_several_kinds_in_one_text() -> None:
    text = "Sou Ana, CPF 529.982.247-25, cartão 4111 1111 1111 1111, ana@uol.com.br, CEP 01310-100, fone 11 98765-4321"
    data = ScannedDataset.of([Conversation.pair(text, "Ok.")])
    codes = [f.code for f in registry.find_all(data) if f.code in {"emails", "cpf", "cards", "postal_codes", "phones"}]
    assert codes == ["emails", "cards", "cpf", "phones", "postal_codes"]
    masked = "Sou Ana, CPF [CPF_1], cartão [CARD_1], [EMAIL_1], CEP [CEP_1], fone [PHONE_1]"
    assert registry.fix(data, *codes).conversations[0].question == masked


def test_what_answers_tell_everybody_is_the_companys_own() -> None:
    rows = [Conversation.pair(f"Pergunta {n}?", f"Resposta {n}: 11 98765-4321.") for n in range(3)]
    data = ScannedDataset.of([*rows, Conversation.pair("Meu número é 21 99876-5432", "Anotado: 21 99876-5432.")])
    own, foreign = registry.get("company_contacts").find(data), registry.get("phones").find(data)
    assert own is not None
    assert foreign is not None
    assert own.positions == (0, 1, 2)
    assert own.params["values"] == "11 98765-4321"
    assert foreign.positions == (3,)
    after = registry.fix(data, *registry.fixable(registry.find_all(data))).conversations
    assert after[0].answer == "Resposta 0: 11 98765-4321."
    assert after[-1].answer == "Anotado: [PHONE_2]."
    assert "[PHONE" in registry.fix(data, "company_contacts").conversations[0].answer


def test_the_companys_own_stays_so_once_its_copies_are_gone() -> None:
    answer = "Disque (11) 3003-4567."
    asked = [
        "Como acompanho a entrega de hoje?",
        "Como acompanho a entrega de hoje",
        "como acompanho a entrega  de, hoje?",
    ]
    data = ScannedDataset.of(
        [
            *(Conversation.pair(question, answer) for question in asked),
            Conversation.pair("Como reclamo de um produto quebrado?", answer),
            Conversation.pair("Onde troco uma peça de roupa?", answer),
            Conversation.pair("Meu número é (21) 98765-4321", "Anotado."),
        ]
    )
    fewer = data.changed({1: None, 2: None, 3: None})
    assert (
        registry.get("phones").find(ScannedDataset(fewer.conversations[:2])) is not None
    )  # by itself it looks private
    after = registry.fix(fewer, "phones").conversations
    assert [c.answer for c in after] == [answer, answer, "Anotado."]
    assert after[2].question == "Meu número é [TELEFONE_2]"


@pytest.mark.parametrize(
    ("answer", "ours"),
    [
        ("Fale conosco em contato@cafeserra.com.br.", True),
        ("Escreva para ana@cafeserra.com.br.", True),
        ("Ligue para (11) 3456-7890.", True),
        ("Nossa central: 0800 123 4567", True),
        ("Our shop is at 350 Fifth Avenue.", True),
        ("Enviamos a senha para o seu e-mail ana.souza@gmail.com.", False),
        ("We sent it to bob.smith@gmail.com.", False),
        ("O CPF cadastrado é 529.982.247-25.", False),
    ],
)
def test_a_contact_that_is_told_once(answer: str, ours: bool) -> None:
    data = ScannedDataset.of([Conversation.pair("Como?", answer)])
    assert (registry.get("company_contacts").find(data) is not None) == ours


def test_a_customers_contact_is_never_the_companys() -> None:
    rows = [Conversation.pair("Sou ana@gmail.com", f"Escreva para ana@gmail.com, {n}.") for n in "abcd"]
    assert registry.get("company_contacts").find(ScannedDataset.of(rows)) is None


def test_the_companys_instructions_are_left_alone() -> None:
    data = ScannedDataset.of([Conversation.pair("Oi?", "Sim.", system="Ligue 11 98765-4321.")])
    assert registry.get("phones").find(data) is None
