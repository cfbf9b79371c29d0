"""The plain engine: transformers and PEFT as they are. For any architecture and method; the fused one is faster."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.domain.recipe import Method
from studio.models.loader import load_base
from studio.models.tokenizer import EncodedExample
from studio.training.engines import full_weights
from studio.training.engines.base import Adaptation, EngineOptions
from studio.training.engines.regularization import embedding_noise

if TYPE_CHECKING:
    import torch

    from studio.training.engines.prompt_lookup import PromptLookup
    from studio.training.engines.torch_compile import Backend


class PlainEngine:
    """A transformers model with PEFT's adapter on it. See :class:`studio.training.engines.base.Engine`.

    Args:
        pad_id: token that fills up a batch.
        backend: of ``torch.compile``, which is tried where enough of the run is left; None never does.
    """

    name = "plain"

    def __init__(self, options: EngineOptions, device: str, pad_id: int, backend: Backend | None = None) -> None:
        import torch

        from studio.training.engines.torch_compile import Compilation

        torch.manual_seed(options.seed)
        self._device = torch.device(device)
        self._pad = pad_id
        adaptation, dtype = options.adaptation, options.dtype
        self._adaptation = adaptation
        self._base_name = str(options.model_dir)
        self._regularisation = options.regularisation
        self._whole = adaptation.method.tunes_whole_weights
        self.keeps_base = not self._whole
        four_bit = adaptation.method is Method.QLORA
        base: Any = load_base(options.model_dir, torch.float32 if self._whole else dtype, device, four_bit=four_bit)
        self._amp = dtype if dtype is not torch.float32 else None
        if options.recompute:
            base.activation_checkpointing_enable({"use_reentrant": False})
        if options.regularisation.neftune:
            base.get_input_embeddings().register_forward_hook(self._with_noise)
        self._chooses = "logits_to_keep" in inspect.signature(base.forward).parameters
        self._before: dict[str, torch.Tensor] = {}
        if self._whole:
            self._before = full_weights.choose(base, adaptation)
            self.model: Any = base
        else:
            self.model = _adapted(base, adaptation)
        self._compilation = Compilation(self.model, backend)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.weights, self.gradients = _flatten(trained)
        self.total_parameters = sum(p.numel() for p in self.model.parameters())

    def train(self, examples: Sequence[EncodedExample], scale: float) -> float:
        self.model.train()
        with self._compilation.applied(training=True):
            loss = self._loss(examples, self._regularisation.label_smoothing)
            (loss * scale).backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def hasten(self, seconds: float, steps_left: int) -> bool:
        return self._compilation.hasten(seconds, steps_left)

    def fall_back(self) -> bool:
        return self._compilation.fall_back()

    def loss(self, examples: Sequence[EncodedExample]) -> float:
        import torch

        self.model.eval()
        with torch.no_grad(), self._compilation.applied(training=False):
            return float(self._loss(examples))

    def matches(self, examples: Sequence[EncodedExample]) -> int:
        import torch

        self.model.eval()
        with torch.no_grad(), self._compilation.applied(training=False):
            scores, wanted = self._scores(examples)
            right = (scores.argmax(-1) == wanted) | (wanted < 0)
        return int(right.all(1).sum())

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        stop_ids: frozenset[int],
        limit: int,
        *,
        tuned: bool = True,
        drafts: PromptLookup | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> list[list[int]]:
        import torch

        self.model.eval()
        width = max(map(len, prompts))
        ids = torch.full((len(prompts), width), self._pad)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.tensor(prompt)
            mask[row, width - len(prompt) :] = 1
        with torch.no_grad(), self._autocast(), self._adapter(tuned), self._compilation.applied(training=False):
            out = self.model.generate(
                input_ids=ids.to(self._device),
                attention_mask=mask.to(self._device),
                max_new_tokens=limit,
                do_sample=False,
                eos_token_id=sorted(stop_ids),
                pad_token_id=self._pad,
                stopping_criteria=[_when(enough)],
            )
        return [_until(row, stop_ids) for row in out[:, width:].tolist()]

    def save(self, folder: Path) -> None:
        if self._whole:
            full_weights.save(folder, self.model, self._before, self._adaptation, self._base_name)
        else:
            self.model.save_pretrained(str(folder), safe_serialization=True)

    def _loss(self, examples: Sequence[EncodedExample], smoothing: float = 0.0) -> torch.Tensor:
        from torch.nn import functional as F

        scores, wanted = (part.flatten(0, 1) for part in self._scores(examples))
        return F.cross_entropy(scores.float(), wanted, ignore_index=-100, reduction="sum", label_smoothing=smoothing)

    def _scores(self, examples: Sequence[EncodedExample]) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores ``(B, P, V)`` at the places where one of the examples learns something, and the tokens that are wanted.

        These are ``(B, P)``, negative where the example itself learns nothing.
        """
        import torch

        width = max(len(example.input_ids) for example in examples)
        ids = torch.full((len(examples), width), self._pad)
        targets = torch.full((len(examples), width), -100)
        for row, example in enumerate(examples):
            tokens = torch.tensor(example.input_ids)
            ids[row, : len(tokens)] = tokens
            targets[row, : len(tokens)] = tokens.where(torch.tensor(example.learned), torch.tensor(-100))
        with self._autocast():
            # padding is on the right, so that no learned token sees it and no mask is needed
            self._lengths = [len(example.input_ids) for example in examples]
            wanted = targets[:, 1:]
            places = (wanted >= 0).any(0).nonzero()[:, 0]
            only = {"logits_to_keep": places.to(self._device)} if self._chooses else {}
            logits = self.model(input_ids=ids.to(self._device), use_cache=False, **only).logits
        return logits if only else logits[:, places], wanted[:, places].to(self._device)

    def _with_noise(self, module: torch.nn.Module, _inputs: object, embedded: torch.Tensor) -> torch.Tensor:
        """A hook on the embeddings: adds noise while training, nothing in an evaluation or an answer."""
        import torch

        if not self.model.training:
            return embedded
        lengths = torch.tensor(self._lengths, dtype=torch.float32, device=embedded.device)
        rows = torch.arange(len(self._lengths), device=embedded.device)[:, None].expand(embedded.shape[:2])
        return embedded + embedding_noise(lengths, rows, embedded, self._regularisation.neftune)

    def _autocast(self) -> Any:
        import torch

        return torch.autocast(self._device.type, self._amp or torch.bfloat16, enabled=self._amp is not None)

    def _adapter(self, tuned: bool) -> Any:
        from contextlib import nullcontext

        return nullcontext() if tuned or self._whole else self.model.disable_adapter()


def _adapted(base: torch.nn.Module, adaptation: Adaptation) -> torch.nn.Module:
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if adaptation.method is Method.QLORA:  # norms in fp32, everything frozen
        base = prepare_model_for_kbit_training(base, use_gradient_checkpointing=False)
    layers = int(base.config.num_hidden_layers)  # type: ignore[union-attr, arg-type]
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=adaptation.rank,
        lora_alpha=adaptation.alpha,
        lora_dropout=adaptation.dropout,
        target_modules=list(adaptation.target_modules or full_weights.linear_layers(base)),
        use_dora=adaptation.method is Method.DORA,
        use_rslora=adaptation.method is Method.RSLORA,
        layers_to_transform=None if adaptation.is_whole else adaptation.tuned_layers(layers),
    )
    return get_peft_model(base, config, autocast_adapter_dtype=True)  # type: ignore[no-any-return]


def _flatten(parameters: list[torch.nn.Parameter]) -> tuple[torch.Tensor, torch.Tensor]:
    """Moves the parameters into one vector that they become views of, and their gradients into another."""
    import torch

    weights = torch.cat([p.detach().reshape(-1).float() for p in parameters])
    gradients = torch.zeros_like(weights)
    position = 0
    for parameter in parameters:
        end = position + parameter.numel()
        parameter.data = weights[position:end].view_as(parameter)
        parameter.grad = gradients[position:end].view_as(parameter)
        position = end
    return weights, gradients


def _when(enough: Callable[[], bool]) -> Any:
    """As transformers asks it: a flag a row, ``(B,)``."""

    def stop(input_ids: torch.Tensor, _scores: torch.Tensor, **_options: Any) -> torch.Tensor:
        return input_ids.new_full((len(input_ids),), enough()).bool()

    return stop


def _until(ids: list[int], stop_ids: frozenset[int]) -> list[int]:
    for place, token in enumerate(ids):
        if token in stop_ids:
            return ids[:place]
    return ids
