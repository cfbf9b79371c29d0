"""The logo and the font, for the light pages that stand outside of the studio: the demo and the password."""

from __future__ import annotations

from functools import cache

from markupsafe import Markup
from starlette.responses import FileResponse

from studio.settings import assets_dir


@cache
def logo() -> Markup:
    """The logo as SVG to put into a page: our own file, so nothing in it needs escaping."""
    return Markup((assets_dir() / "brand" / "logo.svg").read_text(encoding="utf-8").strip())


def font(headers: dict[str, str]) -> FileResponse:
    """The font of the studio."""
    path = assets_dir() / "brand" / "fonts" / "figtree-latin-wght-normal.woff2"
    return FileResponse(path, media_type="font/woff2", headers=headers)
