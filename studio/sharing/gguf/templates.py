"""Chat templates for programs that read GGUF files: with the system prompt inside, and in the language of Ollama."""

from __future__ import annotations

from dataclasses import replace

from studio.domain.conversation import Message, Role
from studio.models.chat_template import ChatTemplate

_SYSTEM, _USER, _ANSWER, _FOLLOW_UP = (f"\u241e{part}\u241e" for part in ("system", "user", "answer", "follow-up"))


def with_system_prompt(source: str, system_prompt: str | None) -> str:
    """A Jinja template that opens a chat without a system turn with the prompt that the model was tuned with.

    Args:
        source: Jinja text.
        system_prompt: or None, which changes nothing.
    """
    if not system_prompt:
        return source
    text = system_prompt.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    turn = f'{{"role": "system", "content": "{text}"}}'
    return (
        "{% if not messages or messages[0]['role'] != 'system' %}"
        f"{{% set messages = [{turn}] + messages %}}{{% endif %}}{source}"
    )


def ollama_template(template: ChatTemplate) -> str | None:
    """The same turns as a template of Ollama, which runs it once for each question with its answer.

    The begin-of-text token is left out, since llama.cpp adds it.

    Returns:
        None where turns depend on more than their role; Ollama then takes the Jinja template of the GGUF file.
    """
    bare = replace(template, bos="")
    user, answer, follow_up = (
        Message(role=Role.USER, content=_USER),
        Message(role=Role.ASSISTANT, content=_ANSWER),
        Message(role=Role.USER, content=_FOLLOW_UP),
    )
    chat = [Message(role=Role.SYSTEM, content=_SYSTEM), user, answer, follow_up]
    before_user, _, after_user = bare.prompt([user]).partition(_USER)
    before_system, _, after_system = bare.prompt(chat[:2]).partition(_USER)[0].partition(_SYSTEM)
    after_answer = _between(bare.prompt(chat[1:]), _ANSWER, _FOLLOW_UP).removesuffix(before_user)
    first = before_system + _SYSTEM + after_system + _USER + after_user + _ANSWER + after_answer
    pieces = (before_user, after_user, before_system, after_system, after_answer)
    if bare.prompt(chat) != first + before_user + _FOLLOW_UP + after_user or any(
        mark in piece for piece in pieces for mark in ("{{", '"""')
    ):
        return None
    return (
        f"{{{{ if .System }}}}{before_system}{{{{ .System }}}}{after_system}{{{{ else }}}}{before_user}{{{{ end }}}}"
        f"{{{{ .Prompt }}}}{after_user}{{{{ .Response }}}}{after_answer}"
    )


def _between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]
