"""Numbers of both formats inside kernels: reading, writing, ordering, and the exponential.

What is changed here takes effect once the compiled kernels are thrown away: Numba looks at a kernel's own file only.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit, types
from numba.extending import intrinsic, overload

from studio.compiled import compiled

# Sums may be taken in any order and products joined with sums; NaN and infinity keep their meaning.
_FLAGS: Final = {"reassoc", "contract", "nsz", "arcp"}
_LOG2_E: Final = np.float32(1.4426950408889634)


kernel: Final = compiled(fastmath=_FLAGS, error_model="numpy")


@intrinsic
def _bits(context: Any, value: Any) -> Any:
    """The 32 bits of a float."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.uint32))

    return types.uint32(types.float32), build


@intrinsic
def _float(context: Any, value: Any) -> Any:
    """The float of 32 bits."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.float32))

    return types.float32(types.uint32), build


@intrinsic
def wide(context: Any, value: Any) -> Any:
    """A number of an array in fp32."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = context.get_value_type(types.uint32)
        bits = builder.shl(builder.zext(args[0], word), word(16))
        return builder.bitcast(bits, context.get_value_type(types.float32))

    def same(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return args[0]

    return types.float32(value), build if value == types.uint16 else same


@intrinsic
def rank(context: Any, value: Any) -> Any:
    """An integer that orders as the float of an array does: a loop over integers finds the maximum with SIMD."""
    word, places = (types.int16, 15) if value == types.uint16 else (types.int32, 31)

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.get_value_type(word)
        bits = builder.bitcast(args[0], kind)
        below = builder.and_(builder.ashr(bits, kind(places)), kind(2**places - 1))
        return builder.xor(bits, below)

    return word(value), build


@intrinsic
def ranked(context: Any, rank: Any) -> Any:
    """The number in fp32 that has this rank."""

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind, word = context.get_value_type(rank), context.get_value_type(types.uint32)
        places = rank.bitwidth - 1
        bits = builder.xor(args[0], builder.and_(builder.ashr(args[0], kind(places)), kind(2**places - 1)))
        if rank == types.int16:
            bits = builder.shl(builder.zext(bits, word), word(16))
        return builder.bitcast(bits, context.get_value_type(types.float32))

    return types.float32(rank), build


def put(row: Any, place: Any, value: Any) -> None:
    """Writes an fp32 number in the format of ``row``."""


@overload(put, inline="always", strict=False)
def _writing(row: Any, place: Any, value: Any) -> Any:
    if row.dtype == types.uint16:

        def rounded(row: Any, place: Any, value: Any) -> None:
            bits = _bits(value)
            row[place] = np.uint16(
                (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
            )

        return rounded

    def plain(row: Any, place: Any, value: Any) -> None:
        row[place] = value

    return plain


@njit(nogil=True, fastmath=_FLAGS, error_model="numpy")
def exp(x: Any) -> Any:
    """e to the ``x``, within 2 units of the last place of fp32; 0 below -87, NaN stays.

    Two to a whole number by writing the exponent, two to the rest (at most a half) by a polynomial of Taylor's terms.
    """
    y = x * _LOG2_E
    if y < np.float32(-126.0):
        y = np.float32(-126.0)
    if y > np.float32(127.0):
        y = np.float32(127.0)
    whole = np.floor(y + np.float32(0.5))
    f = y - whole
    p = np.float32(1.5403530e-4)
    p = p * f + np.float32(1.3333558e-3)
    p = p * f + np.float32(9.6181291e-3)
    p = p * f + np.float32(5.5504109e-2)
    p = p * f + np.float32(2.4022651e-1)
    p = p * f + np.float32(6.9314718e-1)
    p = p * f + np.float32(1.0)
    return p * _float(np.uint32((np.int32(whole) + np.int32(127)) << np.int32(23)))
