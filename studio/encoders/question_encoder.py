"""Sentence encoders adapted to customers' questions. Imports torch: for child processes only.

An encoder as its makers published it has learned what texts are about; what tells an owner's answers apart is what a customer
*wants*: "can I move it to Friday" is near "cancel it" by its words and far from it by its answer. A LoRA adapter (Hu et al. 2022)
of each encoder in ``studio/encoders/adapters`` was trained on thousands of questions that we made up, see
``benchmarks/encoder_adapter.py``, and is merged when the encoder is loaded. Where an adapter is replaced, the version in
:mod:`studio.trust.summary` goes up, so that what was fitted to its vectors is fitted anew.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Final

from studio.encoders.encoder import Encoder
from studio.errors import from_exception

_ADAPTERS: Final = Path(__file__).parent / "adapters"
_WEIGHTS: Final = "adapter_model.safetensors"


def load_question_encoder(folder: Path) -> Encoder:
    """An installed encoder, with its adapter if there is one.

    Args:
        folder: of the encoder; its name is the encoder's id. A model of that name whose depth or width is not the adapter's is
            loaded as it is.

    Raises:
        AfinaError: as :meth:`Encoder.load`, for the adapter as well.
    """
    encoder = Encoder.load(folder)
    adapter = _ADAPTERS / folder.name
    if not adapter.is_dir():
        return encoder
    from peft import PeftModel

    try:
        if not _fits(adapter, encoder):
            return encoder
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers by a name that is on its way out
            model = PeftModel.from_pretrained(encoder.model, str(adapter), torch_device="cpu").merge_and_unload()
    except Exception as error:
        raise from_exception(error) from error
    # PEFT freezes what it adapts; the upper layers may be tuned further.
    return Encoder(model.requires_grad_(True).eval(), encoder.tokenizer, encoder.traits)


def _fits(adapter: Path, encoder: Encoder) -> bool:
    """Whether an adapter was made for a model of this width and depth."""
    from safetensors import safe_open

    with safe_open(adapter / _WEIGHTS, "pt") as file:
        queries = [name for name in file.keys() if "query.lora_A" in name]  # noqa: SIM118 - it is no dict
        width = file.get_slice(queries[0]).get_shape()[1]
    config = encoder.model.config
    return (len(queries), width) == (config.num_hidden_layers, config.hidden_size)  # type: ignore[union-attr]
