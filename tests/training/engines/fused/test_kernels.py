"""The compiled kernels compute what torch computes, in both formats, and keep a NaN."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as f

from studio.training.engines.fused.lm_head import Head
from studio.training.engines.fused.ops import gate, gate_backward, norm, norm_backward, norm_backward_onto

FORMATS = pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-5), (torch.bfloat16, 1e-2)])


def _random(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@FORMATS
def test_norms_are_those_of_torch(dtype: torch.dtype, near: float) -> None:
    x, weight, dy = _random(7, 48), _random(48, seed=1), _random(7, 48, dtype=dtype, seed=2)
    asked = x.clone().requires_grad_()
    expected = f.rms_norm(asked, (48,), weight, 1e-6)
    expected.backward(dy.float())
    seen, rstd = norm(x, weight, 1e-6, dtype)
    torch.testing.assert_close(seen.float(), expected.detach(), rtol=near, atol=near)
    assert asked.grad is not None
    torch.testing.assert_close(norm_backward(dy, x, rstd, weight, torch.float32), asked.grad, rtol=1e-4, atol=1e-5)
    stream = torch.ones(7, 48)
    copy = norm_backward_onto(stream, x, rstd, weight, dy, dy)
    torch.testing.assert_close(stream, 1 + 2 * asked.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(copy.float(), stream, rtol=near, atol=near)


@FORMATS
@pytest.mark.parametrize("gelu", [False, True], ids=["silu", "gelu"])
def test_gates_are_those_of_torch(dtype: torch.dtype, near: float, gelu: bool) -> None:
    g, u, dy = (_random(5, 40, dtype=dtype, seed=seed) * 3 for seed in range(3))
    left, right = g.float().clone().requires_grad_(), u.float().clone().requires_grad_()
    expected = (f.gelu(left, approximate="tanh") if gelu else f.silu(left)) * right
    expected.backward(dy.float())
    torch.testing.assert_close(gate(g, u, gelu).float(), expected.detach(), rtol=near, atol=near)
    by_g, by_u = gate_backward(dy.clone(), g, u.clone(), gelu)
    assert left.grad is not None
    assert right.grad is not None
    torch.testing.assert_close(by_g.float(), left.grad, rtol=near, atol=near * 10)
    torch.testing.assert_close(by_u.float(), right.grad, rtol=near, atol=near * 10)


@FORMATS
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_that_of_torch(dtype: torch.dtype, near: float, smoothing: float) -> None:
    x, words, targets = _random(9, 16, dtype=dtype), _random(300, 16, dtype=dtype, seed=1), torch.arange(9) * 30
    asked = x.float().clone().requires_grad_()
    expected = f.cross_entropy(asked @ words.float().t(), targets, reduction="sum", label_smoothing=smoothing)
    (expected * 0.5).backward()
    loss, gradient = Head(words, 1).cross_entropy(x, targets, 0.5, 0, smoothing)
    assert loss == pytest.approx(float(expected.detach()), rel=near)
    assert gradient is not None
    assert asked.grad is not None
    assert float((gradient.float() - asked.grad).norm() / asked.grad.norm()) < 2 * near


@FORMATS
def test_what_has_diverged_stays_seen(dtype: torch.dtype, near: float) -> None:
    x, words = _random(2, 16, dtype=dtype), _random(50, 16, dtype=dtype)
    x[1, 3] = math.nan
    assert math.isnan(Head(words, 1).cross_entropy(x, torch.tensor([1, 2]), None)[0])
    assert norm(x.float(), torch.ones(16), 1e-6, dtype)[0][1].isnan().all()
    assert gate(x, x, False)[1, 3].isnan()
