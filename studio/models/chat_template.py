"""Chat templates: from turns to the one text a model sees, and which part of it is learned.

The preview of an example and the training batches both call :meth:`ChatTemplate.segments`; training and answering
both begin with :meth:`ChatTemplate.prompt`. Templates are Jinja from strangers: those that are not our own are rendered
by a child process with bounds of time and memory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from studio.domain.conversation import Conversation, Message, Role
from studio.domain.dataset import Segment
from studio.errors import AfinaError
from studio.models.json_file import read_object, read_text
from studio.models.special_tokens import special_tokens
from studio.models.template_process import Job, template_process
from studio.models.template_renderer import TemplateRenderer

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


def _question_and_answer(question: str, answer: str) -> str:
    return (
        (
            "{{ bos_token }}{% for message in messages %}"
            "{% if message['role'] == 'system' %}{{ message['content'] | trim + '\\n\\n' }}"
            "{% elif message['role'] == 'assistant' %}{{ 'ANSWER: ' + message['content'] | trim + '\\n\\n' }}"
            "{% else %}{{ 'QUESTION: ' + message['content'] | trim + '\\n' }}{% endif %}"
            "{% endfor %}"
            "{% if add_generation_prompt %}{{ 'ANSWER:' }}{% endif %}"
        )
        .replace("QUESTION", question)
        .replace("ANSWER", answer)
    )


# How a base that was never taught to chat is asked: as a text that an answer continues. By language of the question.
QUESTION_AND_ANSWER: Final = {
    "en": _question_and_answer("Question", "Answer"),
    "pt": _question_and_answer("Pergunta", "Resposta"),
    "es": _question_and_answer("Pregunta", "Respuesta"),
    "fr": _question_and_answer("Question", "Réponse"),
    "de": _question_and_answer("Frage", "Antwort"),
    "it": _question_and_answer("Domanda", "Risposta"),
}

# What is given to models that have no chat template of their own: their tuned children learn it, they do not know it.
_GIVEN: Final = frozenset((GEMMA, PLAIN))
_OURS: Final = frozenset(
    (CHATML, GEMMA, PLAIN, *QUESTION_AND_ANSWER.values())
)  # known to end, so rendered in this process
_LARGEST: Final = 1_000_000  # bytes of a template

_MARK: Final = "\u241eanswer\u241e"
_STRUCTURE: Final = re.compile(r"<\|[^|<>\s]{1,60}\|>|</?[a-z][a-z_]{0,40}>")


@dataclass(frozen=True)
class ChatTemplate:
    """The chat template of one base model.

    Args:
        bos: string of the begin-of-text token, or empty.
        eos: string of the end-of-text token, or empty.
        special: strings that mean structure to the model; broken up where a person's text contains them.
    """

    source: str
    bos: str = ""
    eos: str = ""
    special: tuple[str, ...] = ()
    name: str = ""

    @classmethod
    def load(cls, model_dir: Path) -> ChatTemplate:
        """Reads the template and the special tokens of a model; a model without a template gets a plain one.

        Raises:
            AfinaError: ``model.chat_template`` when the template is not valid Jinja, ``model.template_limits`` when it
                takes too long or too much memory, ``model.odd_file``.
        """
        config = read_object(model_dir / "tokenizer_config.json")
        source = _source(model_dir, config)
        special = _declared(config) | special_tokens(model_dir) | set(_STRUCTURE.findall(source))
        name = str(read_object(model_dir / "afina.json").get("name") or model_dir.name)
        template = cls(source, _token(config, "bos_token"), _token(config, "eos_token"), tuple(sorted(special)), name)
        template._render([])  # a broken template is told now, not at the first example
        return template

    def render(self, messages: Sequence[Message], add_generation_prompt: bool) -> str:
        """The text of ``messages``; with ``add_generation_prompt`` it ends where the assistant begins to speak.

        Raises:
            AfinaError: ``model.chat_template`` when the template refuses these turns, ``model.template_limits``.
        """
        return self._render([self._job(messages, add_generation_prompt)])[0]

    def prompt(self, messages: Sequence[Message]) -> str:
        """What the model is given before it answers."""
        return self.render(messages, add_generation_prompt=True)

    def as_plain_text(self, language: str) -> ChatTemplate:
        """The one with which a base is asked that was never taught to chat; its answer is a line.

        Args:
            language: of the question, ISO 639-1; English where there is no template in it.
        """
        return replace(self, source=QUESTION_AND_ANSWER.get(language, QUESTION_AND_ANSWER["en"]))

    def segments(self, conversation: Conversation) -> tuple[Segment, ...]:
        """The text of an example, cut where learning begins and ends.

        Learned is what an assistant turn with ``learn`` says, with the token that ends the turn: exactly what the
        model has to produce after :meth:`prompt`. What follows the last learned part is left out; nothing sees it.
        """
        messages = conversation.messages
        learned = [i for i, message in enumerate(messages) if message.role is Role.ASSISTANT and message.learn]
        jobs = [self._job(messages, add_generation_prompt=False)]
        for index in learned:
            marked = [*messages[:index], messages[index].model_copy(update={"content": _MARK}), *messages[index + 1 :]]
            jobs += [self._job(marked, False), self._job(messages[:index] or marked, True)]
        whole, *parts = self._render(jobs)
        found: list[Segment] = []
        position = 0
        for place, index in enumerate(learned):
            before, prompt = parts[2 * place].partition(_MARK)[0], parts[2 * place + 1]
            start, end, ending = self._span(whole, messages[index].content, before, prompt if index else "")
            found.append(Segment(text=whole[position:start], learned=False))
            found.append(Segment(text=whole[start:end] + ending, learned=True))
            position = end
        return tuple(s for s in found if s.text) if found else (Segment(text=whole, learned=False),)

    def _span(self, whole: str, answer: str, before: str, prompt: str) -> tuple[int, int, str]:
        """Where an answer is learned in ``whole``: start, end, and an end token to add if there is none.

        Args:
            before: what stands before it in ``whole``.
            prompt: what the model is given before it answers; empty for a conversation that begins with it.
        """
        content = self._harmless(answer)
        text = next((t for t in (content, content.strip()) if whole.startswith(before + t)), None)
        if text is None:
            raise AfinaError("model.chat_template", name=self.name, detail="an answer could not be found in the text")
        start = len(prompt) if prompt and before.startswith(prompt) else len(before)
        end = len(before) + len(text)
        rest = whole[end:]
        blank = len(rest) - len(rest.lstrip())
        closing = next((t for t in (*END_OF_TURN, self.eos) if t and rest.startswith(t, blank)), None)
        if closing is None:
            return start, end, self.eos
        return start, end + blank + len(closing), ""

    def _harmless(self, text: str) -> str:
        """``text`` in which nothing is a special token: a visitor must not be able to end her own turn."""
        tokens = self._tokens if not self._firsts.isdisjoint(text) else ()
        while found := [token for token in tokens if token in text]:  # what is broken up may make another
            for token in found:
                cut = len(token) - len(token.lstrip()) + 1  # behind a letter: a blank more would leave " <x>" as it is
                text = text.replace(token, f"{token[:cut]} {token[cut:]}")
        return text

    @cached_property
    def _tokens(self) -> tuple[str, ...]:
        return tuple(token for token in dict.fromkeys(self.special) if len(token.strip()) > 1)

    @cached_property
    def _firsts(self) -> frozenset[str]:
        """First letters of the special tokens: a model may have six thousand, and most texts have none of the letters."""
        return frozenset(token[0] for token in self._tokens)

    def _job(self, messages: Sequence[Message], add_generation_prompt: bool) -> Job:
        return [{"role": str(m.role), "content": self._harmless(m.content)} for m in messages], add_generation_prompt

    def _render(self, jobs: list[Job]) -> list[str]:
        try:
            if self._own is not None:
                return [self._own.render(turns, add) for turns, add in jobs]
            return template_process(os.getpid()).render(self.source, self.bos, self.eos, jobs)
        except AfinaError as error:
            raise AfinaError(error.code, name=self.name, **error.params) from error

    @cached_property
    def _own(self) -> TemplateRenderer | None:
        return TemplateRenderer(self.source, self.bos, self.eos) if self.source in _OURS else None


def is_chat_model(model_dir: Path) -> bool:
    """Whether a base was taught to chat: it has a chat template that was not given to it by Afina."""
    return _source(model_dir, read_object(model_dir / "tokenizer_config.json")) not in _GIVEN


def _source(model_dir: Path, config: dict[str, Any]) -> str:
    return read_text(model_dir / "chat_template.jinja", _LARGEST) or embedded_template(config) or PLAIN


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
