"""llama.cpp (Q8_0) on the questions of :mod:`benchmarks.chat_speed`, for a figure beside ours.

    python -m benchmarks.chat_peer MODEL_DIR [--tokens 64] [--rounds 5]

Needs ``pip install llama-cpp-python``, which is built from source; for a processor without AVX-512:
``CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON"``. No dependency of Afina. The weights of an
installed Llama model are written as Q8_0 with the ``gguf`` package. Rows are of the base only: llama.cpp applies an adapter to
a whole context, so base and tuned rows cannot share a batch there.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from studio.models.tokenizer import Tokenizer

QUESTION: Final = (
    "Hello! I bought a bag of coffee last week and it has not arrived yet. When will my order be here? " * 2
)
PROOF: Final = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
ROWS: Final = (1, 2, 8, 16)
_LAYER: Final = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def write_gguf(model_dir: Path, path: Path) -> None:
    """Writes an installed Llama model with tied embeddings as GGUF in Q8_0, without a vocabulary: we give token ids."""
    from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType
    from gguf.quants import quantize
    from safetensors.torch import load_file

    config = json.loads((model_dir / "config.json").read_text(encoding="utf-8"))
    heads, keys = config["num_attention_heads"], config["num_key_value_heads"]
    rope = config.get("rope_parameters") or config
    writer = GGUFWriter(path, "llama")
    writer.add_file_type(LlamaFileType.MOSTLY_Q8_0)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(keys)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    for name, tensor in load_file(model_dir / "model.safetensors").items():
        if name == "lm_head.weight":
            continue
        values = tensor.float().numpy()
        own = _name(name)
        if "attn_q." in own or "attn_k." in own:  # its rotary positions turn neighbours, not halves
            count = heads if "attn_q." in own else keys
            values = values.reshape(count, 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        if values.ndim == 1:
            writer.add_tensor(own, values)
        else:
            packed = quantize(np.ascontiguousarray(values), GGMLQuantizationType.Q8_0)
            writer.add_tensor(own, packed, raw_dtype=GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _name(name: str) -> str:
    if name == "model.embed_tokens.weight":
        return "token_embd.weight"
    if name == "model.norm.weight":
        return "output_norm.weight"
    _, _, number, rest = name.split(".", 3)
    return f"blk.{number}.{_LAYER[rest.removesuffix('.weight')]}.weight"


class Peer:
    """A model in llama.cpp, answering several rows at once, always with the likeliest token."""

    def __init__(self, path: Path, threads: int) -> None:
        import llama_cpp

        self._api: Any = llama_cpp
        llama_cpp.llama_backend_init()
        self._quiet = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(self._quiet, ctypes.c_void_p(0))
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        self._words = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))
        given = llama_cpp.llama_context_default_params()
        given.n_ctx, given.n_batch, given.n_ubatch, given.n_seq_max = 16 * 256, 2048, 512, 16
        given.n_threads = given.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(self._model, given)
        self._batch = llama_cpp.llama_batch_init(2048, 0, 1)

    def answer(self, prompt: list[int], rows: int, tokens: int) -> tuple[float, float, list[int]]:
        """Seconds to the first token and in all, and what the first row said."""
        self._api.llama_memory_clear(self._api.llama_get_memory(self._context), True)
        began = time.perf_counter()
        last = len(prompt) - 1
        fed = [(row, at, token, at == last) for row in range(rows) for at, token in enumerate(prompt)]
        said = self._pass(fed)
        first = time.perf_counter() - began
        answer = [said[0]]
        for at in range(len(prompt), len(prompt) + tokens - 1):
            said = self._pass([(row, at, said[row], True) for row in range(rows)])
            answer.append(said[0])
        return first, time.perf_counter() - began, answer

    def _pass(self, fed: list[tuple[int, int, int, bool]]) -> list[int]:
        batch = self._batch
        batch.n_tokens = len(fed)
        for place, (row, at, token, is_asked) in enumerate(fed):
            batch.token[place], batch.pos[place], batch.logits[place] = token, at, is_asked
            batch.n_seq_id[place], batch.seq_id[place][0] = 1, row
        if self._api.llama_decode(self._context, batch):
            raise RuntimeError("llama.cpp refused the batch")
        asked = [place for place, (_, _, _, is_asked) in enumerate(fed) if is_asked]
        logits = (self._api.llama_get_logits_ith(self._context, place) for place in asked)
        return [int(np.ctypeslib.as_array(found, (self._words,)).argmax()) for found in logits]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    tokenizer = Tokenizer.load(given.model_dir)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        write_gguf(given.model_dir, path)
        peer = Peer(path, given.threads)
        print(f"says: {tokenizer.decode(peer.answer(tokenizer.encode(PROOF), 1, 8)[2])!r}\n")
        prompt = tokenizer.encode(QUESTION)
        taken: dict[int, list[tuple[float, float]]] = {rows: [] for rows in ROWS}
        for _ in range(given.rounds):
            for rows in ROWS:
                taken[rows].append(peer.answer(prompt, rows, given.tokens)[:2])
    print("| rows | first token, ms | answer, s | tokens/s |")
    print("|---|---|---|---|")
    for rows, times in taken.items():
        first, seconds = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"| {rows} | {first * 1e3:.0f} | {seconds:.2f} | {rows * given.tokens / seconds:.0f} |")


if __name__ == "__main__":
    main()
