"""The README.md of an export: what the model is, under which terms, how it was made, how to load it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from studio import __version__
from studio.i18n.catalog import catalog
from studio.sharing.exporters.base import Exporter, ExportSource
from studio.sharing.proof_report.sentences import basis_sentence, interval_sentence, shown_p, verdict_sentence
from studio.storage.files import write_atomic

_LIBRARIES: Final = {"adapter": "peft", "merged": "transformers"}
_RELATIONS: Final = {"adapter": "adapter", "merged": "finetune"}
_LICENCES: Final = {"apache-2.0": "apache-2.0", "mit": "mit", "gemma terms of use": "gemma"}
# The words that section 3.1 of https://ai.google.dev/gemma/terms asks every distribution to carry.
_GEMMA_NOTICE: Final = (
    "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"
)


def write_model_card(source: ExportSource, exporter: Exporter, into: Path) -> None:
    """Writes ``README.md``, and ``NOTICE`` where the terms of the base model ask for it."""
    write_atomic(into / "README.md", model_card(source, exporter))
    if _is_gemma(source):
        write_atomic(into / "NOTICE", _GEMMA_NOTICE + "\n")


def model_card(source: ExportSource, exporter: Exporter) -> str:
    """The text of the card: Markdown with the header that model hubs read."""
    card = source.card
    base = f"[{source.reference}](https://huggingface.co/{source.reference})" if source.reference else _plain(card.name)
    loss = "not measured" if source.loss is None else f"{source.loss:.4f} nats a token"
    licence = _plain(card.licence.name)
    made = time.strftime("%Y-%m-%d", time.gmtime(source.ended_at or time.time()))
    facts = {
        "Base model": base,
        "Licence": f"[{licence}]({card.licence.url})" if card.licence.url else licence,
        "Languages of the base model": ", ".join(card.languages) or "not known",
        "Tuned on": f"{made}, with Afina {__version__}",
        "Examples": f"{source.examples} to learn from, {source.held_out} held out",
        "Held-out loss": f"{loss}, at step {source.step}",
    }
    return f"""{_header(source, exporter)}
# {_plain(source.name)}

A chatbot tuned on its owner's own examples, from {_plain(card.name)}. {_what(source, exporter)}

{_table("", facts)}

## How to use it

{exporter.usage(source)}

## How it was made

{_table("Setting", _settings(source))}

{_proof(source)}## Limits

It was taught the facts of one organisation and answers in the style of its examples. Outside of them it is as small
as its base model, and can be wrong with confidence: check its answers before relying on them.
{_notice(source)}"""


def _proof(source: ExportSource) -> str:
    """What the final exam said of it; nothing where it has not been sat."""
    proof, text = source.proof, catalog("en")
    if proof is None:
        return ""
    metric = text(f"proof.metric.{proof.headline.value}")
    caveat = f"\n\n{text('proof.also_chose')}" if proof.exam_also_chose else ""
    return f"""## Is it better than the base model?

{verdict_sentence(text, proof)} {interval_sentence(text, proof.difference)}
{basis_sentence(text, proof)} An answer is right by this measure: {metric}.
Exact McNemar test: p = {shown_p(text, proof.p)}; the range is a 95 % bootstrap interval, resampled by topic.{caveat}

"""


def _header(source: ExportSource, exporter: Exporter) -> str:
    licence = _LICENCES.get(source.card.licence.name.lower(), "other")
    if exporter.kind.startswith("site"):  # a static Space of the hub, with the headers that several threads need
        headers = ("embedder-policy: require-corp", "opener-policy: same-origin", "resource-policy: cross-origin")
        title = _plain(source.title or source.name) or "Chatbot"
        lines = ["---", f'title: "{title}"', "sdk: static", "app_file: index.html"]
        lines += [f"license: {licence}", "custom_headers:", *(f"  cross-origin-{header}" for header in headers)]
        return "\n".join([*lines, "tags:", "- afina", "---", ""])
    lines = ["---", f"library_name: {_LIBRARIES.get(exporter.kind, 'gguf')}"]
    if source.reference:
        lines.append(f"base_model: {source.reference}")
        lines.append(f"base_model_relation: {_RELATIONS.get(exporter.kind, 'quantized')}")
    lines.append(f"license: {licence}")
    if licence == "other":
        lines.append(f"license_name: {_plain(source.card.licence.name) or 'unknown'}")
    if source.card.languages:
        lines += ["language:", *(f"- {language}" for language in source.card.languages)]
    return "\n".join([*lines, "pipeline_tag: text-generation", "tags:", "- afina", "---", ""])


def _what(source: ExportSource, exporter: Exporter) -> str:
    if exporter.kind == "adapter":
        return "This folder holds only what was learned; it needs the base model named below."
    how = "with what was learned added in" if source.has_adapter else "with every weight tuned"
    return f"This folder is the whole model, {how}, in {exporter.precision}."


def _settings(source: ExportSource) -> dict[str, str]:
    recipe = source.recipe
    values = {
        "Method": recipe.method,
        "Rank": recipe.rank if source.has_adapter else None,
        "Alpha": recipe.alpha if source.has_adapter else None,
        "Dropout": recipe.dropout if source.has_adapter else None,
        "Tuned layers": ", ".join(recipe.target_modules or ()) or None,
        "Last layers only": recipe.last_layers,
        "Learning rate": recipe.learning_rate,
        "Schedule": recipe.schedule,
        "Warm-up": recipe.warmup_ratio,
        "Weight decay": recipe.weight_decay,
        "Epochs": recipe.epochs,
        "Batch size": recipe.batch_size,
        "Longest example": f"{recipe.max_length} tokens" if recipe.max_length else None,
        "Varied questions": {True: "yes", False: "no", None: None}[recipe.augment],
        "Seed": recipe.seed,
    }
    return {name: str(value) for name, value in values.items() if value is not None}


def _notice(source: ExportSource) -> str:
    if not _is_gemma(source):
        return ""
    return f"""
## Notice

{_GEMMA_NOTICE}. The weights in this folder were modified by tuning. Whoever passes them on has to pass on those
terms, including the use restrictions of the Gemma Prohibited Use Policy (ai.google.dev/gemma/prohibited_use_policy).
"""


def _is_gemma(source: ExportSource) -> bool:
    card = source.card
    return any("gemma" in text.lower() for text in (card.id, card.name, card.licence.name, source.reference))


def _table(title: str, rows: dict[str, str]) -> str:
    body = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return f"| {title} | |\n|---|---|\n{body}"


def _plain(text: str) -> str:
    """One line without characters that Markdown or YAML would read as their own."""
    return " ".join("".join(char for char in text if char not in '`*_[]<>#|{}:\\"').split())
