"""The report: self-contained, escaped, the same in both languages; figures that a spreadsheet opens as they are meant."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from markupsafe import escape

from studio.domain.proof import (
    Fact,
    FactKind,
    FactReport,
    Forgotten,
    Interval,
    Proof,
    TrustedCounts,
    Verdict,
    VoteTally,
)
from studio.domain.vote import VoteResult
from studio.errors import AfinaError
from studio.i18n import LOCALES, catalog
from studio.services.answer_policies import AnswerPolicyService
from studio.services.proof.service import ProofService
from studio.services.proof_reports import ProofReportService
from studio.services.votes import VoteService
from studio.sharing.proof_report import pdf
from studio.sharing.proof_report.figures import as_csv
from studio.sharing.proof_report.html_report import html_report
from studio.sharing.proof_report.marked_facts import marked_answer
from studio.sharing.proof_report.sentences import (
    bars_sentence,
    forgotten_sentence,
    interval_sentence,
    trusted_sentence,
    verdict_sentence,
)
from studio.storage.workspace import Workspace
from tests.proof_sample import keep_proof, sample_proof

VOTES = VoteResult(tally=VoteTally(after=9, before=1), votes=10, voters=2, rate=Interval(value=0.9, low=0.6, high=0.98))


@pytest.mark.parametrize("locale", LOCALES)
def test_the_report_needs_nothing_from_elsewhere_and_runs_nothing(locale: str) -> None:
    page = html_report(catalog(locale), sample_proof(run_name="<b>Mon</b>"), VOTES)
    tags = set(re.findall(r"<([a-zA-Z]+)", page))
    assert tags.isdisjoint({"script", "img", "link", "iframe", "object", "b"}), tags
    assert not re.search(r"\son[a-z]+=", re.sub(r"&lt;.*?&gt;", "", page))
    assert not re.search(r"(src|href)=|url\(|@import", re.sub(r"&lt;.*?&gt;", "", page))
    assert "&lt;script&gt;document.title=" in page


@pytest.mark.parametrize("locale", LOCALES)
def test_the_report_says_the_verdict_the_questions_and_how_it_was_measured(locale: str) -> None:
    text, proof = catalog(locale), sample_proof()
    page = html_report(text, proof, VOTES)
    for said in (verdict_sentence(text, proof), interval_sentence(text, proof.difference), text("proof.report.how")):
        assert said in page
    assert page.count("<article>") == 5 + 2
    assert page.count("<svg") == 2
    assert "0,039" in page if locale == "pt" else "0.039" in page
    assert "90" in page[page.index(text("proof.report.vote")) :]


@pytest.mark.parametrize("locale", LOCALES)
def test_the_report_says_what_customers_get_unless_the_tuned_model_is_alone(locale: str) -> None:
    text = catalog(locale)
    counts = [TrustedCounts(careful=c, known=7, right=7, wrong=round(10 * c), handed_over=2) for c in (0.01, 0.1)]
    proof = sample_proof(trusted=tuple(counts))
    assert proof.trusted_at(0.05) == counts[0], "never less careful than asked"
    assert proof.trusted_at(0.005) is None
    assert escape(trusted_sentence(text, counts[1])) in html_report(text, proof, VOTES, 0.1)
    assert escape(trusted_sentence(text, counts[1])) not in html_report(text, proof, VOTES, 1.0)


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("locale", LOCALES)
def test_every_verdict_has_a_report(locale: str, verdict: Verdict) -> None:
    proof = sample_proof(verdict=verdict, forgotten=None, off_topic=None, privacy=None, answers=(), more_needed=40)
    page = html_report(catalog(locale), proof, VoteResult())
    assert verdict_sentence(catalog(locale), proof).split(":")[0] in page
    assert ("40" in verdict_sentence(catalog(locale), proof)) is (verdict is Verdict.TOO_LITTLE)


def test_intervals_are_told_as_right_answers_in_a_hundred() -> None:
    text = catalog("en")
    gain, loss, mixed = (
        interval_sentence(text, Interval(value=0, low=low, high=high))
        for low, high in ((0.1, 0.3), (-0.3, -0.1), (-0.2, 0.1))
    )
    assert "10 to 30 more" in gain
    assert "10 to 30 fewer" in loss
    assert "20 fewer" in mixed
    assert "10 more" in mixed


def test_the_bars_are_read_as_a_sentence() -> None:
    text, bars = catalog("en"), sample_proof().bars
    assert "Delivery" in bars_sentence(text, bars)
    weak = bars.model_copy(update={"knows": bars.knows.model_copy(update={"after": 5})})
    assert bars_sentence(text, weak) == text("proof.bars.reading.not_learned")
    good = bars.model_copy(update={"reworded": bars.knows, "new": bars.new.model_copy(update={"after": 9})})
    assert bars_sentence(text, good) == text("proof.bars.reading.all")


def test_a_base_that_knew_little_has_little_to_forget() -> None:
    said = forgotten_sentence(catalog("en"), Forgotten(asked=60, known_before=2, kept=0, lost=2))
    assert said == catalog("en")("proof.forgotten.knew_little", asked=60, known=2)


def test_facts_beyond_the_text_or_in_one_place_are_marked_once() -> None:
    def fact(start: int, end: int) -> Fact:
        return Fact(kind=FactKind.NUMBER, text="x", start=start, end=end)

    report = FactReport(invented=(fact(0, 3), fact(2, 4), fact(90, 99), fact(4, 4)))
    shown = marked_answer(catalog("en"), "<b> & 99", report)
    assert shown.count("<mark") == 1
    assert shown.endswith("</mark> &amp; 99")
    assert "&lt;b&gt;" in shown


def test_a_cell_that_begins_like_a_formula_stays_text() -> None:
    proof = sample_proof()
    evil = proof.answers[0].model_copy(update={"question": '=HYPERLINK("http://x")', "after": "-2+3+cmd|' /C calc'!A0"})
    rows = list(csv.DictReader(io.StringIO(as_csv(proof.model_copy(update={"answers": (evil, *proof.answers[1:])})))))
    assert rows[0]["question"] == '\'=HYPERLINK("http://x")'
    assert rows[0]["after"] == "'-2+3+cmd|' /C calc'!A0"
    assert len(rows) == 10
    assert float(rows[1]["words_after"]) == 0.6
    assert rows[7]["facts_invented"] == "4 days"


@pytest.fixture
def reports(workspace: Workspace) -> ProofReportService:
    keep_proof(workspace, sample_proof())
    proofs = ProofService(workspace)
    return ProofReportService(proofs, VoteService(workspace, proofs), AnswerPolicyService(workspace))


def test_a_report_is_written_as_its_ending_says(
    reports: ProofReportService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("report.html", "report.json", "report.csv", "report"):
        reports.write("run-1", tmp_path / name, locale="pt")
    assert 'lang="pt-BR"' in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "report").read_bytes() == (tmp_path / "report.html").read_bytes()
    assert Proof.model_validate(json.loads((tmp_path / "report.json").read_bytes())).n == 10
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        reports.write("run-1", tmp_path / "report.docx")
    with pytest.raises(AfinaError, match=r"proof\.no_result"):
        reports.make("run-9", "html")
    monkeypatch.setattr(pdf.shutil, "which", lambda _: None)
    assert reports.endings() == ("html", "json", "csv")
    with pytest.raises(AfinaError, match=r"proof\.no_chromium"):
        reports.make("run-1", "pdf")


@pytest.mark.browser
@pytest.mark.skipif(pdf.find_chromium() is None, reason="no Chromium on the search path")
def test_a_pdf_is_printed_by_the_chromium_of_this_computer(reports: ProofReportService) -> None:
    assert "pdf" in reports.endings()
    content = reports.make("run-1", "pdf", locale="pt")
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
