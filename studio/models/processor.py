"""What this processor can do, asked by doing it once: what it says of itself is not what a library makes of it."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from studio.domain.recipe import Precision

_REFUSALS = (
    RuntimeError,
    AttributeError,
    NotImplementedError,
)  # of operators that are not there, or not for this processor
_ROWS = 16


def best_device() -> str:
    """The fastest device that this torch has here: ``cuda:0``, ``mps`` (Apple's graphics) or ``cpu``."""
    if torch.cuda.is_available():
        return "cuda:0"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def number_format(precision: Precision) -> torch.dtype:
    """Of the base's weights and products, for BF16 or FP32."""
    return torch.bfloat16 if precision is Precision.BF16 else torch.float32


def pack(weight: Tensor, rows: int = _ROWS) -> Tensor:
    """A bf16 weight ``(O, I)`` in the layout that oneDNN multiplies without reordering it first.

    Args:
        weight: where :func:`can_pack` says so.
        rows: usual number of rows of a product; the layout hardly depends on it.
    """
    laid_out: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
    return laid_out


def multiply(x: Tensor, weight: Tensor, bias: Tensor | None = None, update: Tensor | None = None) -> Tensor:
    """``x W^T + bias + update`` for a weight of :func:`pack`, summed in fp32 and rounded once.

    An update that is added to a product already rounded to bf16 is lost wherever it is below half its last digit.

    Args:
        x: ``(…, I)``.
        weight: of ``(O, I)``.
        bias: ``(O,)``.
        update: ``(…, O)``, of an adapter.
    """
    y: Tensor
    if update is None:
        y = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    else:
        y = torch.ops.mkldnn._linear_pointwise.binary(x, update, weight, bias, "add")
    return y


def pack_half(weight: Tensor, bias: Tensor | None = None) -> Any:
    """An fp32 weight ``(O, I)`` in fp16, laid out for products with fp32 rows and fp32 sums; with its bias."""
    return torch.ops.quantized.linear_prepack_fp16(weight, bias)


def multiply_half(x: Tensor, weight: Any) -> Tensor:
    """``x W^T + bias`` in fp32 for a weight of :func:`pack_half`; x is ``(…, I)``."""
    y: Tensor = torch.ops.quantized.linear_dynamic_fp16(x, weight)
    return y


def can_pack_half(dtype: torch.dtype, device: str = "cpu") -> bool:
    """Whether fp32 weights can be kept in fp16 on this device; not on ARM, where FBGEMM is not built."""
    return dtype is torch.float32 and device == "cpu" and _packs_half()


@cache
def _packs_half() -> bool:
    weight, x = torch.eye(64) * 2, torch.full((3, 64), 1.0 + 2**-20)  # more digits than fp16 holds
    try:
        with torch.inference_mode():
            return torch.equal(multiply_half(x, pack_half(weight)), nn.functional.linear(x, weight))
    except _REFUSALS:
        return False


def can_pack(dtype: torch.dtype, device: str = "cpu") -> bool:
    """Whether oneDNN has a layout of its own for weights of this format on this device."""
    return dtype is torch.bfloat16 and device == "cpu" and _packs()


@cache
def _packs() -> bool:
    """AVX2 alone has no such layout for bf16, nor has ARM in most builds; the library is there all the same."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    weight, x = torch.eye(64, dtype=torch.bfloat16) * 2, torch.ones(3, 64, dtype=torch.bfloat16)
    try:
        with torch.inference_mode():
            plain = nn.functional.linear(x, weight)
            return torch.equal(multiply(x, pack(weight)), plain) and torch.equal(
                multiply(x, pack(weight), update=plain), 2 * plain
            )
    except _REFUSALS:
        return False
