"""The looks in one place: tokens in ``static/studio.css``, mapped here onto Gradio's own variables."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import gradio as gr

from studio.settings import assets_dir

_STATIC: Final = Path(__file__).parent / "static"

# Gradio variable -> token of studio.css. Tokens change with light and dark; so both modes map onto the same one.
_TOKENS: Final[dict[str, str]] = {
    "body_background_fill": "--af-bg",
    "body_text_color": "--af-ink",
    "body_text_color_subdued": "--af-muted",
    "background_fill_primary": "--af-card",
    "background_fill_secondary": "--af-soft",
    "border_color_accent": "--af-primary",
    "border_color_primary": "--af-line",
    "color_accent_soft": "--af-primary-soft",
    "link_text_color": "--af-primary",
    "link_text_color_hover": "--af-primary-strong",
    "link_text_color_visited": "--af-primary",
    "block_background_fill": "--af-card",
    "block_border_color": "--af-line",
    "block_info_text_color": "--af-muted",
    "block_label_background_fill": "--af-card",
    "block_label_text_color": "--af-muted",
    "block_title_text_color": "--af-ink",
    "panel_background_fill": "--af-card",
    "checkbox_background_color": "--af-card",
    "checkbox_background_color_selected": "--af-primary",
    "checkbox_border_color": "--af-line-strong",
    "checkbox_border_color_focus": "--af-primary",
    "checkbox_border_color_selected": "--af-primary",
    "checkbox_label_background_fill": "--af-card",
    "checkbox_label_background_fill_hover": "--af-soft",
    "checkbox_label_background_fill_selected": "--af-primary-soft",
    "checkbox_label_text_color": "--af-ink",
    "checkbox_label_text_color_selected": "--af-ink",
    "input_background_fill": "--af-card",
    "input_background_fill_focus": "--af-card",
    "input_border_color": "--af-line-strong",
    "input_border_color_focus": "--af-primary",
    "input_placeholder_color": "--af-muted",
    "slider_color": "--af-primary",
    "table_border_color": "--af-line",
    "table_even_background_fill": "--af-card",
    "table_odd_background_fill": "--af-card",
    "table_text_color": "--af-ink",
    "table_row_focus": "--af-primary-soft",
    "button_primary_background_fill": "--af-primary",
    "button_primary_background_fill_hover": "--af-primary-strong",
    "button_primary_border_color": "--af-primary",
    "button_primary_text_color": "--af-on-primary",
    "button_secondary_background_fill": "--af-card",
    "button_secondary_background_fill_hover": "--af-soft",
    "button_secondary_border_color": "--af-line-strong",
    "button_secondary_text_color": "--af-ink",
    "error_background_fill": "--af-danger-soft",
    "error_border_color": "--af-danger",
    "error_text_color": "--af-danger",
}


def studio_theme() -> Any:
    """The Gradio theme: our tokens, our font, nothing fetched from outside."""
    theme = gr.themes.Base(
        primary_hue="teal",
        neutral_hue="stone",
        font=[gr.themes.Font("Figtree Variable"), gr.themes.Font("system-ui"), gr.themes.Font("sans-serif")],
        font_mono=[gr.themes.Font("ui-monospace"), gr.themes.Font("Consolas"), gr.themes.Font("monospace")],
        radius_size=gr.themes.sizes.radius_md,
    )
    values = {name: f"var({token})" for name, token in _TOKENS.items()}
    dark = {f"{name}_dark": value for name, value in values.items()}
    return theme.set(
        **values,
        **dark,
        block_border_width="1px",
        block_radius="var(--af-radius)",
        block_shadow="none",
        block_title_text_weight="600",
        block_label_text_weight="600",
        button_border_width="1px",
        button_large_radius="10px",
        button_medium_radius="10px",
        button_small_radius="8px",
        button_large_text_weight="600",
        button_medium_text_weight="600",
        input_radius="10px",
        input_border_width="1px",
        color_accent="var(--af-primary)",
        input_shadow_focus="0 0 0 3px var(--af-ring)",
        shadow_drop="none",
        shadow_drop_lg="var(--af-shadow)",
        layout_gap="16px",
    )


@cache
def stylesheet() -> str:
    """The style sheet with the font inside, so that no request is needed for it."""
    font = assets_dir() / "brand" / "fonts" / "figtree-latin-wght-normal.woff2"
    encoded = base64.b64encode(font.read_bytes()).decode()
    face = (
        "@font-face{font-family:'Figtree Variable';font-style:normal;font-weight:300 900;font-display:swap;"
        f"src:url(data:font/woff2;base64,{encoded}) format('woff2')}}\n"
    )
    return face + _joined("css")


@cache
def logo() -> str:
    """The logo as SVG source."""
    return (assets_dir() / "brand" / "logo.svg").read_text(encoding="utf-8").strip()


def head(language: str, toasts: dict[str, str]) -> str:
    """What goes into the page's head: icon, colour scheme, language and our script.

    Args:
        language: BCP 47 tag such as ``pt-BR``; the page and the texts of Gradio itself follow it.
        toasts: what its messages over the page say instead: ``error``, ``warning``, ``info``, ``lost``, ``detail``.
    """
    script = _joined("js").replace("__LANGUAGE__", language)
    script = script.replace("__TOASTS__", json.dumps(toasts, ensure_ascii=False))
    icon = f'<link rel="icon" type="image/svg+xml" href="data:image/svg+xml,{quote(logo())}">'
    return f'{icon}<meta name="color-scheme" content="light dark"><script>{script}</script>'


def _joined(ending: str) -> str:
    """Our files of one kind as one text: ``studio`` first, which the others build on."""
    paths = sorted(_STATIC.glob(f"*.{ending}"), key=lambda path: (path.stem != "studio", path.name))
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)
