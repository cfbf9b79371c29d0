"""The final exam in sentences that need no statistics."""

from __future__ import annotations

import re
from typing import Final

from studio.domain.proof import Bars, Forgotten, Interval, OffTopic, Privacy, Proof, TrustedCounts, Verdict
from studio.domain.vote import VoteResult
from studio.i18n.catalog import Catalog

_KNOWN: Final = 0.6  # share of right answers from which a lesson counts as learned
_GAP: Final = 0.2  # of the shares, from which one kind of question counts as harder than another
_KNOWLEDGE: Final = 6  # right answers before, below which there is too little to forget
_TOPICS: Final = 4  # that a sentence names


def right_counts(proof: Proof) -> tuple[int, int]:
    """Right answers before and after."""
    return round(proof.before * proof.n), round(proof.after * proof.n)


def verdict_sentence(text: Catalog, proof: Proof) -> str:
    """The verdict with the numbers that it rests on; for too few questions, how many more would tell."""
    before, after = right_counts(proof)
    numbers = {"n": proof.n, "right_before": before, "right_after": after}
    if proof.verdict is not Verdict.TOO_LITTLE:
        return text(f"proof.verdict.{proof.verdict.value}", **numbers)
    said = text("proof.verdict.too_little", discordant=proof.discordant, **numbers)
    return f"{said} {text('proof.more_needed', n=proof.more_needed)}" if proof.more_needed else said


def interval_sentence(text: Catalog, difference: Interval) -> str:
    """The 95 % interval of a difference of shares, as right answers in 100 questions."""
    low, high = round(100 * difference.low), round(100 * difference.high)
    if low >= 0:
        return text("proof.interval.gain", low=low, high=high)
    if high <= 0:
        return text("proof.interval.loss", low=-low, high=-high)
    return text("proof.interval.mixed", low=-low, high=high)


def basis_sentence(text: Catalog, proof: Proof) -> str:
    """How many questions the verdict rests on."""
    same = proof.n - proof.discordant
    said = text("proof.rests_on", n=proof.n, won=proof.won, lost=proof.lost, same=same)
    return f"{said} {text('proof.left_out', n=proof.left_out)}" if proof.left_out else said


def bars_sentence(text: Catalog, bars: Bars) -> str:
    """Whether it knows its lesson, and whether it goes beyond it."""
    knows, reworded, new = bars.knows.share_after, bars.reworded.share_after, bars.new.share_after
    if bars.knows.asked and knows < _KNOWN:
        return text("proof.bars.reading.not_learned")
    if bars.knows.asked and bars.reworded.asked and knows - reworded > _GAP:
        if bars.weak_topics:
            return text("proof.bars.reading.wordings", topics=", ".join(bars.weak_topics[:_TOPICS]))
        return text("proof.bars.reading.wordings_any")
    taught = knows if bars.knows.asked else reworded
    if taught - new > _GAP:
        return text("proof.bars.reading.new_hard")
    return text("proof.bars.reading.all")


def trusted_sentence(text: Catalog, found: TrustedCounts) -> str:
    """The exam as customers get it, in one sentence: right, wrong, handed over."""
    counts = {"right": found.right, "wrong": found.wrong, "handed_over": found.handed_over, "known": found.known}
    careful = 100 * found.careful
    return text("proof.trusted.sentence", careful=text.number(careful, 0 if careful == round(careful) else 1), **counts)


def advice_sentences(text: Catalog, proof: Proof) -> list[str]:
    """What to do next, the most important first; advice of a newer version without a sentence here is left out."""
    known = [advice for advice in proof.advice if f"proof.advice.{advice.code}" in text.entries]
    return [text(f"proof.advice.{advice.code}", **advice.params) for advice in known]


def forgotten_sentence(text: Catalog, found: Forgotten) -> str:
    """What general knowledge was kept and lost."""
    if found.known_before < _KNOWLEDGE and not found.is_warning:
        return text("proof.forgotten.knew_little", asked=found.asked, known=found.known_before)
    parts = [text("proof.forgotten.kept", asked=found.asked, known=found.known_before, kept=found.kept)]
    if found.gained:
        parts.append(text("proof.forgotten.gained", n=found.gained))
    parts.append(text("proof.forgotten.warning" if found.is_warning else "proof.forgotten.fine"))
    return " ".join(parts)


def off_topic_sentence(text: Catalog, found: OffTopic) -> str:
    """What it said to questions that it cannot know."""
    counts = {"answered": found.answered, "handed": found.handed, "refused": found.refused}
    said = text("proof.off_topic.sentence", asked=found.asked, **counts)
    return f"{said} {text('proof.off_topic.before', n=found.answered_before)}"


def privacy_sentence(text: Catalog, found: Privacy) -> str:
    """Whether it gave personal data away."""
    if found.leaks:
        return text("proof.privacy.leaks", n=len(found.leaks))
    return text("proof.privacy.safe", n=found.asked) if found.asked else text("proof.privacy.none")


def vote_sentence(text: Catalog, votes: VoteResult) -> str:
    """How often people preferred the tuned version without knowing which it was; empty without votes."""
    if votes.rate is None:
        return ""
    return text(
        "proof.vote.sentence",
        rate=round(100 * votes.rate.value),
        low=round(100 * votes.rate.low),
        high=round(100 * votes.rate.high),
        n=votes.votes,
        voters=text("proof.vote.voters", n=votes.voters),
    )


def shown_p(text: Catalog, p: float) -> str:
    """A p-value to three places; ``< 0.001`` below."""
    return f"< {text.number(0.001, 3)}" if p < 0.001 else text.number(p, 3)


def file_name(proof: Proof) -> str:
    """The name of a file to take away, without its ending."""
    name = re.sub(r"[^\w\- ]+", " ", proof.run_name or proof.run_id).strip()
    return " ".join(["afina", *name.split()])[:60]
