"""The gradients of a batch, in as many parts as memory allows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from studio.errors import from_exception
from studio.models.tokenizer import EncodedExample
from studio.training.engines.base import Engine, learned_tokens


def accumulate_gradients(engine: Engine, batch: Sequence[EncodedExample], micro_batch: int) -> tuple[float, int]:
    """Fills in the gradients of the mean loss; halves the micro-batch where memory does not suffice.

    Where the engine computes in a faster way and that fails, it goes on in the plain one.

    Args:
        micro_batch: examples at a time; 0 for all of them.

    Returns:
        The mean loss of a learned token, and the micro-batch that was possible.
    """
    scale = 1.0 / max(1, learned_tokens(batch))
    while True:
        size = micro_batch or len(batch)
        try:
            parts = [batch[first : first + size] for first in range(0, len(batch), size)]
            return sum(engine.train(part, scale) for part in parts) * scale, micro_batch
        except Exception as error:
            out_of_memory = from_exception(error).code == "train.out_of_memory" and size > 1
            if not out_of_memory and not engine.fall_back():
                raise
        engine.gradients.zero_()
        if out_of_memory:
            micro_batch = math.ceil(size / 2)
