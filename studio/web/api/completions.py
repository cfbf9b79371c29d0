"""An answer as a client of OpenAI reads it: whole, or as server-sent events."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from studio.domain.conversation import Message
from studio.errors import AfinaError, from_exception
from studio.i18n.catalog import Catalog
from studio.trust.decision import AnswerKind, Decision
from studio.web.answer_updates import Permission, follow
from studio.web.api.errors import as_api_error, error_body
from studio.web.api.requests import Completion

if TYPE_CHECKING:
    from studio.services.chats import ChatService
    from studio.services.trusted_answers import TrustedAnswerService

_END: Final = "data: [DONE]\n\n"
_LOG: Final = logging.getLogger(__name__)


@dataclass
class Answer:
    """One answer on its way.

    Args:
        chats: stops it.
        trust: gives it: the owner's own, the model's, or the sentence that hands over to a person.
        asked: the request.
        turns: the chat, ending with the question.
        client: who asks, so that everybody gets a turn.
        permission: whether it may go on.
    """

    chats: ChatService
    trust: TrustedAnswerService
    asked: Completion
    turns: list[Message]
    client: str
    permission: Permission
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))
    decision: Decision | None = None

    async def whole(self) -> dict[str, Any]:
        """The object ``chat.completion``.

        Raises:
            AfinaError: see :mod:`studio.web.api.errors`.
        """
        text, reason, usage = "", "stop", _usage(0, 0)
        async with aclosing(self._pieces()) as pieces:
            async for piece, reason, usage in pieces:  # noqa: B007 - the last of them are kept
                text += piece
        message = {"role": "assistant", "content": text.rstrip(), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        return self._object("chat.completion", [choice]) | {"usage": usage, "afina": self._way()}

    async def events(self, text: Catalog) -> AsyncIterator[str]:
        """The objects ``chat.completion.chunk`` as server-sent events; an error is the last of them."""
        try:
            yield self._event({"role": "assistant", "content": ""})
            reason, usage = "stop", _usage(0, 0)
            async with aclosing(self._pieces()) as pieces:
                async for piece, reason, usage in pieces:  # noqa: B007 - the last of them are kept
                    if piece:
                        yield self._event({"content": piece})
            yield self._event({}, reason)
            if self.asked.wants_usage:
                yield _data(self._object("chat.completion.chunk", []) | {"usage": usage})
            yield _END
        except Exception as error:
            known = as_api_error(from_exception(error))
            if known.code == "api.failed":
                _LOG.exception("A question of the API failed")
            yield _data(error_body(known, text))

    async def _pieces(self) -> AsyncGenerator[tuple[str, str, dict[str, int]], None]:
        """What is new of the answer, how it ended, and how many tokens there were."""
        side = "tuned" if self.asked.is_tuned else "base"
        said = ""
        talk = secrets.token_hex(8)
        ask = partial(
            self.trust.stream,
            self.asked.run_id,
            self.turns,
            sides=(side,),
            client=self.client,
            talk=talk,
            **self.asked.options(),
        )
        await self.permission.check(now=True)
        async with aclosing(follow(self.chats, ask, talk, self.permission)) as updates:
            async for update in updates:
                if update.problem is not None:
                    raise AfinaError(update.problem.code, **update.problem.params)
                self.decision = update.decisions.get(side)
                whole = self._until_stop(update.texts[side].lstrip())
                reason = "length" if side in update.cut else "stop"
                usage = _usage(update.prompt_tokens.get(side, 0), update.tokens.get(side, 0))
                yield whole[len(said) :], reason, usage
                said = whole
                if update.done:
                    return

    def _until_stop(self, text: str) -> str:
        """A known answer cut at a stop sequence of the caller; for models, generation stops there by itself."""
        if self.decision is None or self.decision.kind is AnswerKind.WRITTEN:
            return text
        ends = [text.find(stop) for stop in self.asked.stops]
        return text[: min((end for end in ends if end >= 0), default=len(text))]

    def _way(self) -> dict[str, Any]:
        """How the answer came about."""
        if self.decision is None:
            return {"answered": AnswerKind.WRITTEN.value, "source": None, "confidence": None}
        way = {"answered": self.decision.kind.value, "source": self.decision.source or None}
        if self.decision.problem is not None:  # nobody could decide
            return way | {"confidence": None, "problem": self.decision.problem.code}
        return way | {"confidence": round(self.decision.confidence, 4)}

    def _event(self, delta: dict[str, Any], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        chunk = self._object("chat.completion.chunk", [choice])
        if reason is not None:
            chunk["afina"] = self._way()
        return _data(chunk | ({"usage": None} if self.asked.wants_usage else {}))

    def _object(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        about = {"id": self.id, "object": kind, "created": self.created, "model": self.asked.model}
        return about | {"choices": choices, "system_fingerprint": None}


def _usage(prompt: int, completion: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _data(values: dict[str, Any]) -> str:
    return f"data: {json.dumps(values, ensure_ascii=False)}\n\n"
