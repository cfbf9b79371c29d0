"""The arithmetic of memory and time."""

from __future__ import annotations

import re

import pytest

from studio.domain.model import BaseModelCard, FitBadge
from studio.domain.recipe import Method, Precision
from studio.i18n.catalog import LOCALES, catalog
from studio.models.catalog import builtin_cards
from studio.models.estimate import answering_bytes, fit, memory_parts, training_seconds
from studio.models.hardware import Machine
from studio.models.probe import Speed

SMOL, GEMMA = builtin_cards()
FAST = Speed(bf16=600, fp32=90)


def laptop(gigabytes: float) -> Machine:
    return Machine(cores=2, cpu="x", ram_total=int(64e9), ram_free=int(gigabytes * 1e9))


def total(card: object, batch: int, length: int) -> int:
    return sum(part.bytes for part in memory_parts(card, Method.LORA, 16, batch, length))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("card", "length", "measured_mib"), [(SMOL, 64, 1582), (SMOL, 128, 2055), (GEMMA, 64, 1814), (GEMMA, 128, 2221)]
)
def test_the_sum_is_within_a_tenth_of_the_measured_peak(card: object, length: int, measured_mib: int) -> None:
    assert total(card, 8, length) == pytest.approx(measured_mib * 2**20, rel=0.1)


@pytest.mark.parametrize(("card", "measured"), [(SMOL, 0.975e9), (GEMMA, 1.603e9)])
def test_what_asking_needs_is_within_a_tenth_of_what_was_measured(card: BaseModelCard, measured: float) -> None:
    assert answering_bytes(card, Precision.BF16) == pytest.approx(measured, rel=0.1)
    assert answering_bytes(card, Precision.BF16, 2) > answering_bytes(card, Precision.FP32)


@pytest.mark.parametrize("method", [Method.LORA, Method.FULL])
@pytest.mark.parametrize("precision", [Precision.BF16, Precision.FP32])
def test_every_formula_gives_its_bytes_and_has_words(method: Method, precision: Precision) -> None:
    parts = memory_parts(SMOL, method, 16, 8, 64, precision)
    for part in parts:
        product = 1
        for number in re.findall(r"[\d,]+", part.formula):
            product *= int(number.replace(",", ""))
        assert product == part.bytes
        for locale in LOCALES:
            assert catalog(locale)(f"model.memory.{part.name}")


def test_more_of_anything_needs_more_memory() -> None:
    assert total(SMOL, 8, 64) < total(SMOL, 16, 64) < total(SMOL, 16, 128)
    assert total(SMOL, 8, 64) < total(GEMMA, 8, 64)
    lora, full = (sum(p.bytes for p in memory_parts(SMOL, m, 16, 8, 64)) for m in (Method.LORA, Method.FULL))
    assert lora < full


def test_the_badge_follows_memory_then_time() -> None:
    assert fit(SMOL, laptop(16), FAST).badge is FitBadge.RUNS_WELL
    assert fit(SMOL, laptop(16), Speed(bf16=2, fp32=4)).badge is FitBadge.SLOW
    small = fit(SMOL, laptop(2), FAST)
    assert small.badge is FitBadge.TOO_BIG
    assert small.needed_bytes == sum(part.bytes for part in small.parts) > small.free_bytes
    assert fit(SMOL, laptop(2), FAST, batch=2, length=32).badge is FitBadge.RUNS_WELL


def test_a_graphics_card_is_judged_by_its_own_memory() -> None:
    card = Machine(2, "x", int(8e9), int(1e9), "GPU", int(24e9), int(20e9))
    found = fit(SMOL, card, Speed(bf16=50_000, fp32=10_000))
    assert (found.badge, found.device, found.free_bytes) == (FitBadge.RUNS_WELL, "cuda:0", int(20e9))


def test_time_is_tokens_times_work_by_speed() -> None:
    one = training_seconds(SMOL, 1000, FAST)
    assert training_seconds(SMOL, 2000, FAST) == pytest.approx(2 * one)
    assert training_seconds(SMOL, 1000, FAST, Method.FULL) == pytest.approx(1.5 * one)
    assert training_seconds(SMOL, 1000, FAST, precision=Precision.FP32) == pytest.approx(one * 600 / 90 * 0.16 / 0.7)
