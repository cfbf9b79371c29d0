"""Jinja as chat templates use it, in a sandbox. Bounds nothing: strangers' templates run in a process of their own."""

from __future__ import annotations

import json
from datetime import datetime

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

Turns = list[dict[str, str]]


class TemplateRenderer:
    """One compiled chat template.

    Args:
        bos: string of the begin-of-text token, or empty.
        eos: string of the end-of-text token, or empty.

    Raises:
        TemplateError: when ``source`` is not valid Jinja.
    """

    def __init__(self, source: str, bos: str, eos: str) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationBlock, loopcontrols]
        )
        environment.filters["tojson"] = lambda value, indent=None, **_: json.dumps(
            value, ensure_ascii=False, indent=indent
        )
        environment.globals["raise_exception"] = _raise
        environment.globals["strftime_now"] = lambda pattern: datetime.now().strftime(pattern)
        self._template = environment.from_string(source)
        self._bos, self._eos = bos, eos

    def render(self, turns: Turns, add_generation_prompt: bool) -> str:
        """The text of turns; a system turn is put into the first question where the template refuses it.

        Args:
            turns: each with its ``role`` and ``content``.
            add_generation_prompt: whether the text ends where the assistant begins to speak.

        Raises:
            Exception: whatever the template raises.
        """
        try:
            return self._render(turns, add_generation_prompt)
        except TemplateError:
            if not turns or turns[0]["role"] != "system":
                raise
        return self._render(_folded(turns), add_generation_prompt)

    def _render(self, turns: Turns, add_generation_prompt: bool) -> str:
        return self._template.render(
            messages=turns,
            add_generation_prompt=add_generation_prompt,
            bos_token=self._bos,
            eos_token=self._eos,
            tools=None,
            enable_thinking=False,
        )


class _GenerationBlock(Extension):
    """``{% generation %}`` marks an answer in some templates; here it only lets its body through."""

    tags = {"generation"}  # noqa: RUF012 - the base class declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _folded(turns: Turns) -> Turns:
    """The system turn put into the first user turn, for templates that know no system role."""
    system, rest = turns[0], [dict(turn) for turn in turns[1:]]
    if rest:
        rest[0]["content"] = f"{system['content']}\n\n{rest[0]['content']}"
    return rest


def _raise(message: str) -> None:
    raise TemplateError(message)
