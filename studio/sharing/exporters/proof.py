"""The proof that an export answers as the tuned chatbot does: logits on the run's own examples. Needs torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from studio.domain.conversation import Conversation
from studio.errors import AfinaError
from studio.models.chat_template import ChatTemplate
from studio.models.tokenizer import Tokenizer
from studio.storage.kept_adapter import require_adapter
from studio.storage.workspace import RunFolder

if TYPE_CHECKING:
    import torch

_EXAMPLES: Final = 3
_TOKENS: Final = 48  # with a vocabulary of 262,144, fifty megabytes of logits an example
EXACT: Final = 1e-3  # largest difference of a logit, as a share of the largest logit: what adding in fp32 may cost
ROUNDED: Final = 0.02  # mean Kullback-Leibler divergence in nats a token: what rounding weights to bfloat16 may cost


def kept_folder(run: RunFolder) -> Path:
    """The folder with the kept adapter of a run.

    Raises:
        AfinaError: ``export.not_ready``, ``run.damaged``.
    """
    return require_adapter(run, "export.not_ready").folder


def proof_texts(run: RunFolder, model_dir: Path) -> list[list[int]]:
    """Token ids of a few held-out examples as the model sees them, or of trained ones where none were held out."""
    template, tokenizer = ChatTemplate.load(model_dir), Tokenizer.load(model_dir)
    conversations = [*_some(run.held_out), *_some(run.train)][:_EXAMPLES]
    if not conversations:
        conversations = [Conversation.pair("Hello?", "Hello!")]
    return [tokenizer.encode(template.render(example.messages, False))[:_TOKENS] for example in conversations]


def logits_of(model: torch.nn.Module, texts: list[list[int]]) -> list[torch.Tensor]:
    """Logits of each text in float32, each of shape ``(length, vocabulary)``."""
    import torch

    with torch.inference_mode():
        return [model(input_ids=torch.tensor([ids])).logits[0].float() for ids in texts]


def require_exact(expected: list[torch.Tensor], found: list[torch.Tensor]) -> None:
    """Checks that two models compute the same, up to the order of additions in float32.

    Raises:
        AfinaError: ``export.differs``.
    """
    for one, other in zip(expected, found, strict=True):
        difference = float((one - other).abs().max() / one.abs().max())
        if not difference <= EXACT:  # also refuses NaN
            raise AfinaError("export.differs", difference=f"{difference:.2g}")


def require_close(expected: list[torch.Tensor], found: list[torch.Tensor], allowed: float = ROUNDED) -> None:
    """Checks that two models speak alike: the divergence of their next-token distributions, mean over all tokens.

    Args:
        expected: logits of the model as it was trained.
        found: of the exported one.
        allowed: nats a token.

    Raises:
        AfinaError: ``export.differs``.
    """
    import torch

    sums, count = 0.0, 0
    for one, other in zip(expected, found, strict=True):
        p, q = torch.log_softmax(one, -1), torch.log_softmax(other, -1)
        sums += float((p.exp() * (p - q)).sum())
        count += len(one)
    if not sums / count <= allowed:
        raise AfinaError("export.differs", difference=f"{sums / count:.2g}")


def _some(path: Path) -> list[Conversation]:
    try:
        with path.open(encoding="utf-8") as file:
            lines = [line for _, line in zip(range(_EXAMPLES), file, strict=False)]
    except OSError:
        return []
    return [Conversation.model_validate_json(line) for line in lines if line.strip()]
