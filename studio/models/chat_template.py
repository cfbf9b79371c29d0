"""Chat templates: from turns to the one text a model sees, and which part of it is learned.

The preview of an example and the training batches both call :meth:`ChatTemplate.segments`; training and answering
both begin with :meth:`ChatTemplate.prompt`. Templates are Jinja from strangers, so they run in a sandbox.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from studio.domain.conversation import Conversation, Message, Role
from studio.domain.dataset import Segment
from studio.errors import AfinaError
from studio.models.json_file import read_object

# The tokens with which known model families close a turn; a tokenizer has one or two of them.
END_OF_TURN: Final = (
    "<|im_end|>",
    "<end_of_turn>",
    "<turn|>",
    "<|eot_id|>",
    "<|eot|>",
    "<|end|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|return|>",
    "</s>",
    "<eos>",
)

# ChatML as SmolLM2 and Qwen learned it, without the default system turn in which the model says its maker's name.
CHATML: Final = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

# The turns of https://ai.google.dev/gemma/docs/core/prompt-structure: no system role, so it opens the first user turn.
GEMMA: Final = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}"
    "{% set opening = messages[0]['content'] | trim + '\\n\\n' %}{% set turns = messages[1:] %}"
    "{% else %}{% set opening = '' %}{% set turns = messages %}{% endif %}"
    "{% for message in turns %}"
    "{% set role = 'model' if message['role'] == 'assistant' else 'user' %}"
    "{{ '<start_of_turn>' + role + '\\n' + (opening if loop.first else '') + message['content'] | trim }}"
    "{{ '<end_of_turn>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)

# For models that come without a template of their own.
PLAIN: Final = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] | trim + '\\n\\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] | trim + eos_token + '\\n' }}"
    "{% else %}{{ 'User: ' + message['content'] | trim + '\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)

_MARK: Final = "\u241eanswer\u241e"
_STRUCTURE: Final = re.compile(r"<\|[^|<>\s]{1,60}\|>|</?[a-z][a-z_]{0,40}>")


@dataclass(frozen=True)
class ChatTemplate:
    """The chat template of one base model.

    Args:
        source: Jinja text.
        bos: string of the begin-of-text token, or empty.
        eos: string of the end-of-text token, or empty.
        special: strings that mean structure to the model; broken up where a person's text contains them.
    """

    source: str
    bos: str = ""
    eos: str = ""
    special: tuple[str, ...] = ()

    @classmethod
    def load(cls, model_dir: Path) -> ChatTemplate:
        """Reads ``chat_template.jinja`` and ``tokenizer_config.json``; a model without a template gets a plain one.

        Raises:
            AfinaError: ``model.chat_template`` when the template is not valid Jinja.
        """
        config = read_object(model_dir / "tokenizer_config.json")
        path = model_dir / "chat_template.jinja"
        source = path.read_text(encoding="utf-8") if path.is_file() else embedded_template(config) or PLAIN
        special = _declared(config) | set(_STRUCTURE.findall(source))
        template = cls(source, _token(config, "bos_token"), _token(config, "eos_token"), tuple(sorted(special)))
        _ = template._compiled  # a broken template is told now, not at the first example
        return template

    def render(self, messages: Sequence[Message], add_generation_prompt: bool) -> str:
        """The text of ``messages``; with ``add_generation_prompt`` it ends where the assistant begins to speak.

        Raises:
            AfinaError: ``model.chat_template`` when the template refuses these turns.
        """
        render = self._compiled
        turns = [{"role": str(m.role), "content": self._harmless(m.content)} for m in messages]
        try:
            return render(turns, add_generation_prompt)
        except TemplateError as error:
            if not turns or turns[0]["role"] != Role.SYSTEM:
                raise _refused(error) from error
        try:
            return render(_folded(turns), add_generation_prompt)
        except TemplateError as error:
            raise _refused(error) from error

    def prompt(self, messages: Sequence[Message]) -> str:
        """What the model is given before it answers."""
        return self.render(messages, add_generation_prompt=True)

    def segments(self, conversation: Conversation) -> tuple[Segment, ...]:
        """The text of an example, cut where learning begins and ends.

        Learned is what an assistant turn with ``learn`` says, with the token that ends the turn: exactly what the
        model has to produce after :meth:`prompt`. What follows the last learned part is left out; nothing sees it.
        """
        messages = conversation.messages
        whole = self.render(messages, add_generation_prompt=False)
        found: list[Segment] = []
        position = 0
        for index, message in enumerate(messages):
            if message.role is not Role.ASSISTANT or not message.learn:
                continue
            start, end, ending = self._span(whole, messages, index)
            found.append(Segment(text=whole[position:start], learned=False))
            found.append(Segment(text=whole[start:end] + ending, learned=True))
            position = end
        return tuple(s for s in found if s.text) if found else (Segment(text=whole, learned=False),)

    def _span(self, whole: str, messages: Sequence[Message], index: int) -> tuple[int, int, str]:
        """Where turn ``index`` is learned in ``whole``: start, end, and an end token to add if there is none."""
        content = self._harmless(messages[index].content)
        marked = list(messages)
        marked[index] = messages[index].model_copy(update={"content": _MARK})
        before = self.render(marked, add_generation_prompt=False).partition(_MARK)[0]
        text = next((t for t in (content, content.strip()) if whole.startswith(before + t)), None)
        if text is None:
            raise AfinaError("model.chat_template", detail="an answer could not be found in the text")
        prompt = self.render(messages[:index], add_generation_prompt=True) if index else ""
        start = len(prompt) if index and before.startswith(prompt) else len(before)
        end = len(before) + len(text)
        rest = whole[end:]
        blank = len(rest) - len(rest.lstrip())
        closing = next((t for t in (*END_OF_TURN, self.eos) if t and rest.startswith(t, blank)), None)
        if closing is None:
            return start, end, self.eos
        return start, end + blank + len(closing), ""

    def _harmless(self, text: str) -> str:
        """``text`` in which nothing is a special token: a visitor must not be able to end her own turn."""
        for token in self.special:
            if token in text:
                text = text.replace(token, f"{token[0]} {token[1:]}")
        return text

    @cached_property
    def _compiled(self) -> Callable[[list[dict[str, str]], bool], str]:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationBlock, loopcontrols]
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _raise
        environment.globals["strftime_now"] = _now
        try:
            template = environment.from_string(self.source)
        except TemplateError as error:
            raise _refused(error) from error

        def render(turns: list[dict[str, str]], add_generation_prompt: bool) -> str:
            return template.render(
                messages=turns,
                add_generation_prompt=add_generation_prompt,
                bos_token=self.bos,
                eos_token=self.eos,
                tools=None,
                enable_thinking=False,
            )

        return render


class _GenerationBlock(Extension):
    """``{% generation %}`` marks an answer in some templates; here it only lets its body through."""

    tags = {"generation"}  # noqa: RUF012 - the base class declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def embedded_template(config: dict[str, Any]) -> str | None:
    """The chat template inside a ``tokenizer_config.json``, if there is one."""
    found = config.get("chat_template")
    if isinstance(found, list):
        named = {entry.get("name"): entry.get("template") for entry in found if isinstance(entry, dict)}
        found = named.get("default")
    return found if isinstance(found, str) and found else None


def _token(config: dict[str, Any], name: str) -> str:
    value = config.get(name)
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else ""


def _declared(config: dict[str, Any]) -> set[str]:
    names = ("bos_token", "eos_token", "pad_token", "unk_token", "mask_token")
    found = {_token(config, name) for name in names}
    extra = config.get("additional_special_tokens") or config.get("extra_special_tokens") or []
    entries = list(extra.values()) if isinstance(extra, dict) else list(extra)
    entries += [e for e in (config.get("added_tokens_decoder") or {}).values() if e.get("special")]
    found |= {_token({"token": entry}, "token") for entry in entries}
    return {token for token in found if len(token) > 1}


def _folded(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """The system turn put into the first user turn, for templates that know no system role."""
    system, rest = turns[0], [dict(turn) for turn in turns[1:]]
    if rest:
        rest[0]["content"] = f"{system['content']}\n\n{rest[0]['content']}"
    return rest


def _refused(error: Exception) -> AfinaError:
    return AfinaError("model.chat_template", detail=str(error)[:200])


def _raise(message: str) -> None:
    raise TemplateError(message)


def _now(pattern: str) -> str:
    return datetime.now().strftime(pattern)


def _to_json(value: Any, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=options.get("indent"))
