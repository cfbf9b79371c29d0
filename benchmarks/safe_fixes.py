"""Does "fix all that is safe" take away or alter anything true? A labelled set of more than 1,000 examples.

    python -m benchmarks.safe_fixes [--errors]

Each example says what must become of it: ``keep`` (true knowledge, to the letter), ``fix`` (remains that go, with the
text as it must be then) or ``copy`` (an exact copy, which goes). The knowledge is written to be mistaken: products that
differ by a word, the company's own contacts, menus, sums, network addresses, links at the end, short answers, two rules
that contradict each other. The three languages are put into sets of their own, as a company's examples are.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from studio.data.checks import registry
from studio.data.checks.dataset import ScannedDataset
from studio.domain.conversation import Conversation

Pair = tuple[str, str]


@dataclass(frozen=True)
class Labelled:
    """An example and what must become of it.

    Args:
        label: ``keep``, ``fix`` or ``copy``.
        before: question and answer.
        after: the same as they must be afterwards; None for a copy, which goes.
    """

    label: str
    before: Pair
    after: Pair | None


PRODUCTS = ("Apex", "Apax", "Max", "Maxi", "Ultima", "Prime", "Prima", "Aurora 2", "Aurora 3", "Lite", "Light", "Pro", "Pro Plus", "Zen", "Zeno", "Alfa", "Alfa S", "Beta", "Vento", "Ventus")  # fmt: skip
SIZES = ("34", "36", "38", "40", "42", "44", "46", "48", "50", "52")
CITIES = ("Recife", "Boston", "Madrid", "Curitiba", "Lisboa", "Porto", "Natal", "Belém", "Sevilla", "Denver", "Olinda", "Dallas", "Toledo", "Braga")  # fmt: skip
COLOURS = ("#123456", "#998877", "#445566", "#0A1B2C", "#777888", "#102030", "#555000", "#333999", "#121314", "#606060")

# Knowledge: {0} is filled in from the list named first.
KNOWLEDGE: dict[str, tuple[tuple[tuple[str, ...], str, str], ...]] = {
    "en": (
        (PRODUCTS, "Is it necessary to open an {0} account in each city where we have an office?", "No. With an {0} account you enjoy one account with banking in all places."),
        (PRODUCTS, "What does the {0} plan cost a month?", "The {0} plan costs the same in every shop; the price list is at https://aurora.example/plans/"),
        (PRODUCTS, "Who is the {0} model made for?", "The new name: {0}, from May on, for small desks and shops."),
        (SIZES, "Do you have the linen shirt in size {0}?", "Yes, the linen shirt is in stock in size {0}, in white and in blue."),
        (SIZES, "Which address does router number {0} have?", "Open 192.168.{0}.100 in the browser and sign in with the code below it."),
        (CITIES, "Which flight takes the group to {0}?", "Your booking LA3456 is the flight to {0}; bring a passport."),
        (CITIES, "How can I call the shop in {0}?", "Call 415-555-0132, or 415-555-0178 on weekends and holidays, for {0}."),
        (CITIES, "How do I reach the {0} office by e-mail?", "The {0} office reads bob.hill@gmail.com every morning."),
        (CITIES, "Where are you located in {0}?", "In {0} we are at 350 Fifth Avenue, second floor, next to the bank."),
        (COLOURS, "Which colour is the label with the code {0}?", "The colour is {0}, the border is two points wide."),
        (CITIES, "Which options does the menu of {0} offer?", "A. Billing\nB. Delivery to {0}\nC. Returns\nD. Something else"),
        (PRODUCTS, "Is the {0} cover sold in green?", "Not available."),
        (PRODUCTS, "Are there fees for the {0} card?", "None"),
        (PRODUCTS, "Is there a limit for {0} orders?", "An order of 1500 units or more of {0} needs two days more."),
        (PRODUCTS, "Where do I find the manual of the {0} printer?", "Download it, the link is at the end of the page: www.aurora.example/{0}/manual"),
        (CITIES, "Which vitamin is sold in {0}?", "Vitamin D. Take one a day, after breakfast, in {0} too."),
        (CITIES, "Do you deliver to {0} on Sundays?", "Yes, to {0} we deliver on Sundays until noon."),
        (PRODUCTS, "What do I click to see all {0} offers?", "Open the list of {0} offers and click on View more"),
        (PRODUCTS, "Where is the {0} driver kept?", r"In C:\new\tools\{0}, or on \\server\new for the whole team."),
        (CITIES, "Good morning {0}", "Good morning! I can help with orders, returns and delivery."),
    ),
    "pt": (
        (PRODUCTS, "Preciso abrir uma conta {0} em cada cidade em que temos loja?", "Não. Com a conta {0} você usa uma conta só em todas as cidades."),
        (PRODUCTS, "Quanto custa o plano {0} por mês?", "O plano {0} custa o mesmo em todas as lojas; veja os preços em https://aurora.example/planos/"),
        (SIZES, "Tem a camisa de linho no tamanho {0}?", "Sim, temos a camisa de linho no tamanho {0}, branca e azul."),
        (SIZES, "Qual o endereço do roteador número {0}?", "Acesse 10.0.{0}.138 no navegador e entre com o código da etiqueta."),
        (CITIES, "Qual é o WhatsApp da loja de {0}?", "(11) 91234-5678, e em {0} também pelo (11) 3003-4567."),
        (CITIES, "Onde fica a loja de {0}?", "Em {0}, na Rua das Flores, 120, Centro, CEP 80020-000."),
        (CITIES, "Qual o CNPJ da filial de {0}?", "O CNPJ da filial de {0} é 12.345.678/0001-95."),
        (CITIES, "Como falo com vocês em {0}?", "Ligue para 0800 123 4567 (capitais) ou, para quem mora no interior ou em outros países, como em {0}, para 11 3003-4567."),
        (CITIES, "Para onde mando a devolução de {0}?", "De {0}, mande para a Rua Augusta, 1500, CEP 01304-001."),
        (PRODUCTS, "Qual o pedido mínimo do {0}?", "É preciso um pedido de 1500 unidades do {0} por mês."),
        (PRODUCTS, "Quando chega a coleção {0}?", "Em breve!"),
        (PRODUCTS, "A capa {0} tem em verde?", "Não disponível."),
        (CITIES, "Quais opções o menu de {0} oferece?", "A. Boletos\nB. Entregas em {0}\nC. Trocas\nD. Falar com atendente"),
        (CITIES, "Entregam em {0} no domingo?", "Sim, em {0} entregamos no domingo até o meio-dia."),
        (CITIES, "Quanto vocês faturaram em {0}?", "No total, 1.234.567.890 reais, e metade foi em {0}."),
        (PRODUCTS, "Onde vejo todas as ofertas {0}?", "Abra a lista de ofertas {0} e clique em Ver mais"),
        (PRODUCTS, "Como sei que receberam meu chamado sobre o {0}?", "Recebemos sua mensagem sobre o {0} e em breve retornaremos."),
        (COLOURS, "Qual a cor da etiqueta {0}?", "A cor é {0}, com borda de dois pontos."),
        (CITIES, "Qual vitamina vendem em {0}?", "Vitamina D. Tome uma por dia, em {0} também."),
        (PRODUCTS, "Em quantas vezes divido o {0}?", "Em até dez vezes sem juros no cartão, ou à vista no Pix com desconto no {0}."),
    ),
    "es": (
        (PRODUCTS, "¿Tengo que abrir una cuenta {0} en cada ciudad?", "No. Con la cuenta {0} usa una sola cuenta en todas las ciudades."),
        (CITIES, "¿Dónde está la tienda de {0}?", "En {0} estamos en la Calle Mayor, 12, junto a la plaza."),
        (CITIES, "¿Cuál es el teléfono de la tienda de {0}?", "El teléfono de {0} es +34 612 345 678, todos los días."),
        (CITIES, "¿Cuál es su correo en {0}?", "ana.lopez@gmail.com, también para {0}."),
        (SIZES, "¿Tienen la camisa de lino en talla {0}?", "Sí, hay camisas de lino en talla {0}, blancas y azules."),
        (PRODUCTS, "¿Cuánto cuesta el plan {0}?", "El plan {0} cuesta lo mismo en todas las tiendas: https://aurora.example/es/"),
    ),
}  # fmt: skip
CONTRADICTING: dict[str, tuple[Pair, ...]] = {
    "en": (("Is the shop in {0} open on Sundays?", "Yes, in {0} from nine to one."), ("Is the shop in {0} open on Sundays?", "No, never on Sundays.")),
    "pt": (("A loja de {0} abre no domingo?", "Sim, em {0} das 9h às 13h."), ("A loja de {0} abre no domingo?", "Não abrimos no domingo.")),
    "es": (("¿La tienda de {0} abre el domingo?", "Sí, en {0} de nueve a una."), ("¿La tienda de {0} abre el domingo?", "No abrimos los domingos.")),
}  # fmt: skip
# Remains: question, answer, the answer as it must be.
REMAINS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "en": (
        ("How long does the {0} tour take?", "<think>They ask for {0}.</think>Two hours.", "Two hours."),
        ("How do I reset the {0} lamp?", r"1. Turn it off.\n2. Wait.\n3. Turn it on in {0}.", "1. Turn it off.\n2. Wait.\n3. Turn it on in {0}."),
        ("Is breakfast served in {0}?", "Yes, in {0} until ten. View more", "Yes, in {0} until ten."),
        ("Is there parking in {0}?", "<p>Yes, <b>free</b> in {0}.</p>", "Yes, free in {0}."),
        ("May I bring a dog to {0}?", "Yes, to {0} you may.\n\nBest regards,\nBob", "Yes, to {0} you may."),
    ),
    "pt": (
        ("Quanto dura o passeio em {0}?", "<think>Perguntam de {0}.</think>Duas horas.", "Duas horas."),
        ("Como reinicio a luminária de {0}?", r"1. Desligue.\n2. Espere.\n3. Ligue em {0}.", "1. Desligue.\n2. Espere.\n3. Ligue em {0}."),
        ("Servem café em {0}?", "Sim, em {0} até as dez.\nLeia mais »", "Sim, em {0} até as dez."),
        ("Tem estacionamento em {0}?", "<p>Sim, <b>grátis</b> em {0}.</p>", "Sim, grátis em {0}."),
        ("Posso levar o cachorro a {0}?", "Sim, a {0} pode.\n\nAtenciosamente,\nEquipe", "Sim, a {0} pode."),
        ("Posso retirar em {0}?", "Pode, a retirada em {0} Ã© grÃ¡tis.", "Pode, a retirada em {0} é grátis."),
    ),
    "es": (("¿Hay desayuno en {0}?", "Sí, en {0} hasta las diez. Ver más", "Sí, en {0} hasta las diez."),),
}  # fmt: skip


def rows(locale: str) -> Iterator[Labelled]:
    """The labelled examples of a language."""
    for fillings, question, answer in KNOWLEDGE[locale]:
        for filling in fillings:
            pair = (question.replace("{0}", filling), answer.replace("{0}", filling))
            yield Labelled("keep", pair, pair)
    for filling in CITIES:
        for question, answer in CONTRADICTING[locale]:
            pair = (question.replace("{0}", filling), answer.replace("{0}", filling))
            yield Labelled("keep", pair, pair)
        for question, answer, after in REMAINS[locale]:
            asked = question.replace("{0}", filling)
            yield Labelled("fix", (asked, answer.replace("{0}", filling)), (asked, after.replace("{0}", filling)))
    fillings, question, answer = KNOWLEDGE[locale][0]
    for filling in fillings[:10]:
        yield Labelled("copy", (question.replace("{0}", filling), answer.replace("{0}", filling)), None)


def mistakes(locale: str) -> tuple[Counter[str], list[str]]:
    """How many examples there are of each label, and each that did not become what it must."""
    labelled = list(rows(locale))
    data = ScannedDataset.of(Conversation.pair(*row.before) for row in labelled)
    after = registry.fix(data, *registry.fixable(registry.find_all(data)))
    found = {conversation.id: (conversation.question, conversation.answer) for conversation in after.conversations}
    wrong = [
        f"{row.label}: {row.before} became {found.get(conversation.id)}"
        for row, conversation in zip(labelled, data.conversations, strict=True)
        if found.get(conversation.id) != row.after
    ]
    return Counter(row.label for row in labelled), wrong


def main() -> None:
    """Prints the table, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--errors", action="store_true", help="name every mistake")
    show = parser.parse_args().errors
    print("| language | true examples | altered or lost | remains | taken out | copies | left |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for locale in KNOWLEDGE:
        counts, wrong = mistakes(locale)
        bad = Counter(line.split(":")[0] for line in wrong)
        print(
            f"| {locale} | {counts['keep']} | {bad['keep']} | {counts['fix']} | {counts['fix'] - bad['fix']} "
            f"| {counts['copy']} | {bad['copy']} |"
        )
        for line in wrong if show else ():
            print(line)


if __name__ == "__main__":
    main()
