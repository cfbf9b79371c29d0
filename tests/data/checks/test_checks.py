"""Each check finds its problem, lets good examples be, and its fix leaves nothing of it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from studio.data.checks import registry
from studio.data.checks.check import Dataset
from studio.data.checks.dataset import ScannedDataset
from studio.data.checks.report import Report, cost, preview, score
from studio.data.checks.rules.html_remains import as_text
from studio.data.checks.rules.quoted_mail import unquoted
from studio.data.checks.rules.signatures import unsigned
from studio.domain.conversation import Conversation, Message, Role, Source
from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog

Pair = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """Examples with a problem, and which of them are found; what is left of those after the fix; examples without."""

    bad: tuple[Pair, ...]
    found: tuple[int, ...]
    fixed: tuple[Pair, ...] | None
    good: tuple[Pair, ...]


LONG = "Seu pedido sai do nosso depósito na terça-feira e chega em quatro dias úteis"

CASES = {
    "encoding": Case(
        (("PreÃ§o?", "NÃ£o vendemos Ã  vista."), ("Preço?", "Dez reais.")),
        (0,),
        (("Preço?", "Não vendemos à vista."), ("Preço?", "Dez reais.")),
        (("Ação?", "São João à noite… “ok” – 5 €"), ("İyi günler", "Ärger Öl Åse"), ("ÀÉÎ?", "DÉJÀ VU À PARIS")),
    ),
    "lost_letters": Case((("Pre�o?", "Dez."), ("a?", "b")), (0,), (("a?", "b"),), (("Preço?", "Dez."),)),
    "html": Case(
        (("a?", "<p>Sim.<br>Não.</p>"), ("b?", "Tom &amp; Jerry"), ("c?", "ok")),
        (0, 1),
        (("a?", "Sim.\nNão."), ("b?", "Tom & Jerry"), ("c?", "ok")),
        (("5 < 6 > 4?", "a<b && c>d"), ("R&D?", "AT&T; <3"), ("code", "```\n<br>\n```"), ("x", "<nome> do cliente")),
    ),
    "quoted_mail": Case(
        (("a?\n\nOn Mon, 3 Mar 2025 at 10:11, Bob <b@x.org> wrote:\n> old", "Sim."), ("b?", "> citado\nNão."), ("c?", "d")),
        (0, 1),
        (("a?", "Sim."), ("b?", "Não."), ("c?", "d")),
        (("5 > 4?", "Sim, 5 > 4."), ("Quem escreveu: você?", "On Mondays we wrote code.")),
    ),
    "signatures": Case(
        (("a?", "Sim.\n\nAtenciosamente,\nEquipe de Vendas"), ("b? \nSent from my iPhone", "Não."), ("c?", "d")),
        (0, 1),
        (("a?", "Sim."), ("b?", "Não."), ("c?", "d")),
        (("Best regards?", "Sincerely yours is how one signs a letter."), ("Abraços?", "Mandamos abraços para todos.")),
    ),
    "empty_answers": Case(
        (("a?", "."), ("b?", "N/A"), ("c?", "Please see attachment"), ("d?", "Segue em anexo."), ("Qual preço", "qual preço?"), ("e?", "Sim.")),
        (0, 1, 2, 3, 4),
        (("e?", "Sim."),),
        (("a?", "Não."), ("b?", "10"), ("c?", "See the attachment of the first mail: it has all the prices."), ("ok?", "ok")),
    ),
    "boilerplate": Case(
        (
            ("a?", "Thank you for contacting us! We will get back to you within 24 hours."),
            ("b?", "Esta é uma resposta automática."),
            ("c?", "Recebemos sua mensagem e retornaremos em breve."),
            ("d?", "Sim."),
        ),
        (0, 1, 2),
        (("d?", "Sim."),),
        (("a?", "Thank you for contacting us. Your parcel is in Recife."), ("b?", "Em breve teremos mais cores!")),
    ),
    "cut_off": Case(
        (("a?", "Temos a caneca azul. Também temos a verde e"), ("b?", "O prazo começa a contar a partir de,"), ("c?", "ok")),
        (0, 1),
        (("a?", "Temos a caneca azul."), ("c?", "ok")),
        (("a?", "Temos a caneca azul e a verde"), ("b?", "Sim, é"), ("c?", f"{LONG}."), ("d?", f"{LONG}!)")),
    ),
    "greetings": Case(
        (("Oi", "Olá!"), ("Bom dia, tudo bem?", "Tudo!"), ("hello there", "Hi!"), ("Oi, tem azul?", "Tem.")),
        (0, 1, 2),
        (("Oi, tem azul?", "Tem."),),
        (("Bom?", "É."), ("Good coffee?", "Yes."), ("tudo", "certo")),
    ),
    "languages": Case(
        (("Qual é o prazo de entrega para a minha cidade?", "We deliver to your city within four days of the order."),
         *((f"Qual é o preço da caneca número {n}?", f"A caneca custa {n} reais na nossa loja.") for n in range(12))),
        (0,),
        None,
        (("Qual é o preço da caneca?", "A caneca custa dez reais na loja."), ("wifi?", "ok"), ("Pix?", "Sim, aceitamos.")),
    ),
    "duplicates": Case(
        (("a?", "Sim."), ("a?", "Sim."), ("A?", "sim."), ("b?", "Sim.")),
        (1, 2),
        (("a?", "Sim."), ("b?", "Sim.")),
        (("a?", "Sim."), ("a?", "Não."), ("b?", "Sim.")),
    ),
    "near_duplicates": Case(
        (("Qual o prazo de entrega?", LONG), ("Qual é o prazo de entrega", LONG), ("Quando chega?", LONG)),
        (1,),
        (("Qual o prazo de entrega?", LONG), ("Quando chega?", LONG)),
        (("Tem tamanho 38?", "Temos."), ("Tem tamanho 40?", "Temos."), ("Qual o prazo?", LONG), ("Quando chega?", LONG)),
    ),
    "contradictions": Case(
        (("Abre domingo?", "Sim, das 9h às 13h."), ("abre domingo", "Não abrimos domingo."), ("Pix?", "Sim.")),
        (0, 1),
        (("abre domingo", "Não abrimos domingo."), ("Pix?", "Sim.")),
        (("Abre domingo?", "Sim, abrimos."), ("abre domingo", "Sim, abrimos!"), ("Pix?", "Não.")),
    ),
}  # fmt: skip


def dataset(pairs: tuple[Pair, ...], **fields: object) -> Dataset:
    return ScannedDataset.of(Conversation.pair(q, a, **fields) for q, a in pairs)


def pairs(found: Dataset) -> tuple[Pair, ...]:
    return tuple((c.question, c.answer) for c in found.conversations)


@pytest.mark.parametrize("code", CASES)
def test_a_check_finds_its_problem_and_nothing_else(code: str) -> None:
    case, check = CASES[code], registry.get(code)
    found = check.find(dataset(case.bad))
    assert found is not None
    assert (found.code, found.severity, found.positions) == (code, check.severity, case.found)
    assert found.ids == tuple(f"e{i + 1}" for i in case.found)
    assert check.find(dataset(case.good)) is None


@pytest.mark.parametrize("code", CASES)
def test_a_fix_leaves_nothing_to_find(code: str) -> None:
    case = CASES[code]
    before = dataset(case.bad)
    after = registry.fix(before, code)
    if case.fixed is not None:
        assert pairs(after) == case.fixed
    assert registry.get(code).find(after) is None
    kept = {c.id: c for c in before.conversations}
    assert all(c.id in kept for c in after.conversations)
    assert registry.fix(dataset(case.good), code).conversations == dataset(case.good).conversations


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("check", registry.CHECKS, ids=lambda check: check.code)
def test_every_check_has_its_words(check: registry.Check, locale: str) -> None:
    words = catalog(locale)
    assert words(f"checks.rule.{check.code}")
    assert f"checks.rule.{check.code}.found" in words.entries
    assert (f"checks.rule.{check.code}.fix" in words.entries) == (check.fix is not None)
    assert all(words(f"checks.rule.{check.code}.choice.{choice}") for choice in check.choices)


def test_every_check_is_known_by_one_code() -> None:
    codes = [check.code for check in registry.CHECKS]
    assert len(codes) == len(set(codes)) >= 28


@pytest.mark.parametrize("locale", LOCALES)
def test_every_finding_makes_a_sentence(locale: str) -> None:
    everything = tuple(pair for case in CASES.values() for pair in case.bad)
    data = dataset((*everything, ("meu e-mail é ana@gmail.com", "Ligue para nós: (11) 98765-4321")))
    codes = set()
    for finding in registry.find_all(data):
        sentence = catalog(locale)(f"checks.rule.{finding.code}.found", **finding.params)
        assert "{" not in sentence
        codes.add(finding.code)
    assert codes >= {*CASES, "emails", "company_contacts"} - {"near_duplicates", "languages"}


def test_contradictions_are_fixed_as_one_chooses() -> None:
    data = dataset(
        (("a?", "Sim, é claro que temos."), ("a?", "Não."), ("b?", "Um."), ("b?", "Dois ou três."), ("c?", "x"))
    )
    chosen = {
        "contradictions": ["Não.", "Dois ou três.", "x"],
        "contradictions=newest": ["Não.", "Dois ou três.", "x"],
        "contradictions=longest": ["Sim, é claro que temos.", "Dois ou três.", "x"],
        "contradictions=e1+e3": ["Sim, é claro que temos.", "Um.", "x"],
        "contradictions=e2": ["Não.", "Um.", "Dois ou três.", "x"],
    }
    for wanted, answers in chosen.items():
        assert [a for _, a in pairs(registry.fix(data, wanted))] == answers, wanted


def test_the_same_words_in_another_conversation_are_no_contradiction() -> None:
    def talk(first: str, answer: str) -> Conversation:
        turns = (
            (Role.USER, first),
            (Role.ASSISTANT, "Claro."),
            (Role.USER, "E quanto custa?"),
            (Role.ASSISTANT, answer),
        )
        return Conversation(messages=tuple(Message(role=r, content=t) for r, t in turns))

    data = ScannedDataset.of([talk("Tem caneca?", "Dez reais."), talk("Tem camiseta?", "Quarenta reais.")])
    assert registry.get("contradictions").find(data) is None
    assert registry.get("near_duplicates").find(data) is None


def leaky() -> Dataset:
    rows = [
        ("Qual o prazo de entrega?", LONG, False),
        ("Qual o prazo de entrega?", LONG, True),
        ("Quanto custa a caneca azul?", "Dez reais.", False),
        ("Quanto custa a caneca azul", "Custa dez reais.", True),
        ("Abre domingo?", "Sim.", True),
    ]
    return ScannedDataset.of(Conversation.pair(q, a, held_out=h) for q, a, h in rows)


def test_test_questions_that_are_learned_are_taken_out_of_the_test() -> None:
    found = registry.get("leakage").find(leaky())
    assert found is not None
    assert found.positions == (1, 3)
    after = registry.fix(leaky(), "leakage")
    assert [(c.id, c.held_out) for c in after.conversations] == [
        ("e1", False),
        ("e3", False),
        ("e4", False),
        ("e5", True),
    ]
    assert registry.get("leakage").find(after) is None


def test_or_out_of_training() -> None:
    after = registry.fix(leaky(), "leakage=training")
    assert [c.id for c in after.conversations] == ["e2", "e4", "e5"]
    assert all(c.held_out for c in after.conversations)


def test_where_no_test_would_be_left_the_studio_draws_one() -> None:
    rows = [("Qual o prazo de entrega?", LONG, h) for h in (False, True)]
    after = registry.fix(ScannedDataset.of(Conversation.pair(q, a, held_out=h) for q, a, h in rows), "leakage")
    assert [c.held_out for c in after.conversations] == [None]


def test_an_unmarked_dataset_cannot_leak() -> None:
    assert registry.get("leakage").find(dataset((("a?", "b"), ("a?", "b")))) is None


def test_few_examples_and_single_phrasings_are_for_a_person() -> None:
    data = dataset((("a?", "Sim."), ("tem a?", "Sim."), ("b?", "Não.")))
    few, single = registry.get("too_few").find(data), registry.get("single_phrasing").find(data)
    assert few is not None
    assert few.params["n"] == 3
    assert single is not None
    assert single.positions == (2,)
    with pytest.raises(AfinaError, match=r"checks\.no_fix"):
        registry.fix(data, "too_few")
    enough = dataset(tuple((f"pergunta {n} sobre isso?", f"Resposta {n % 10}.") for n in range(20)))
    assert registry.get("too_few").find(enough) is None
    assert registry.get("single_phrasing").find(enough) is None


class Words:
    """Counts words instead of tokens."""

    limit = 12

    def lengths(self, conversations: tuple[Conversation, ...]) -> list[int]:
        return [sum(len(m.content.split()) for m in c.messages) for c in conversations]


def test_long_examples_are_shortened_at_a_sentence() -> None:
    turns = (
        (Role.USER, "Oi você tem caneca aí?"),
        (Role.ASSISTANT, "Tenho sim, azul."),
        (Role.USER, "Quanto é?"),
        (Role.ASSISTANT, "São dez reais à vista no Pix hoje."),
    )
    rows = [
        Conversation(messages=tuple(Message(role=r, content=t) for r, t in turns)),
        Conversation.pair("Quando chega?", "Em dois dias. " * 6),
        Conversation.pair("palavra " * 20, "Sim."),
        Conversation.pair("Pix?", "Sim."),
    ]  # fmt: skip
    data = ScannedDataset(ScannedDataset.of(rows).conversations, Words())
    found = registry.get("too_long").find(data)
    assert found is not None
    assert found.positions == (0, 1, 2)
    assert found.params["limit"] == 12
    after = registry.fix(data, "too_long")
    assert [c.id for c in after.conversations] == ["e1", "e2", "e4"]
    assert [m.content for m in after.conversations[0].messages] == ["Quanto é?", "São dez reais à vista no Pix hoje."]
    assert after.conversations[1].answer == "Em dois dias. Em dois dias. Em dois dias."
    assert registry.get("too_long").find(ScannedDataset.of(rows)) is None, "without a model there are no tokens"


def test_answers_that_stop_at_one_length_are_cut_off() -> None:
    texts = [f"{'abc ' * 30}{n}{'word' * 10}"[:150] for n in "abc"]
    assert registry.get("cut_off").find(dataset(tuple((t[:9], t) for t in texts))) is not None
    assert registry.get("cut_off").find(dataset(tuple((t[:9], t[: 140 - 5 * i]) for i, t in enumerate(texts)))) is None


def test_rows_are_named_as_a_person_finds_them() -> None:
    def row(file: str, number: int) -> Conversation:
        return Conversation.pair(f"a {number}?", ".", source=Source(file=file, row=number))

    one = registry.get("empty_answers").find(ScannedDataset.of([row("a.csv", 2), row("a.csv", 3), row("a.csv", 7)]))
    two = registry.get("empty_answers").find(ScannedDataset.of([row("a.csv", 2), row("b.csv", 9)]))
    none = registry.get("empty_answers").find(dataset((("a?", "Sim."), ("b?", "."))))
    assert one is not None
    assert two is not None
    assert none is not None
    assert (one.params["rows"], two.params["rows"], none.params["rows"]) == ("2–3, 7", "a.csv: 2; b.csv: 9", "2")
    typed = [Conversation.pair(f"c {number}?", ".") for number in range(3)]
    added = registry.get("empty_answers").find(ScannedDataset.of([row("a.csv", 2), row("a.csv", 7), *typed]))
    assert added is not None
    assert added.params["rows"] == "2, 7; #3–5", "a row that was typed in has the number of none of the file"


def test_the_score_falls_with_what_is_wrong_and_rises_with_the_fix() -> None:
    clean = dataset(
        tuple((f"{word} a caneca {n}?", f"Sim, {n}.") for n in range(15) for word in ("Tem", "Vocês vendem"))
    )
    assert Report.of(clean).score == 100
    broken = dataset(
        (*pairs(clean), ("Tem azul?", "."), ("Tem verde?", "N/A"), ("A terceira caneca, tem?", "Sim, 3.<br>"))
    )
    report = Report.of(broken)
    assert report.score < 90
    assert [f.code for f in report.top3][:1] == ["empty_answers"]
    assert Report.of(registry.fix(broken, *registry.fixable(report.findings))).score == 100


def test_the_formula_of_the_score() -> None:
    data = dataset((*((f"pergunta {n}?", f"resposta {n}") for n in range(99)), ("x?", ".")))
    found = registry.get("empty_answers").find(data)
    assert found is not None
    assert cost(found, len(data)) == pytest.approx(registry.get("empty_answers").weight / 10)
    assert score(data, [found]) == 96
    assert score(ScannedDataset(()), []) == 0


def test_a_preview_shows_what_would_change_and_changes_nothing() -> None:
    data = dataset(CASES["html"].bad)
    shown = preview(data, "html")
    assert [(c.before.answer, c.after and c.after.answer) for c in shown] == [
        ("<p>Sim.<br>Não.</p>", "Sim.\nNão."),
        ("Tom &amp; Jerry", "Tom & Jerry"),
    ]
    assert [change.after for change in preview(dataset(CASES["duplicates"].bad), "duplicates")] == [None, None]
    assert pairs(data) == CASES["html"].bad


@pytest.mark.parametrize(
    ("wanted", "code"),
    [("nope", "checks.unknown"), ("duplicates=x", "checks.unknown_choice"), ("single_phrasing", "checks.no_fix")],
)
def test_a_wrong_wish_is_named(wanted: str, code: str) -> None:
    with pytest.raises(AfinaError, match=code.replace(".", r"\.")):
        registry.fix(dataset((("a?", "b"),)), wanted)


def test_nothing_at_all_is_fine() -> None:
    assert [finding.code for finding in registry.find_all(ScannedDataset(()))] == ["too_few"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<ul><li>um</li><li>dois</li></ul>", "- um\n- dois"),
        ("<script>alert(1)</script>Oi", "Oi"),
        ("&lt;b&gt;Oi&lt;/b&gt;", "Oi"),
        ("<a href='https://x.org/precos/'>aqui</a>", "aqui (https://x.org/precos/)"),
        ('Veja <a class="b" href="https://www.x.org/" target=_blank>x.org</a>.', "Veja x.org."),
        ('<a href="mailto:sac@x.org">Escreva</a>', "Escreva (sac@x.org)"),
        ('<a href="#topo">topo</a>', "topo"),
        ("<!-- x -->a&nbsp;b", "a b"),
        ("<P STYLE='x'>a</P><P>b</P>", "a\nb"),
    ],
)
def test_web_pages_become_text(text: str, expected: str) -> None:
    assert as_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Sim.\n\nEm seg., 3 de mar. de 2025 às 10:11, Ana <a@x.org> escreveu:\n> velho",
        "Sim.\n-----Original Message-----\nFrom: x\nvelho",
        "Sim.\n\nDe: Ana\nEnviada em: segunda\nPara: nós\n\nvelho",
        "> velho\n> mais\nSim.",
    ],
)
def test_quotes_are_cut_off(text: str) -> None:
    assert unquoted(text) == "Sim."


@pytest.mark.parametrize(
    "text",
    [
        "Sim.\n\nAtt,\nAna\nVendas",
        "Sim.\n--\nBob\nSales",
        "Sim.\n\nBest regards,\nBob",
        "Sim.\nEnviado do meu iPhone",
        "Sim.\n\nEste e-mail e seus anexos são confidenciais e destinados apenas ao destinatário.",
    ],
)
def test_signatures_are_cut_off(text: str) -> None:
    assert unsigned(text) == "Sim."
