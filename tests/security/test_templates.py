"""Chat templates of strangers: none takes more time or memory than it may, and what is a token stays the studio's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from studio.domain.conversation import Conversation, Message, Role
from studio.errors import AfinaError
from studio.i18n import catalog
from studio.models.chat_template import ChatTemplate
from studio.models.template_process import TemplateProcess
from studio.models.tokenizer import Tokenizer
from tests.conftest import MODELS

QUESTION = (Message(role=Role.USER, content="a"),)
DOUBLE = "{% set n = namespace(a='A') %}{% for i in range(90) %}{% set n.a = n.a %s n.a %}{% endfor %}{{ n.a|length }}"

HUNGRY = {
    "a repeated text": "{{ ('A' * 2500000000)|length }}",
    "a repeated list": "{{ ([0] * 900000000)|length }}",
    "a text that doubles": DOUBLE.replace("%s", "+"),
    "a text joined to itself": DOUBLE.replace("%s", "~"),
    "a wide format": "{{ ('%999999999d' % 1)|length }}",
    "a wide format by its method": "{{ '{:999999999}'.format(1)|length }}",
    "a wide column": "{{ ('a'|center(2900000000))|length }}",
    "a padded text": "{{ 'a'.ljust(2900000000)|length }}",
    "much replaced": "{{ ('a' * 90000).replace('', 'b' * 90000)|length }}",
    "many blanks": "{{ ('a\n' * 90000)|indent(90000)|length }}",
    "tabs": "{{ '\t'.expandtabs(2900000000)|length }}",
}
ENDLESS = {
    "a power": "{{ 7 ** 900000000 }}",
    "a power known when it is compiled": "{% set x = 7 ** 900000000 %}",
    "a tower of powers": "{{ 9 ** (9 ** 9) }}",
    "loops in loops": "{% for a in range(99999) %}" * 4 + "{% endfor %}" * 4,
    "loops over a product": "{% for a in range(99999) %}{% set b = range(99999)|list|sum %}{% endfor %}",
    "a macro that calls itself twice": "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "words without end": "{{ lipsum(n=99999999) }}",
    "long numbers as text": "{% for a in range(99999) %}{% set b = (10 ** 99999) // 7 %}{% endfor %}",
}


@pytest.fixture(scope="module")
def process() -> Iterator[TemplateProcess]:
    """As the studio's, with less patience."""
    started = TemplateProcess(seconds=0.4)
    yield started
    started.close()


@pytest.mark.parametrize("source", [*HUNGRY.values(), *ENDLESS.values()], ids=[*HUNGRY, *ENDLESS])
def test_a_template_takes_no_more_than_it_may_and_the_next_is_rendered(process: TemplateProcess, source: str) -> None:
    with pytest.raises(AfinaError) as caught:
        process.render(source, "", "", [([{"role": "user", "content": "a"}], True)])
    assert caught.value.code in ("model.template_limits", "model.chat_template")
    assert process.render("[{{ bos_token }}]", "b", "", [([], True)]) == ["[b]"]


def test_the_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text(HUNGRY["a repeated text"])
    with pytest.raises(AfinaError) as caught:
        ChatTemplate.load(tmp_path).prompt(QUESTION)
    assert (caught.value.code, caught.value.params["name"]) == ("model.template_limits", tmp_path.name)
    for text in (catalog("en").error(caught.value), catalog("pt").error(caught.value)):
        assert tmp_path.name in text


def test_a_child_at_rest_that_somebody_killed_is_started_again() -> None:
    process = TemplateProcess()
    try:
        assert process.render("{{ 1 }}", "", "", [([], True)]) == ["1"]
        assert process._child is not None
        process._child.kill()
        process._child.wait()
        assert process.render("{{ 2 }}", "", "", [([], True)]) == ["2"]
    finally:
        process.close()


def test_a_child_that_computes_ends_though_its_parent_was_killed() -> None:
    code = (
        "from studio.models.template_process import TemplateProcess as P\n"
        "p = P(1.0); p.render('{{ 1 }}', '', '', [([], True)]); print(p._child.pid, flush=True)\n"
        "p.render('{{ 7 ** 900000000 }}', '', '', [([], True)])"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        before = sum(child.cpu_times()[:2])
        while sum(child.cpu_times()[:2]) <= before:  # it computes
            time.sleep(0.02)
        parent.kill()
    psutil.wait_procs([child], timeout=60)
    assert not child.is_running()


def test_a_long_talk_is_rendered_in_parts() -> None:
    turns = [Message(role=role, content="x" * 150_000) for _ in range(8) for role in (Role.USER, Role.ASSISTANT)]
    source = "{% for m in messages %}[{{ m.content }}]{% endfor %}"
    segments = ChatTemplate(source, eos="</s>").segments(Conversation(messages=tuple(turns)))
    assert sum(s.learned for s in segments) == 8


@pytest.mark.model
@pytest.mark.parametrize("fixture", ["base_model", "gemma_model"])
def test_no_special_token_passes_through_what_a_person_says(request: pytest.FixtureRequest, fixture: str) -> None:
    folder = MODELS / request.getfixturevalue(fixture)
    template, tokenizer = ChatTemplate.load(folder), Tokenizer.load(folder)
    added = {token.content: i for i, token in tokenizer.inner.get_added_tokens_decoder().items() if token.special}
    assert len(added) > 16
    special = set(added.values())
    empty = Conversation.pair("x", "x", system="x")
    expected = [i for i in _ids(template, tokenizer, empty) if i in special]
    tokens = list(added)
    for first in range(0, len(tokens), 100):
        said = "".join(f"x{token}x{token}{token[:1]}{token} {token}" for token in tokens[first : first + 100])
        for attack in (
            Conversation.pair(said, "x", system="x"),
            Conversation.pair("x", said, system="x"),
            Conversation.pair("x", "x", system=said),
        ):
            assert [i for i in _ids(template, tokenizer, attack) if i in special] == expected
            asked = tokenizer.encode(template.prompt(attack.prompt))
            assert [i for i in asked if i in special] == expected[:-1]  # all but the end of the answer


def _ids(template: ChatTemplate, tokenizer: Tokenizer, conversation: Conversation) -> list[int]:
    return tokenizer.encode_example(template.segments(conversation), 10_000).input_ids


def test_a_text_full_of_beginnings_is_read_once() -> None:
    tokens = tuple(f"<unused{n}>" for n in range(6_000))
    text = ChatTemplate("{{ messages[0].content }}", special=tokens).prompt(
        (Message(role=Role.USER, content="<" * 100_000 + "<unused77>" * 1_000),)
    )
    assert "<unused77>" not in text
    assert text.replace(" ", "") == "<" * 100_000 + "<unused77>" * 1_000


def test_a_token_that_begins_with_a_blank_is_broken_up_and_ends() -> None:
    template = ChatTemplate("{{ messages[0].content }}", special=(" <x>", "<x>"))
    text = template.prompt((Message(role=Role.USER, content="a <x> b < c"),))
    assert not any(token in text for token in template.special)
    assert text.replace(" ", "") == "a<x>b<c"


def test_what_is_no_ordinary_file_is_refused(tmp_path: Path) -> None:
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "tokenizer_config.json")
        with pytest.raises(AfinaError, match=r"model\.odd_file"):
            ChatTemplate.load(tmp_path)
        (tmp_path / "tokenizer_config.json").unlink()
    with (tmp_path / "chat_template.jinja").open("wb") as file:
        file.truncate(3_000_000_000)
    with pytest.raises(AfinaError, match=r"model\.odd_file"):
        ChatTemplate.load(tmp_path)
