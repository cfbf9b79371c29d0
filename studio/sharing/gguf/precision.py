"""The number formats in which the weights of a GGUF file are kept."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import gguf
import numpy as np
from numpy.typing import NDArray

from studio.sharing.gguf.architectures import Array

_BLOCK: Final = 32  # weights that share a scale in Q8_0 and Q4_0


class GgufPrecision(StrEnum):
    """Number formats by the names of llama.cpp."""

    Q8_0 = "q8_0"
    F16 = "f16"
    BF16 = "bf16"
    Q4_0 = "q4_0"

    @property
    def bytes_a_weight(self) -> float:
        return {"q8_0": 34 / 32, "f16": 2.0, "bf16": 2.0, "q4_0": 18 / 32}[self.value]

    @property
    def file_type(self) -> gguf.LlamaFileType:
        return gguf.LlamaFileType[f"MOSTLY_{self.name}"]

    def type_of(self, name: str, values: Array) -> gguf.GGMLQuantizationType:
        """The format of one tensor: single rows stay whole, and so do the words at four bits, on which most depends."""
        if values.ndim < 2:
            return gguf.GGMLQuantizationType.F32
        if self in (GgufPrecision.F16, GgufPrecision.BF16):
            return gguf.GGMLQuantizationType[self.name]
        if values.shape[-1] % _BLOCK:
            return gguf.GGMLQuantizationType.F16
        if name in ("token_embd.weight", "output.weight"):
            return gguf.GGMLQuantizationType.Q8_0
        return gguf.GGMLQuantizationType[self.name]


def packed(values: Array, kind: gguf.GGMLQuantizationType) -> NDArray[np.generic]:
    """The bytes of a tensor in a format, as an array whose last dimension is in bytes where the format has blocks."""
    if kind is gguf.GGMLQuantizationType.F16:  # what a half cannot hold would become infinite
        limit = float(np.finfo(np.float16).max)
        values = np.clip(values, -limit, limit)
    found: NDArray[np.generic] = gguf.quants.quantize(np.ascontiguousarray(values), kind)
    return found
