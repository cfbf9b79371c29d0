"""Cross-entropy of logits over the vocabulary, with its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.training.engines.fused.kernels.bf16 import exp, kernel, put, rank, ranked, wide


@kernel
def softmax_cross_entropy(scores: Any, targets: Any, smoothing: Any, learn: Any, sums: Any) -> Any:
    """The summed cross-entropy of rows of logits.

    With ``learn``, the gradient by the logits, times ``sums`` of each row, takes their place in ``scores``. The division
    by ``sums`` is left for after the product with the embedding, whose rows are shorter.

    Args:
        scores: ``(M, V)``.
        targets: ``(M,)``.
        smoothing: share of each target that is spread over all words (Szegedy et al., 2016), fp32.
        learn: whether the derivative is wanted.
        sums: takes the sums of the exponentials, fp32 ``(M,)``.
    """
    loss = 0.0
    words = scores.shape[1]
    for m in range(scores.shape[0]):
        row = scores[m]
        best = rank(row[0])
        for i in range(words):
            best = max(best, rank(row[i]))
        top, right = ranked(best), wide(row[targets[m]])
        chosen = right * (np.float32(1.0) - smoothing)
        if smoothing > 0:
            mean = np.float32(0.0)
            for i in range(words):
                mean += wide(row[i])
            chosen += smoothing * mean / np.float32(words)
        total = np.float32(0.0)
        if learn:
            for i in range(words):
                share = exp(wide(row[i]) - top)
                total += share
                put(row, i, share)
            put(row, targets[m], exp(right - top) - total * (np.float32(1.0) - smoothing))
        else:
            for i in range(words):
                total += exp(wide(row[i]) - top)
        if learn and smoothing > 0:
            spread = total * smoothing / np.float32(words)
            for i in range(words):
                put(row, i, wide(row[i]) - spread)
        sums[m] = total
        loss += np.log(total) + top - chosen
    return loss
