"""The warm worker that decides about questions: ``python -m studio.trust.decision_worker --models DIR --home HOME``.

Reads requests from stdin and writes replies to stdout (:mod:`studio.trust.protocol`). It keeps the encoders and the
selectors that it used last, and ends when stdin does or when nobody has asked for a while.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import threading
import traceback
from collections import OrderedDict
from pathlib import Path
from typing import IO, Final

from studio.domain.problem import Problem
from studio.encoders.encoder import Encoder
from studio.encoders.question_encoder import load_question_encoder
from studio.encoders.tuning import EncoderPair, load_tuned
from studio.errors import from_exception
from studio.storage.compute_lock import ComputeLock
from studio.trust.decision import Decision
from studio.trust.protocol import DecisionReply, DecisionRequest
from studio.trust.selector import AnswerSelector, Floats
from studio.trust.selector_files import load_selector
from studio.trust.summary import selector_stamp

_READ: Final = 4_000  # characters of a question; reading a pasted book takes seconds in which nobody else is answered
_MOST_SELECTORS: Final = 8  # that are kept in memory


def main(arguments: list[str]) -> int:
    """Entry point. Returns 0 after the idle time."""
    parser = argparse.ArgumentParser(prog="studio.trust.decision_worker")
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--idle-minutes", type=float, default=10.0)
    given = parser.parse_args(arguments)
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)  # what libraries print goes to stderr
    inbox: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(inbox,), daemon=True).start()
    _serve(Decider(given.models), ComputeLock(given.home), inbox, replies, 60 * given.idle_minutes)
    return 0


class Decider:
    """Decides with the selectors stored in the folders of runs.

    Args:
        models: folder of the installed encoders.
    """

    def __init__(self, models: Path) -> None:
        self._models = models
        self._encoders: dict[str, Encoder] = {}
        self._selectors: OrderedDict[Path, tuple[int, Encoder | EncoderPair | None, AnswerSelector]] = OrderedDict()

    def decide(self, request: DecisionRequest) -> DecisionReply:
        """The reply to a request."""
        found = self._selector(request.folder)
        if found is None:
            return DecisionReply(is_fitted=False)
        encoder, selector = found
        if not request.question.strip():
            known = selector.index.known.questions[0]
            selector.decide((known,), _vectors(encoder, (known,)), request.careful)  # reads what the first needs
            return DecisionReply()
        return DecisionReply(decision=self._decide(encoder, selector, request))

    def _decide(
        self, encoder: Encoder | EncoderPair | None, selector: AnswerSelector, request: DecisionRequest
    ) -> Decision:
        question = request.question[:_READ]
        if not request.before.strip():
            texts = (question,)
            return selector.decide(texts, _vectors(encoder, texts), request.careful)[0]
        together = (question, f"{request.before[:_READ]}\n{question}")
        vectors = _vectors(encoder, together)
        return selector.decide_in_context(together, vectors, request.careful, request.given)

    def _selector(self, folder: Path) -> tuple[Encoder | EncoderPair | None, AnswerSelector] | None:
        """The selector of a folder with its encoder, read again where it was fitted anew."""
        stamp = selector_stamp(folder)
        kept = self._selectors.get(folder)
        if kept is None or kept[0] != stamp:
            loaded = load_selector(folder) if stamp else None
            if loaded is None or not self._has(loaded[0].encoder):
                return None
            kept = self._selectors[folder] = (stamp, self._encoder(loaded[0].encoder, folder), loaded[1])
        self._selectors.move_to_end(folder)
        while len(self._selectors) > _MOST_SELECTORS:
            self._selectors.popitem(last=False)
        return kept[1], kept[2]

    def _has(self, encoder: str) -> bool:
        return not encoder or (self._models / encoder / "model.safetensors").is_file()

    def _encoder(self, encoder: str, folder: Path) -> Encoder | EncoderPair | None:
        """The encoder of that name, with the layers that were tuned for a folder; None without a name."""
        if not encoder:
            return None
        if encoder not in self._encoders:
            self._encoders[encoder] = load_question_encoder(self._models / encoder)
        return load_tuned(self._encoders[encoder], folder)


def _vectors(encoder: Encoder | EncoderPair | None, texts: tuple[str, ...]) -> Floats:
    import numpy as np

    return encoder.encode(texts) if encoder else np.zeros((len(texts), 0), np.float32)


def _serve(decider: Decider, lock: ComputeLock, inbox: queue.SimpleQueue[str], replies: IO[str], idle: float) -> None:
    while True:
        try:
            line = inbox.get(timeout=idle)
        except queue.Empty:
            return
        lock.hold()  # a run that trains waits for it between two steps
        try:
            reply = decider.decide(DecisionRequest.model_validate_json(line))
        except Exception as error:  # whoever asks must be told
            traceback.print_exc()
            reply = DecisionReply(is_fitted=False, problem=Problem.of(from_exception(error)))
        finally:
            lock.release()
        replies.write(reply.model_dump_json() + "\n")
        replies.flush()


def _listen(inbox: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        inbox.put(line)
    os._exit(0)  # the studio is gone


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
