"""A linear layer of the fused engine, its adapters and their derivatives are those of torch, in both formats."""

from __future__ import annotations

import pytest
import torch

from studio.training.engines.fused.linear import Linear, Part

TOKENS, WIDTH, RANK, SCALE = 32, 64, 4, 0.5


def _tuned(
    dtype: torch.dtype, blocks: int, heights: list[int], chosen: list[int]
) -> tuple[Linear, torch.Tensor, torch.Tensor]:
    """Random layers one below the other, adapters on the chosen ones, the flat vector of these and two threads' gradients."""
    torch.manual_seed(0)
    linear = Linear(torch.randn(sum(heights), WIDTH).to(dtype), blocks, scale=SCALE)
    sizes = [RANK * (WIDTH + heights[number]) for number in chosen]
    flat, gradients = torch.randn(sum(sizes)), torch.zeros(2, sum(sizes))
    for number, values, one, other in zip(chosen, *(v.split(sizes) for v in (flat, *gradients)), strict=True):
        start, inner = sum(heights[:number]), len(linear.parts) * RANK
        (a, b), *own = (
            (v[: RANK * WIDTH].view(RANK, -1), v[RANK * WIDTH :].view(-1, RANK)) for v in (values, one, other)
        )
        rows = slice(start, start + heights[number])
        linear.parts.append(Part("", rows, slice(inner, inner + RANK), a, b, own))
    return linear, flat, gradients


@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize(
    ("blocks", "heights", "chosen"),
    [
        (1, [48], [0]),
        (1, [64], [0]),
        (1, [128, 32, 32], [0, 1, 2]),
        (1, [48, 16, 16], [0, 2]),
        (2, [64, 64], [0, 1]),
        (2, [64, 64], [1]),
    ],
)
def test_products_and_derivatives_are_those_of_torch(
    dtype: torch.dtype, near: float, dropout: float, blocks: int, heights: list[int], chosen: list[int]
) -> None:
    linear, flat, gradients = _tuned(dtype, blocks, heights, chosen)
    linear.dropout = dropout
    whole = linear.weight.float()
    linear.freeze()
    linear.refresh()
    x, dy = torch.randn(TOKENS, WIDTH).to(dtype), torch.randn(TOKENS, sum(heights)).to(dtype)
    ys, saved = linear.forward(x, tuned=True, training=True)

    asked, values = x.float().clone().requires_grad_(), flat.clone().requires_grad_()
    seen = asked if saved.kept is None else asked * saved.kept.float()
    expected = asked @ whole.t()
    for part in linear.parts:
        first = part.a.storage_offset()
        a, b = values[first : first + part.a.numel() + part.b.numel()].split([part.a.numel(), part.b.numel()])
        change = SCALE * seen @ a.view(part.a.shape).t() @ b.view(part.b.shape).t()
        expected = expected + torch.nn.functional.pad(change, (part.out.start, len(whole) - part.out.stop))
    expected.backward(dy.float())

    assert len(ys) == blocks
    assert (saved.kept is not None) == bool(dropout)
    _like(torch.cat(ys, 1), expected, near)
    for _ in range(2):
        _like(sum(dx.float() for dx in linear.backward(dy.chunk(blocks, 1), saved, 1)), asked.grad, near)
    _like(gradients[1], 2 * values.grad, near)
    assert not gradients[0].any()
    untuned, _ = linear.forward(x, tuned=False, training=False)
    _like(torch.cat(untuned, 1), x.float() @ whole.t(), near)


def test_new_values_take_the_place_of_old_ones() -> None:
    linear, flat, _ = _tuned(torch.bfloat16, 1, [128], [0])
    whole = linear.weight.float()
    linear.freeze()
    x = torch.randn(TOKENS, WIDTH).bfloat16()
    for _ in range(2):
        flat.normal_()
        linear.refresh()
        (part,) = linear.parts
        ((y,), _) = linear.forward(x, tuned=True, training=False)
        _like(y, x.float() @ (whole + SCALE * part.b @ part.a).t(), 3e-2)


def _like(found: torch.Tensor, expected: torch.Tensor, near: float) -> None:
    expected = expected.detach()
    torch.testing.assert_close(found.float(), expected, rtol=near, atol=near * float(expected.abs().max()))


def test_a_small_update_is_not_lost_in_the_rounding_of_the_frozen_product() -> None:
    """An adapter begins at zero: added to a product that is rounded to bf16 already, its first steps would vanish."""
    linear, flat, _ = _tuned(torch.bfloat16, 1, [512], [0])
    flat.mul_(0.02)
    linear.freeze()
    if not linear.ahead:
        pytest.skip("this processor trains in fp32")
    linear.refresh()
    x, dy = torch.randn(512, WIDTH).bfloat16(), torch.randn(512, 512).bfloat16()
    (base,), _ = linear.forward(x, tuned=False, training=False)
    (y,), saved = linear.forward(x, tuned=True, training=False)
    part = linear.parts[0]
    update = SCALE * x.float() @ part.a.t() @ part.b.t()
    arrived = ((y.float() - base.float()) * update).sum() / update.square().sum()
    assert arrived == pytest.approx(1.0, abs=0.1)

    (base_dx,) = linear._products_back([dy])
    (dx,) = linear.backward([dy], saved, 0)
    update = SCALE * dy.float() @ part.b @ part.a
    arrived = ((dx.float() - base_dx.float()) * update).sum() / update.square().sum()
    assert arrived == pytest.approx(1.0, abs=0.1)
