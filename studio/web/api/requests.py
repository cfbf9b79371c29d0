"""What a program sends to ``/v1/chat/completions``, checked before anything is done with it."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from studio.domain.conversation import Message, Role
from studio.errors import AfinaError

MAX_BODY: Final = 256_000  # bytes
BASE: Final = ":base"
_MAX_MESSAGES: Final = 200
_MAX_TOKENS: Final = 4096

_Stop = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class _TextPart(BaseModel):
    type: Literal["text"]
    text: str


class _Turn(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_TextPart]

    def message(self) -> Message:
        content = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return Message(role=Role.SYSTEM if self.role == "developer" else Role(self.role), content=content)


class _StreamOptions(BaseModel):
    include_usage: bool = False


class Completion(BaseModel):
    """A question with what was said before."""

    model_config = ConfigDict(extra="allow")

    model: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    messages: list[_Turn] = Field(min_length=1, max_length=_MAX_MESSAGES)
    stream: bool = False
    stream_options: _StreamOptions | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    seed: int | None = None
    stop: _Stop | list[_Stop] | None = None
    n: int | None = Field(default=None, ge=1, le=1)

    @property
    def run_id(self) -> str:
        return self.model.removesuffix(BASE)

    @property
    def is_tuned(self) -> bool:
        return not self.model.endswith(BASE)

    @property
    def wants_usage(self) -> bool:
        """Whether the last chunk of a stream is to say how many tokens there were."""
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts at which the answer ends."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    def turns(self) -> list[Message]:
        """The chat, ending with the question.

        Raises:
            AfinaError: ``chat.empty``, ``api.bad_request``.
        """
        messages = [turn.message() for turn in self.messages]
        if messages[-1].role is not Role.USER:
            raise AfinaError("api.bad_request", param="messages", detail="the last message must be the user's")
        if any(message.role is Role.SYSTEM for message in messages[1:]):
            raise AfinaError("api.bad_request", param="messages", detail="a system message must be the first")
        if not messages[-1].content.strip():
            raise AfinaError("chat.empty", param="messages")
        return messages

    def options(self) -> dict[str, Any]:
        """How the answer is chosen: the likeliest word unless a temperature is given, as where answers are compared."""
        return {
            "temperature": self.temperature or 0.0,
            "top_p": self.top_p if self.top_p is not None else 0.95,
            "max_tokens": min(self.max_completion_tokens or self.max_tokens or 256, _MAX_TOKENS),
            "seed": secrets.randbits(31) if self.seed is None else abs(self.seed) % 2**63,
            "stop": self.stops,
        }


# What would change the answer and is not done here; silence would be a wrong answer.
_HARMLESS: Final = {
    "frequency_penalty": (0, None),
    "presence_penalty": (0, None),
    "logit_bias": ({}, None),
    "logprobs": (False, None),
    "top_logprobs": (0, None),
    "response_format": ({"type": "text"}, None),
    "tools": ([], None),
    "functions": ([], None),
    "audio": (None,),
    "modalities": (["text"], None),
}


def parse_completion(content_type: str, body: bytes) -> Completion:
    """Reads the JSON of a request.

    Raises:
        AfinaError: ``api.bad_request`` with the place, ``api.unsupported`` with the parameter.
    """
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise AfinaError("api.bad_request", param=None, detail="Content-Type: application/json")
    try:
        asked = Completion.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AfinaError("api.bad_request", param=place or None, detail=f"{place} {first['msg']}".strip()) from error
    for name, harmless in _HARMLESS.items():
        if name in (asked.model_extra or {}) and (asked.model_extra or {})[name] not in harmless:
            raise AfinaError("api.unsupported", param=name)
    if isinstance(asked.stop, list) and len(asked.stop) > 4:
        raise AfinaError("api.bad_request", param="stop", detail="at most four")
    return asked
