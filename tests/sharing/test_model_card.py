"""The model card: complete, honest about the licence, and valid for the tools that read its header."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from studio.domain.model import BaseModelCard, Licence, SourceKind
from studio.domain.recipe import Method, Recipe
from studio.sharing.exporters import exporters
from studio.sharing.exporters.base import ExportSource
from studio.sharing.exporters.model_card import model_card, write_model_card
from studio.storage.workspace import RunFolder
from tests.proof_sample import sample_proof


def source(
    tmp_path: Path, *, name: str = "Meu treino", gemma: bool = False, reference: str = "org/base"
) -> ExportSource:
    licence = (
        Licence(name="Gemma Terms of Use", url="https://ai.google.dev/gemma/terms")
        if gemma
        else Licence(name="Apache-2.0")
    )
    card = BaseModelCard(
        id="gemma-3-270m" if gemma else "smollm2",
        name="Gemma 3 270M" if gemma else "SmolLM2 135M",
        source=SourceKind.PACKAGE,
        parameters=1,
        languages=("pt", "en"),
        licence=licence,
    )
    (tmp_path / "adapter_config.json").write_text("{}")
    return ExportSource(
        run=RunFolder(tmp_path),
        name=name,
        model_dir=tmp_path,
        reference=reference,
        card=card,
        recipe=Recipe(
            model=card.id, method=Method.LORA, rank=16, learning_rate=0.001, epochs=4, system_prompt="Say 'hi'."
        ),
        tuned=tmp_path,
        step=120,
        loss=0.98765,
        ended_at=1_750_000_000.0,
        examples=192,
        held_out=48,
    )


@pytest.mark.parametrize("kind", ["adapter", "merged"])
def test_the_card_says_where_the_model_comes_from(tmp_path: Path, kind: str) -> None:
    text = model_card(source(tmp_path), exporters()[kind])
    for fact in ("org/base", "apache-2.0", "2025-06-15", "192 to learn from, 48 held out", "0.9877 nats", "step 120"):
        assert fact in text
    for setting in ("| Rank | 16 |", "| Learning rate | 0.001 |", "| Epochs | 4.0 |", "- pt\n- en\n"):
        assert setting in text
    assert ("PeftModel" in text) == (kind == "adapter")
    assert "Gemma" not in text


def test_python_in_the_card_is_python(tmp_path: Path) -> None:
    for kind in ("adapter", "merged"):
        parts = model_card(source(tmp_path), exporters()[kind]).split("```")
        programs = [part.removeprefix("python\n") for part in parts[1::2]]
        assert len(programs) == 2
        for program in programs:
            compile(program, "card", "exec")


def test_a_tuned_gemma_carries_its_terms(tmp_path: Path) -> None:
    write_model_card(source(tmp_path, gemma=True), exporters()["merged"], tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "license: gemma" in text
    assert "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms" in text
    assert "modified" in text
    assert "Gemma Terms of Use" in (tmp_path / "NOTICE").read_text(encoding="utf-8")


def test_the_owners_words_cannot_change_the_header_or_the_page(tmp_path: Path) -> None:
    text = model_card(source(tmp_path, name="x\n---\nlicense: mit <script>| `a` [l](u)"), exporters()["merged"])
    assert "<script>" not in text
    assert "\n# x --- license mit script a l(u)\n" in text
    assert text.count("license:") == 1


def test_a_local_base_model_is_named_without_its_path(tmp_path: Path) -> None:
    text = model_card(source(tmp_path, reference=""), exporters()["adapter"])
    assert "base_model:" not in text
    assert str(tmp_path) not in text


def test_the_card_says_what_the_final_exam_said(tmp_path: Path) -> None:
    assert "Is it better" not in model_card(source(tmp_path), exporters()["merged"])
    examined = replace(source(tmp_path), proof=sample_proof(run_name="<script>", exam_also_chose=True))
    text = model_card(examined, exporters()["merged"])
    assert "it answers 6 of 10 exam questions right; before, it was 2" in text
    assert "10 to 70 more right answers" in text
    assert "p = 0.039" in text
    assert "also helped to choose" in text
    assert "<script" not in text


def test_the_card_of_a_page_is_that_of_a_static_space(tmp_path: Path) -> None:
    text = model_card(source(tmp_path, name="Padaria: da Vila"), exporters()["site"])
    header = text.split("---")[1]
    for line in ('title: "Padaria da Vila"', "sdk: static", "  cross-origin-embedder-policy: require-corp"):
        assert f"\n{line}\n" in header


@pytest.mark.parametrize(
    "title", ["@loja", "!!python/object x", "- item", "null", "&a *b", "% x", "a\nsdk: docker", ""]
)
def test_a_title_stays_a_title(tmp_path: Path, title: str) -> None:
    import yaml

    asked = replace(source(tmp_path, name=title), title=title)
    header = yaml.safe_load(model_card(asked, exporters()["site"]).split("---\n")[1])
    assert isinstance(header["title"], str)
    assert header["title"]
    assert header["sdk"] == "static"


def test_what_a_strangers_model_calls_itself_is_no_markup(tmp_path: Path) -> None:
    asked = source(tmp_path, reference="")
    evil = "x | <img src=x> [free](https://evil.example)"
    card = asked.card.model_copy(update={"name": evil, "licence": Licence(name=evil, url="https://hub.example/a/b")})
    text = model_card(replace(asked, card=card), exporters()["merged"])
    assert "<img" not in text
    assert "[free]" not in text
