"""The report: one HTML file without scripts and without anything from elsewhere, to print or to forward."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from studio.domain.proof import ExamAnswer, Outcome, Proof
from studio.domain.vote import VoteResult
from studio.i18n.catalog import Catalog
from studio.sharing.proof_report.figures import metric_table
from studio.sharing.proof_report.marked_facts import marked_answer, marked_expected
from studio.sharing.proof_report.pictures import bars_label, bars_svg, interval_svg
from studio.sharing.proof_report.sentences import (
    advice_sentences,
    bars_sentence,
    basis_sentence,
    forgotten_sentence,
    interval_sentence,
    off_topic_sentence,
    privacy_sentence,
    shown_p,
    trusted_sentence,
    verdict_sentence,
    vote_sentence,
)

_LISTED: Final = 5  # questions won, and questions lost
_TAGS: Final = {"pt": "pt-BR"}


def html_report(text: Catalog, proof: Proof, votes: VoteResult, careful: float = 1.0) -> str:
    """The whole page. Whatever a person or a model wrote is escaped.

    Args:
        text: the language.
        proof: the result of the exam.
        votes: blind votes on its answers.
        careful: of the project; see :meth:`Proof.trusted_at`.
    """
    template = Environment(
        loader=PackageLoader("studio.sharing.proof_report", ""), autoescape=True, undefined=StrictUndefined
    ).get_template("report.html.j2")
    table = metric_table(text, proof)
    interval = interval_sentence(text, proof.difference)
    return template.render(
        text=text,
        language=_TAGS.get(text.locale, text.locale),
        title=text("proof.report.title", name=proof.run_name or proof.run_id),
        verdict=proof.verdict.value,
        sentence=verdict_sentence(text, proof),
        interval=interval,
        basis=basis_sentence(text, proof),
        notes=[text("proof.also_chose")] if proof.exam_also_chose else [],
        advice=advice_sentences(text, proof),
        interval_picture=interval_svg(text, proof.difference, interval),
        bars_sentence=bars_sentence(text, proof.bars),
        bars_picture=bars_svg(text, proof.bars, bars_label(text, proof.bars)),
        lists=[_list(text, proof, Outcome.WON), _list(text, proof, Outcome.LOST)],
        checks=_checks(text, proof, careful),
        vote=vote_sentence(text, votes),
        how=_how(text, proof),
        metric_columns=list(table.columns),
        metrics=table.to_numpy().tolist(),
        made=text(
            "proof.report.made", date=datetime.fromtimestamp(proof.made_at).strftime(text("proof.report.date_format"))
        ),
    )


def _list(text: Catalog, proof: Proof, outcome: Outcome) -> dict[str, Any]:
    found = [answer for answer in proof.answers if answer.outcome is outcome][:_LISTED]
    return {
        "title": text(f"proof.report.{outcome.value}"),
        "nothing": text(f"proof.report.no_{outcome.value}"),
        "answers": [_answer(text, answer) for answer in found],
    }


def _answer(text: Catalog, answer: ExamAnswer) -> dict[str, Any]:
    return {
        "question": answer.question,
        "expected": marked_expected(text, answer.expected, answer.facts_after),
        "before": marked_answer(text, answer.before, answer.facts_before),
        "after": marked_answer(text, answer.after, answer.facts_after),
    }


def _checks(text: Catalog, proof: Proof, careful: float) -> list[str]:
    found = []
    if (trusted := proof.trusted_at(careful)) is not None:
        found.append(trusted_sentence(text, trusted))
    if proof.privacy is not None:
        found.append(privacy_sentence(text, proof.privacy))
    if proof.off_topic is not None:
        found.append(off_topic_sentence(text, proof.off_topic))
    if proof.forgotten is not None:
        found.append(forgotten_sentence(text, proof.forgotten))
    return found


def _how(text: Catalog, proof: Proof) -> list[str]:
    headline = proof.headline.value
    before = proof.against_name or proof.base_model
    after = f"{proof.run_name or proof.run_id} ({proof.base_model})" if proof.base_model else proof.run_name
    return [
        text("proof.report.how_facts", before=before, after=after, examples=proof.train_examples),
        text(
            "proof.report.how_exam",
            n=proof.n,
            metric=text(f"proof.metric.{headline}"),
            help=text(f"proof.metric.{headline}.help"),
        ),
        text("proof.report.how_chance", p=shown_p(text, proof.p)),
    ]
