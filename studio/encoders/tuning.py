"""Tunes the upper layers of a sentence encoder to an owner's answers. Imports torch: for child processes only.

Supervised contrastive learning (Khosla et al. 2020) on questions that share an answer, and the cross-entropy of each
question's answer among all answers (Karpukhin et al. 2020). The lower layers stay as they are, so what they make of each
text is computed once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from studio.encoders.encoder import Encoder
from studio.errors import from_exception

if TYPE_CHECKING:
    import torch

LAYERS_FILE: Final = "encoder_layers.safetensors"
STEPS: Final = 20  # of the optimizer, for one encoder
_TUNED_LAYERS: Final = 3  # the upper ones
_BATCH: Final = 72  # questions with an answer in a step
_OUTSIDE_BATCH: Final = 24  # questions without one, which are near nothing
_ANSWER_BATCH: Final = 32
_LEARNING_RATE: Final = 2e-4
_WARMUP_STEPS: Final = 5
_TEMPERATURE: Final = 0.05
_GROUP: Final = 32  # texts of like length that are read at a time: filling costs as much as words


@dataclass(frozen=True)
class LowerStates:
    """What the lower layers make of texts.

    Args:
        states: of each text, shape ``(tokens, dimensions)``.
    """

    states: tuple[torch.Tensor, ...]

    def __len__(self) -> int:
        return len(self.states)

    def batch(self, places: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """States of some texts, filled up to the longest, and which of them are tokens."""
        import torch

        chosen = [self.states[place] for place in places]
        mask = [torch.ones(len(each), dtype=torch.bool) for each in chosen]
        pad = torch.nn.utils.rnn.pad_sequence
        return pad(chosen, batch_first=True), pad(mask, batch_first=True)

    def subset(self, places: Sequence[int] | NDArray[np.int64]) -> LowerStates:
        """Those of some of the texts."""
        return LowerStates(tuple(self.states[place] for place in places))


def can_tune(encoder: Encoder) -> bool:
    """Whether a model has layers in BERT's way; others are used as they are."""
    layers = getattr(getattr(encoder.model, "encoder", None), "layer", None)
    return layers is not None


def upper_layers(encoder: Encoder) -> torch.nn.ModuleList:
    """The layers of an encoder that are tuned, as they are."""
    upper: torch.nn.ModuleList = _layers(encoder)[_kept_layers(encoder) :]
    return upper


def lower_states(encoder: Encoder, texts: Sequence[str]) -> LowerStates:
    """What the layers below :func:`upper_layers` make of texts."""
    import torch

    found: list[torch.Tensor | None] = [None] * len(texts)

    def keep(places: Sequence[int], hidden: torch.Tensor, mask: torch.Tensor) -> None:
        for row, place in enumerate(places):
            found[place] = hidden[row, mask[row].bool()].clone()

    with_layers(encoder, torch.nn.ModuleList()).read(texts, keep)
    return LowerStates(tuple(each for each in found if each is not None))


def with_layers(encoder: Encoder, upper: torch.nn.ModuleList) -> Encoder:
    """An encoder with other upper layers, which shares everything else with the first."""
    import torch

    model, inner = copy.copy(encoder.model), copy.copy(encoder.model.encoder)
    model._modules, inner._modules = dict(model._modules), dict(inner._modules)  # type: ignore[union-attr]
    inner.layer = torch.nn.ModuleList([*_layers(encoder)[: _kept_layers(encoder)], *upper])  # type: ignore[union-attr]
    model.encoder = inner
    return Encoder(model, encoder.tokenizer, encoder.traits)


def vectors(layers: torch.nn.ModuleList, lower: LowerStates) -> NDArray[np.float32]:
    """What an encoder with these upper layers gives for texts; see :meth:`Encoder.encode`."""
    import torch

    layers.eval()
    with torch.inference_mode():
        return np.asarray(_read(layers, lower, range(len(lower))).numpy(), np.float32)


def tune(
    layers: torch.nn.ModuleList,
    questions: LowerStates,
    labels: NDArray[np.int64],
    answers: LowerStates,
    *,
    seed: int = 0,
    in_bf16: bool = False,
    before_step: Callable[[], object] = lambda: None,
) -> torch.nn.ModuleList:
    """A tuned copy of upper layers.

    Args:
        layers: to begin from.
        questions: of the owner, and others that no answer fits.
        labels: position of each question's answer; the number of answers, or more, for the others.
        answers: the owner's distinct ones.
        seed: of the batches.
        in_bf16: whether products are in bfloat16, where that is quicker.
        before_step: called :data:`STEPS` times.
    """
    import torch

    tuned = copy.deepcopy(layers).train()
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    is_own = labels < len(answers)
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=_LEARNING_RATE, weight_decay=0.01)
    for step in range(STEPS):
        before_step()
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * min(1.0, (step + 1) / _WARMUP_STEPS) * (1 - step / STEPS)
        own = random.permutation(np.flatnonzero(is_own))[:_BATCH]
        outside = random.permutation(np.flatnonzero(~is_own))[:_OUTSIDE_BATCH]
        offered = _offered(labels[own], len(answers), random)
        with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
            asked = _read(tuned, questions, [*own.tolist(), *outside.tolist()])
            said = _read(tuned, answers, offered.tolist())
        loss = contrastive_loss(asked, torch.from_numpy(labels[own]))
        places = torch.from_numpy(np.searchsorted(offered, labels[own]))
        loss = loss + torch.nn.functional.cross_entropy(asked[: len(own)] @ said.T / _TEMPERATURE, places)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return tuned.eval()


def save_layers(layers: torch.nn.ModuleList, folder: Path) -> None:
    """Writes tuned layers to :data:`LAYERS_FILE`, as half floats."""
    from safetensors.torch import save_file

    save_file({name: each.half().contiguous() for name, each in layers.state_dict().items()}, folder / LAYERS_FILE)


def rounded(layers: torch.nn.ModuleList) -> torch.nn.ModuleList:
    """Layers as :func:`load_tuned` will read them."""
    import torch

    with torch.no_grad():
        for each in layers.parameters():
            each.copy_(each.half().float())
    return layers


@dataclass(frozen=True)
class EncoderPair:
    """An encoder as it was made, and tuned.

    Args:
        untuned: the first.
        tuned: the other, which shares its lower layers.
    """

    untuned: Encoder
    tuned: Encoder

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of the first, followed by those of the other; see :meth:`Encoder.encode`."""
        return np.concatenate([self.untuned.encode(texts), self.tuned.encode(texts)], axis=1)


def load_tuned(encoder: Encoder, folder: Path) -> Encoder | EncoderPair:
    """An encoder beside itself with the upper layers that a folder keeps; the encoder alone where it keeps none.

    Raises:
        AfinaError: ``model.weights_damaged``.
    """
    from safetensors.torch import load_file

    path = folder / LAYERS_FILE
    if not path.is_file():
        return encoder
    layers = copy.deepcopy(upper_layers(encoder))
    try:
        layers.load_state_dict({name: each.float() for name, each in load_file(path).items()})
    except Exception as error:
        raise from_exception(error) from error
    return EncoderPair(encoder, with_layers(encoder, layers.eval()))


def _layers(encoder: Encoder) -> Any:
    return encoder.model.encoder.layer  # type: ignore[union-attr]


def _kept_layers(encoder: Encoder) -> int:
    """How many layers, from below, stay as they are."""
    return max(0, int(encoder.model.config.num_hidden_layers) - _TUNED_LAYERS)  # type: ignore[union-attr, arg-type]


def contrastive_loss(vectors: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Loss of questions by how near those of the same answer are among all.

    Args:
        vectors: shape ``(questions, dimensions)``.
        labels: answers of the first of them; the rest have none.
    """
    from torch.nn import functional

    own = len(labels)
    alike = (vectors @ vectors.T / _TEMPERATURE).fill_diagonal_(-1e4)
    partners = (labels[:, None] == labels[None]).fill_diagonal_(False)
    paired = partners.any(dim=1)
    if not paired.any():
        return alike.sum() * 0
    logs = functional.log_softmax(alike, dim=1)[:own, :own]
    return -((logs * partners).sum(1)[paired] / partners.sum(1)[paired]).mean()


def _offered(labels: NDArray[np.int64], answers: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Answers of a step, ascending: those of its questions, and others as far as there is room."""
    wanted = np.unique(labels)
    others = np.setdiff1d(np.arange(answers), wanted)
    return np.sort(np.concatenate([wanted, random.permutation(others)[: max(0, _ANSWER_BATCH - len(wanted))]]))


def _read(layers: torch.nn.ModuleList, lower: LowerStates, places: Sequence[int]) -> torch.Tensor:
    """Vectors of some texts, as float32."""
    import torch

    order = sorted(range(len(places)), key=lambda place: len(lower.states[places[place]]))
    groups = [order[start : start + _GROUP] for start in range(0, len(order), _GROUP)]
    found = torch.cat([_pooled(layers, *lower.batch([places[at] for at in group])) for group in groups])
    return found.float()[torch.from_numpy(np.argsort(order))]


def _pooled(layers: torch.nn.ModuleList, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    from torch.nn import functional

    seen = mask[:, None, None, :].expand(-1, 1, mask.shape[1], -1)
    for layer in layers:
        hidden = layer(hidden, seen)
    weight = mask[:, :, None].to(hidden.dtype)
    return functional.normalize((hidden * weight).sum(1) / weight.sum(1), dim=1)
