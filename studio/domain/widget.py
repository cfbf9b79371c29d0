"""The chat widget on the owner's own site."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

COLOUR: Final = "#0f766e"  # unless the owner chooses another


class Widget(BaseModel):
    """The chat on a site, in which the chatbot of a demo link answers."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="Stands in the site's HTML; does not tell the link's address.")
    token: str = Field(description="Of the demo link whose chatbot answers.")
    sites: tuple[str, ...] = Field(description="Origins on which it may stand, such as https://shop.example.")
    colour: str = Field(default=COLOUR, description="Of its bubble and head, as #rrggbb.")

    @property
    def text_colour(self) -> str:
        """White or black, whichever is easier to read on :attr:`colour`."""
        red, green, blue = (_linear(int(self.colour[place : place + 2], 16) / 255) for place in (1, 3, 5))
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else "#000000"


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
