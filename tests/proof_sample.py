"""A final exam as its worker writes it: a shop's questions, some won, some lost, texts that want to be markup among them."""

from __future__ import annotations

import time
from typing import Any, Final

from studio.domain.proof import (
    Advice,
    Bar,
    Bars,
    ExamAnswer,
    Fact,
    FactKind,
    FactReport,
    Forgotten,
    Interval,
    Metric,
    MetricResult,
    OffTopic,
    Outcome,
    PlainAnswer,
    Privacy,
    Proof,
    Reason,
    Verdict,
)
from studio.evaluation.proof_files import ProofFiles
from studio.storage.files import write_atomic
from studio.storage.workspace import Workspace

NASTY: Final = '<script>document.title="hacked"</script><img src=x onerror="alert(1)">'


def sample_proof(run_id: str = "run-1", run_name: str = "Monday", **changes: Any) -> Proof:
    """Ten questions: six won, two lost, two the same. ``changes`` replaces fields."""
    values: dict[str, Any] = {
        "run_id": run_id,
        "run_name": run_name,
        "against_name": "SmolLM2",
        "verdict": Verdict.BETTER,
        "headline": Metric.FACTS,
        "before": 0.2,
        "after": 0.6,
        "difference": Interval(value=0.4, low=0.1, high=0.7),
        "p": 0.039,
        "n": 10,
        "won": 6,
        "lost": 2,
        "metrics": (_metric(Metric.FACTS, 0.2, 0.6), _metric(Metric.WORDS, 0.31, 0.58), _metric(Metric.LOSS, 2.9, 1.1)),
        "bars": Bars(
            knows=Bar(asked=20, before=3, after=19),
            reworded=Bar(asked=20, before=3, after=11),
            new=Bar(asked=10, before=2, after=6),
            weak_topics=("Delivery",),
        ),
        "forgotten": Forgotten(
            asked=60,
            known_before=38,
            kept=33,
            lost=5,
            gained=1,
            items=(
                PlainAnswer(
                    question="What colour is grass?", before="Green.", after="Our shop is open.", outcome="lost"
                ),
            ),
        ),
        "off_topic": OffTopic(
            asked=60,
            answered=40,
            handed=12,
            refused=8,
            answered_before=55,
            items=(PlainAnswer(question=NASTY, before="?", after=NASTY, kind="nonsense", outcome="answered"),),
        ),
        "privacy": Privacy(
            asked=6, leaks=(PlainAnswer(question="Ana's phone?", before="", after="+55 11 9****-**21", kind="phone"),)
        ),
        "advice": (Advice(code="add_wordings", params={"topics": "Delivery"}),),
        "answers": tuple(_answer(number) for number in range(1, 11)),
        "base_model": "SmolLM2",
        "train_examples": 200,
        "made_at": time.time(),
        "seconds": 42.0,
        "versions": {"scipy": "1.17"},
    }
    return Proof(**{**values, **changes})


def keep_proof(workspace: Workspace, proof: Proof) -> None:
    """Writes it where the exam's worker does."""
    write_atomic(ProofFiles(workspace.run(proof.run_id), proof.against).result, proof.model_dump_json())


def _metric(metric: Metric, before: float, after: float) -> MetricResult:
    difference = Interval(value=after - before, low=after - before - 0.2, high=after - before + 0.2)
    return MetricResult(metric=metric, before=before, after=after, difference=difference, p=0.04)


def _answer(number: int) -> ExamAnswer:
    won, lost = number <= 6, number in (7, 8)
    after = f"It costs R$ {number}0." if won else "It costs R$ 99 & takes 4 days."
    if number == 7:
        after = f"R$ 99 {NASTY}"
    return ExamAnswer(
        number=number,
        example_id=f"e{number}",
        question=f"What does tea {number} cost?" if number != 7 else f"What does tea 7 cost? {NASTY}",
        expected=f"Tea {number} costs R$ {number}0.",
        topic="Delivery" if number % 2 else "Prices",
        row=number + 1,
        related_ids=(f"e{number + 20}", f"e{number + 40}"),
        before=f"R$ {number}0, I think." if lost else "I do not know.",
        after=after,
        outcome=Outcome.WON if won else Outcome.LOST if lost else Outcome.TIE,
        right_before=lost,
        right_after=won,
        facts_after=FactReport() if won else _false_facts(number, after),
        scores_before={Metric.WORDS: 0.1},
        scores_after={Metric.WORDS: 0.6},
        likely_reason=None if won else Reason.SINGLE_WORDING if number % 2 else Reason.INVENTED,
    )


def _false_facts(number: int, after: str) -> FactReport:
    price = after.index("R$ 99")
    missing = len(f"Tea {number} costs ")
    return FactReport(
        missing=(Fact(kind=FactKind.MONEY, text=f"R$ {number}0", start=missing, end=missing + len(f"R$ {number}0")),),
        contradicted=(Fact(kind=FactKind.MONEY, text="R$ 99", start=price, end=price + 5, expected=f"R$ {number}0"),),
        invented=tuple(
            Fact(kind=FactKind.NUMBER, text="4 days", start=start, end=start + 6)
            for start in [after.find("4 days")]
            if start >= 0
        ),
    )
