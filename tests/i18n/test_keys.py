"""Catalogs lie by screen: a key begins with the name of its file, every key is used, and every used key exists."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from studio import errors
from studio.data.checks.registry import CHECKS
from studio.domain.recipe import Recipe
from studio.i18n import LOCALES, catalog

STUDIO = Path(errors.__file__).parent
CATALOGS = {
    (locale, path.stem): json.loads(path.read_text(encoding="utf-8"))
    for locale in LOCALES
    for path in (STUDIO / "i18n" / locale).glob("*.json")
}
AREAS = {area for _, area in CATALOGS}
KEYS = catalog("en").entries.keys()
_KEY = re.compile(rf"({'|'.join(AREAS)})\.[a-z0-9_.]*")
_ANY_CODE = {r"errors\.[^.]*", r"doctor\.[^.]*"}  # the sentence of a code, whose name is looked for in the code
_FILES = (".css", ".html", ".js", ".json", ".jsonl", ".safetensors", ".weight", ".csv")


def written() -> Iterator[tuple[str, str, bool]]:
    """Every text constant of the code as (where, text, True) and every f-string as (where, pattern, False).

    In a pattern a placeholder stands for one part of a key, and at the beginning for any number of them.
    """
    for path in (path for path in STUDIO.rglob("*.py") if "migrations" not in path.parts):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                shown = [re.escape(v.value) if isinstance(v, ast.Constant) else "[^.]*" for v in node.values]
                shown[:1] = [".+" if shown[0] == "[^.]*" else shown[0]]
                yield f"{path.name}:{node.lineno}", "".join(shown), False
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
                yield f"{path.name}:{node.lineno}", node.value, True
    for path in STUDIO.rglob("*.html"):
        template = Environment().parse(path.read_text(encoding="utf-8"))
        joined = list(template.find_all(nodes.Concat))  # "common.language." ~ locale
        parts = {id(value) for node in joined for value in node.nodes}
        for node in joined:
            shown = [re.escape(v.value) if isinstance(v, nodes.Const) else "[^.]*" for v in node.nodes]
            shown[:1] = [".+" if shown[0] == "[^.]*" else shown[0]]
            yield f"{path.name}:{node.lineno}", "".join(shown), False
        for node in template.find_all(nodes.Const):
            if isinstance(node.value, str) and id(node) not in parts:
                yield f"{path.name}:{node.lineno}", node.value, True


WRITTEN = list(written())


@pytest.mark.parametrize(("locale", "area"), CATALOGS)
def test_a_key_begins_with_the_name_of_its_file(locale: str, area: str) -> None:
    assert {key.partition(".")[0] for key in CATALOGS[locale, area]} == {area}


def test_every_used_key_exists() -> None:
    missing = []
    for where, text, whole in WRITTEN:
        if whole and _KEY.fullmatch(text) and not text.endswith((".", *_FILES)):
            if not any(key in KEYS for key in (text, f"errors.{text}", f"doctor.{text}")):
                missing.append(f"{where} {text}")
        elif not whole and _KEY.match(text.replace("\\", "")) and text not in _ANY_CODE and "layers" not in text:
            known = re.compile(rf"(errors\.|doctor\.)?{text}")
            if not any(known.fullmatch(key) for key in KEYS):
                missing.append(f"{where} {text}")
    assert not missing


def test_every_key_is_used() -> None:
    whole = {text for _, text, is_whole in WRITTEN if is_whole}
    made = {text for _, text, is_whole in WRITTEN if not is_whole and "\\." in text and re.search(r"[a-z]", text)}
    any_of_area = {rf"{area}\.[^.]*" for area in AREAS}  # f"train.{name}": the name itself stands in the code then
    pattern = re.compile("|".join(f"(?:{text})" for text in made - _ANY_CODE - any_of_area))
    idle = []
    for key in KEYS:
        names = {key, re.sub(r"^(errors|doctor)\.", "", key)}
        area, _, name = key.partition(".")
        by_name = rf"{area}\.[^.]*" in made - _ANY_CODE and name in whole
        if not names & whole and not by_name and not any(pattern.fullmatch(name) for name in names):
            idle.append(key)
    assert not idle


def test_sentences_of_settings_and_checks_are_of_ones_that_exist() -> None:
    """Their keys are made from names, so that the code does not show which of them it uses."""
    settings = {key.split(".")[2].removesuffix("_info") for key in KEYS if key.startswith("train.setting.")}
    assert settings - {"auto", "yes", "no", "all", "group"} <= Recipe.model_fields.keys()
    assert {key.split(".")[2] for key in KEYS if key.startswith("checks.rule.")} == {check.code for check in CHECKS}
