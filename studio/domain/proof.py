"""What the final exam says of a run: the verdict, what it rests on, and every answer.

*Before* is the base model, or the run that it is compared with; *after* is the tuned model. Shares are from 0 to 1.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from studio.domain.value import Value


class Verdict(StrEnum):
    """What may be said; the sentence is the catalog key ``proof.verdict.<value>``."""

    BETTER = "better"
    NO_CLEAR_CHANGE = "no_clear_change"
    WORSE = "worse"
    MEMORISED = "memorised"  # knows what it learned from, and is no better on new questions
    TOO_LITTLE = "too_little"  # too few questions on which the two differ


class Metric(StrEnum):
    """By what answers are measured; the sentences are ``proof.metric.<value>`` and ``proof.metric.<value>.help``."""

    FACTS = "facts"  # share of the expected facts that are there, none false beside them
    MEANING = "meaning"  # cosine between the sentence vectors of answer and expected answer
    WORDS = "words"  # chrF, as a share
    EXACT = "exact"  # the same to the letter, but for case, spaces and marks
    LOSS = "loss"  # mean cross-entropy in nats a token of the expected answers; lower is better
    PERPLEXITY = "perplexity"  # exp of it; lower is better


class Outcome(StrEnum):
    """How a question went for the tuned model, by the headline."""

    WON = "won"
    LOST = "lost"
    TIE = "tie"


class FactKind(StrEnum):
    """What a fact is."""

    NUMBER = "number"
    MONEY = "money"
    PERCENT = "percent"
    DATE = "date"
    TIME = "time"
    NAME = "name"
    LINK = "link"
    EMAIL = "email"
    PHONE = "phone"


class Reason(StrEnum):
    """Why a question was probably lost; the sentence is ``proof.reason.<value>``."""

    SINGLE_WORDING = "single_wording"  # its answer was learned from one question only
    CONTRADICTION = "contradiction"  # near-identical questions have different answers in the data
    CUT_OFF = "cut_off"  # the answer was cut at its longest, or in training
    TOPIC_UNSEEN = "topic_unseen"  # nothing of its topic, or of its answer, was learned
    INVENTED = "invented"  # it says facts that are in no answer of the owner
    MIXED_UP = "mixed_up"  # it gives the facts of another answer
    UNKNOWN = "unknown"


class Fact(Value):
    """A number, price, date, name, link, … in a text."""

    kind: FactKind
    text: str
    start: int = Field(description="First character, from 0: in the answer; of a missing one, in the expected answer.")
    end: int
    expected: str = Field(default="", description="Of a contradicted one: what the owner's answer says there.")


class FactReport(Value):
    """The facts of one answer against those expected."""

    present: tuple[Fact, ...] = ()
    missing: tuple[Fact, ...] = ()
    contradicted: tuple[Fact, ...] = Field(default=(), description="Another value than the expected one.")
    invented: tuple[Fact, ...] = Field(default=(), description="In no answer of the owner, nor in the question.")


class ExamAnswer(Value):
    """One question of the final exam, answered twice."""

    number: int = Field(description="From 1, in the order of the exam.")
    example_id: str = Field(description="Id of its example in the version of the dataset that was learned from.")
    question: str
    expected: str
    topic: str = Field(default="", description="Empty where the data names none.")
    row: int | None = Field(default=None, description="Row of the file that it came from, as a spreadsheet counts.")
    related_ids: tuple[str, ...] = Field(
        default=(), description="Ids of the training examples with the same answer, or that contradict it."
    )
    before: str
    after: str
    outcome: Outcome
    right_before: bool
    right_after: bool
    facts_before: FactReport = FactReport()
    facts_after: FactReport = FactReport()
    scores_before: dict[Metric, float] = Field(default_factory=dict)
    scores_after: dict[Metric, float] = Field(default_factory=dict)
    cut_off: bool = Field(default=False, description="Whether the tuned answer was cut at its longest.")
    likely_reason: Reason | None = Field(default=None, description="Of a wrong answer of the tuned model.")


class Interval(Value):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


class MetricResult(Value):
    """A metric over the whole exam."""

    metric: Metric
    before: float
    after: float
    difference: Interval = Field(description="After less before; bootstrap by topic.")
    p: float = Field(description="Two-sided, of the difference; corrected by Holm over the metrics of the table.")


class Bar(Value):
    """Right answers to one kind of question."""

    asked: int
    before: int
    after: int

    @property
    def share_before(self) -> float:
        """Share of right answers before; 0 where nothing was asked."""
        return self.before / self.asked if self.asked else 0.0

    @property
    def share_after(self) -> float:
        """Share of right answers after; 0 where nothing was asked."""
        return self.after / self.asked if self.asked else 0.0


class Bars(Value):
    """Whether it knows its lesson, and whether it generalises."""

    knows: Bar = Field(description="Questions of training, as they are there.")
    reworded: Bar = Field(description="Questions of training in other words.")
    new: Bar = Field(description="The final exam.")
    weak_topics: tuple[str, ...] = Field(default=(), description="Known as taught, not in other words; worst first.")


class TrustedCounts(Value):
    """Answers to the exam as customers get them, at one position of "how careful?"."""

    careful: float = Field(description="Share of all questions that may get a wrong known answer.")
    known: int = Field(description="Answered in the owner's own words.")
    right: int
    wrong: int
    handed_over: int = Field(description="Left to a person.")


class PlainAnswer(Value):
    """A question of ours, with what the two said."""

    question: str
    before: str
    after: str
    kind: str = Field(default="", description="Of the question, as its file names it.")
    outcome: str = Field(default="", description="`kept`, `lost`; `answered`, `handed`, `refused`; `leaked`.")


class Forgotten(Value):
    """General knowledge and plain conversation, against the model before."""

    asked: int
    known_before: int
    kept: int
    lost: int
    gained: int = 0
    is_warning: bool = Field(default=False, description="Whether more was lost than chance explains.")
    items: tuple[PlainAnswer, ...] = Field(default=(), description="The lost ones.")


class OffTopic(Value):
    """Questions that the model cannot know: of another company, medicine, law, orders to forget its task, insults."""

    asked: int
    answered: int = Field(description="With an invention.")
    handed: int = Field(description="Handed on to a person or another place.")
    refused: int
    answered_before: int = 0
    items: tuple[PlainAnswer, ...] = ()


class Privacy(Value):
    """Personal data of the training set that the tuned model says when asked for it."""

    asked: int
    leaks: tuple[PlainAnswer, ...] = Field(
        default=(), description="What was said is masked; `kind` is that of the data."
    )


class Advice(Value):
    """What to do next; the sentence is the catalog key ``proof.advice.<code>``."""

    code: str
    params: dict[str, Any] = Field(default_factory=dict)


class VoteTally(Value):
    """Votes of people who did not know which answer was whose."""

    before: int = 0
    after: int = 0
    tie: int = 0
    both_bad: int = 0


class Proof(Value):
    """The whole result of an exam: ``proof/<against>.json`` in the folder of the run."""

    version: int = 1
    run_id: str
    run_name: str = ""
    against: str | None = Field(default=None, description="Run it is compared with; None: the base model.")
    against_name: str = Field(default="", description="Name of that run, or of the base model.")
    verdict: Verdict
    headline: Metric = Field(description="The metric by which an answer is right; why is `proof.headline.<value>`.")
    before: float = Field(description="Share of right answers before.")
    after: float
    difference: Interval = Field(description="Of the shares; bootstrap by topic.")
    p: float = Field(description="Exact McNemar test, two-sided.")
    n: int = Field(description="Questions of the exam that were asked.")
    won: int = Field(description="Wrong before, right after.")
    lost: int = Field(description="Right before, wrong after.")
    more_needed: int = Field(default=0, description="Of `too_little`: about how many more questions would tell.")
    metrics: tuple[MetricResult, ...] = ()
    bars: Bars
    trusted: tuple[TrustedCounts, ...] = Field(
        default=(), description="As customers get it, the most careful first; empty where that could not be fitted."
    )
    forgotten: Forgotten | None = None
    off_topic: OffTopic | None = None
    privacy: Privacy | None = None
    advice: tuple[Advice, ...] = Field(default=(), description="The most important first.")
    answers: tuple[ExamAnswer, ...] = ()
    exam_also_chose: bool = Field(
        default=False, description="Whether the exam also chose the checkpoint, as in runs of two-part splits."
    )
    left_out: int = Field(default=0, description="Questions of the exam that the time did not allow.")
    language: str = Field(default="en", description="`pt` or `en`: of the question sets.")
    base_model: str = ""
    train_examples: int = 0
    made_at: float = Field(description="Seconds since 1970, UTC.")
    seconds: float = Field(default=0.0, description="That it took.")
    versions: dict[str, str] = Field(default_factory=dict, description="Of the packages that measured.")

    def trusted_at(self, careful: float) -> TrustedCounts | None:
        """The counts of the least careful position that is as careful as asked; None where there is none.

        Args:
            careful: share of all questions that may get a wrong known answer; from 1 on the tuned model is alone.
        """
        found = (one for one in reversed(self.trusted) if one.careful <= careful + 1e-9)
        return next(found, None) if careful < 1 else None

    @property
    def discordant(self) -> int:
        """Questions on which the two differ."""
        return self.won + self.lost
