"""Answers in three ways: the owner's own to the letter, written by the tuned model, or handed over to a person."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from studio.data.checks.language_detection import language
from studio.data.jsonl_codec import parsed
from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog
from studio.processes.child import run_child
from studio.services.chat_targets import find_subject
from studio.storage.workspace import RunFolder, Workspace
from studio.trust.decision import DEFAULT_CAREFUL, AnswerKind, RiskCurve, TrustJob, TrustResult

if TYPE_CHECKING:
    from studio.services.chats import ChatService
    from studio.services.encoders import EncoderService

_SAMPLE: Final = 300  # examples by which their language is told


@dataclass(frozen=True)
class TrustedAnswer:
    """An answer and how it came about.

    Args:
        text: what is said; for a question that is handed over, the sentence that says so.
        how: :class:`AnswerKind`; empty where there was no question.
        confidence: that the best known answer is right, 0 to 1; None where it was not asked for.
        source: id of the example that a known answer is from.
    """

    text: str = ""
    how: str = ""
    confidence: float | None = None
    source: str = ""

    @property
    def shown_confidence(self) -> str:
        """Two digits after the point."""
        return "" if self.confidence is None else f"{self.confidence:.2f}"


class TrustedAnswerService:
    """Decides, in a child process, who answers. Safe to use from many threads.

    Args:
        workspace: where runs live.
        chats: lets the tuned model write.
        encoders: read questions where they are installed; letters do otherwise.
    """

    def __init__(self, workspace: Workspace, chats: ChatService, encoders: EncoderService) -> None:
        self._workspace = workspace
        self._chats = chats
        self._encoders = encoders

    def answer_all(
        self,
        run_id: str,
        questions: Sequence[str],
        careful: float = DEFAULT_CAREFUL,
        batch_size: int = 8,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> tuple[list[TrustedAnswer], RiskCurve]:
        """Answers questions, each by itself.

        Args:
            run_id: the run; what it learned from is where the known answers are from.
            questions: the questions.
            careful: share of all questions that may get a wrong known answer, at most.
            batch_size: questions that the model answers at the same time.
            on_progress: called with the number of answers so far and of all questions.

        Returns:
            One answer a question, and what each carefulness means.

        Raises:
            AfinaError: ``general.not_found``, ``chat.not_ready``, ``trust.failed``; those of answering.
        """
        find_subject(self._workspace, run_id, needs_tuned=True)
        folder = self._workspace.run(run_id)
        spoken = self._language(folder)
        result = self._decide(folder, spoken, questions, careful)
        written = [place for place, one in enumerate(result.decisions) if one.kind is AnswerKind.WRITTEN]
        settled = len(questions) - len(written)
        on_progress(settled, len(questions))
        texts = self._chats.answer_all(
            run_id,
            [questions[place] for place in written],
            batch_size=batch_size,
            on_progress=lambda done, _: on_progress(settled + done, len(questions)),
        )
        said = dict(zip(written, texts, strict=True))
        person = catalog(spoken if spoken in LOCALES else "en")("trust.handed_over")
        answers = []
        for place, one in enumerate(result.decisions):
            text = {AnswerKind.KNOWN: one.answer, AnswerKind.HANDED_OVER: person}.get(one.kind, said.get(place, ""))
            answers.append(TrustedAnswer(text, one.kind.value, one.confidence, one.source))
        return answers, result.curve

    def _decide(self, folder: RunFolder, spoken: str, questions: Sequence[str], careful: float) -> TrustResult:
        encoder = self._encoders.for_language(spoken)
        job = TrustJob(
            examples=(folder.train,),
            folder=folder.path / "trust",
            encoder_dir=encoder.folder,
            encoder=encoder.card.id if encoder.folder else "",
            language=spoken,
            questions=tuple(questions),
            careful=careful,
        )
        with tempfile.TemporaryDirectory(prefix="afina-trust-") as name:
            asked, answer = Path(name) / "job.json", Path(name) / "result.json"
            asked.write_text(job.model_dump_json(), encoding="utf-8")
            code = run_child("studio.trust.worker", [asked, answer])
            if code:
                raise AfinaError("trust.failed", detail=f"exit {code}")
            return TrustResult.model_validate_json(answer.read_bytes())

    def _language(self, folder: RunFolder) -> str:
        """The language of most examples that a run learned from; English where none can be told."""
        with folder.train.open("rb") as lines:
            heads = [parsed(line) for line, _ in zip(lines, range(_SAMPLE), strict=False)]
        counts = Counter(code for each in heads if (code := language(f"{each.question} {each.answer}")))
        return counts.most_common(1)[0][0] if counts else "en"
