"""Every exception of the libraries that bring models has a sentence that is not "unexpected"."""

from __future__ import annotations

import inspect
from types import ModuleType

import httpx
import httpx2
import huggingface_hub.errors
import pytest
import safetensors

from studio.errors import TABLE, from_exception
from studio.i18n.catalog import LOCALES, catalog


def exceptions(module: ModuleType) -> list[type[BaseException]]:
    kinds = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, Exception)]
    return [kind for kind in kinds if not kind.__module__.startswith("builtins")]


CASES = [kind for module in (huggingface_hub.errors, httpx, httpx2, safetensors) for kind in exceptions(module)]


def test_there_is_something_to_test() -> None:
    assert len(CASES) > 80


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_it_has_a_sentence_of_its_own(kind: type[Exception]) -> None:
    error = kind.__new__(kind)  # their constructors ask for answers and requests that do not matter here
    Exception.__init__(error, "something happened")
    found = from_exception(error)
    assert found.code != "general.unexpected"
    for locale in LOCALES:
        assert "general.unexpected" not in catalog(locale).error(found)


@pytest.mark.parametrize("code", sorted({code for _, _, code in TABLE if code.split(".")[0] in ("model", "hub")}))
def test_every_code_of_models_in_the_table_has_sentences(code: str) -> None:
    for locale in LOCALES:
        assert f"errors.{code}" in catalog(locale).entries
