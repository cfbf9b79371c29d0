"""Loading an installed base model into memory. The only place that asks transformers for weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import AfinaError, from_exception

if TYPE_CHECKING:
    import torch


def load_base(model_dir: Path, dtype: torch.dtype, device: str, *, four_bit: bool = False) -> torch.nn.Module:
    """Loads a causal language model from safetensors; never pickle, never remote code, never the network.

    Args:
        four_bit: hold the linear layers in 4 bits (NF4, QLoRA: Dettmers et al., 2023); needs CUDA and bitsandbytes.

    Returns:
        The transformers model in evaluation mode. ``model(input_ids, attention_mask)`` with shapes
        ``(batch, length)`` gives ``.logits`` of shape ``(batch, length, vocabulary)``.

    Raises:
        AfinaError: ``model.no_weights``, ``model.weights_damaged``, ``model.weights_mismatch``,
            ``model.unknown_architecture``, ``model.remote_code``, ``train.out_of_memory``.
    """
    if not any(model_dir.glob("*.safetensors")):
        raise AfinaError("model.no_weights", path=str(model_dir))
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model, report = AutoModelForCausalLM.from_pretrained(
            str(model_dir),
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            **(_in_four_bits(dtype, device) if four_bit else {}),
        )
        if report["missing_keys"] or report.get("mismatched_keys"):
            raise AfinaError("model.weights_mismatch", path=str(model_dir), detail=str(report)[:200])
        loaded: torch.nn.Module = model.eval() if four_bit else model.to(device).eval()
    except Exception as error:
        raise from_exception(error) from error
    return loaded


def _in_four_bits(dtype: torch.dtype, device: str) -> dict[str, object]:
    from transformers import BitsAndBytesConfig

    quantization = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )
    return {"quantization_config": quantization, "device_map": {"": device}}
