"""The picture of one example: who says what, from which column, and what else a part could be made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from markupsafe import Markup

from studio.data.importing.column_mapping import reason
from studio.domain.conversation import Role
from studio.domain.dataset import ColumnRole, DatasetView, TableRead
from studio.web.ui.components import EMPTY, Ui, button, join, wrapped

_CARD: Final = Markup(
    '<section class="af-card"><div class="af-row af-between af-top-row"><div><h2>{title}</h2>'
    '<p class="af-muted af-small">{why}</p></div>{act}</div>{body}</section>'
)
_SAY: Final = Markup('<div class="af-say {kind}"><small>{who}</small>{text}</div>')
_PART: Final = Markup(
    '<button type="button" class="af-say af-part {kind}" data-action="pick" data-role="{role}" aria-expanded="{open}">'
    '<small>{who}<span class="af-part-change">{change}</span></small>{texts}</button>'
)
_TEXT: Final = Markup('<span class="af-part-text"><em title="{why}">{column}</em>{text}</span>')
_CHIP: Final = Markup(
    '<button type="button" class="af-chip" aria-pressed="{on}" data-action="{action}" {data}{title}>{label}</button>'
)
_LINE: Final = Markup('<div class="af-pick-line"><span class="af-muted af-small">{label}</span>{chips}</div>')
_PANEL: Final = Markup('<div class="af-picker" role="group" aria-label="{title}"><h3>{title}</h3>{lines}</div>')
_OPTIONAL: Final = (ColumnRole.SYSTEM, ColumnRole.TOPIC, ColumnRole.ID)
_SHOWN: Final = 400  # characters of a part
_SPEAKERS: Final = 8
_COLUMNS: Final = 40


def render_mapping(ui: Ui, view: DatasetView, system_prompt: str, picking: ColumnRole | None = None) -> str:
    """One example as a conversation."""
    text = ui.text
    row = _row_of(view)
    pickable = row is not None and view.mapping.is_complete
    said = (
        []
        if system_prompt == ""
        else [_SAY.format(kind="system", who=text("examples.mapping.part.prompt"), text=system_prompt)]
    )
    parts = _parts(ui, view, row or {}, picking) if pickable else _turns(ui, view)
    act = (
        button(text("examples.mapping.swap"), "swap", kind="small", elem_id="mapping-swap", **_ask(ui, view))
        if pickable
        else EMPTY
    )
    body = [_sheets(ui, view), _company(ui, view), *said, *parts]
    if pickable:
        body.append(_others(ui, view, picking))
        if picking is not None:
            body.append(_picker(ui, view, picking))
    why = text("examples.mapping.why" if pickable else "examples.mapping.why_turns")
    return wrapped(_CARD.format(title=text("examples.mapping.title"), why=why, act=act, body=join(body)))


def _row_of(view: DatasetView) -> dict[str, str] | None:
    """The first row of the sample with a question and an answer."""
    mapping = view.mapping
    for row in view.sample:
        if any(row.get(name) for name in mapping.question) and any(row.get(name) for name in mapping.answer):
            return dict(row)
    return None


def _turns(ui: Ui, view: DatasetView) -> list[Markup]:
    """An example that has no columns to choose: a conversation as it was found."""
    if not view.conversations:
        return []
    names = {Role.ASSISTANT: "examples.answer", Role.SYSTEM: "examples.system", Role.TOOL: "examples.mapping.part.tool"}
    turns = []
    for message in view.conversations[0].messages:
        kind = "answers" if message.role is Role.ASSISTANT else "asks"
        who = ui.text(names.get(message.role, "examples.customer"))
        turns.append(_SAY.format(kind=kind, who=who, text=_short(message.content)))
    return turns


def _parts(ui: Ui, view: DatasetView, row: dict[str, str], picking: ColumnRole | None) -> list[Markup]:
    """The instruction, the question and the answer of a row, each by its columns."""
    kinds = {ColumnRole.SYSTEM: "system", ColumnRole.QUESTION: "asks", ColumnRole.ANSWER: "answers"}
    parts = []
    for role, kind in kinds.items():
        columns: tuple[str, ...] = getattr(view.mapping, role.value)
        if not columns:
            continue
        texts = join(
            _TEXT.format(column=name, why=_why(ui, view, name, role), text=_short(row.get(name, "")))
            for name in columns
        )
        parts.append(
            _PART.format(
                kind=kind,
                role=role.value,
                open="true" if picking is role else "false",
                who=ui.text(f"examples.mapping.part.{role.value}"),
                change=ui.text("examples.mapping.change"),
                texts=texts,
            )
        )
    return parts


def _why(ui: Ui, view: DatasetView, column: str, role: ColumnRole) -> str:
    """Why a column has its part."""
    if view.version.action == "mapping":
        return ui.text("examples.mapping.why.chosen")
    return ui.text(f"examples.mapping.why.{reason(column, role, view.columns, view.sample)}")


def _others(ui: Ui, view: DatasetView, picking: ColumnRole | None) -> Markup:
    """The parts that an example may have and need not: instruction, topic, id."""
    chips = []
    for role in _OPTIONAL:
        value = getattr(view.mapping, role.value)
        column = ", ".join(value) if isinstance(value, tuple) else value or ui.text("examples.mapping.none")
        if role is ColumnRole.SYSTEM and value:
            continue  # it stands in the picture
        label = ui.text(f"examples.mapping.optional.{role.value}", column=column or ui.text("examples.mapping.none"))
        chips.append(_chip(label, "pick", on=picking is role, role=role.value))
    reasons = _reasons(ui, view)
    return Markup("{}{}").format(_LINE.format(label=ui.text("examples.mapping.more"), chips=_chips(chips)), reasons)


def _reasons(ui: Ui, view: DatasetView) -> Markup:
    """In a sentence each, why the question and the answer were taken from where they were."""
    said = []
    for role in (ColumnRole.QUESTION, ColumnRole.ANSWER):
        for column in getattr(view.mapping, role.value):
            why = _why(ui, view, column, role)
            part = ui.text(f"examples.mapping.part.{role.value}")
            said.append(Markup("<li><b>{}</b> ← “{}”: {}</li>").format(part, column, why))
    return Markup(
        '<details id="mapping-reasons"><summary>{}</summary><ul class="af-small af-reasons">{}</ul></details>'
    ).format(ui.text("examples.mapping.reasons"), join(said))


def _picker(ui: Ui, view: DatasetView, role: ColumnRole) -> Markup:
    """The columns to choose from for a part."""
    text = ui.text
    value = getattr(view.mapping, role.value)
    several = isinstance(value, tuple)
    taken = value if isinstance(value, tuple) else tuple(filter(None, [value]))
    columns = view.columns[:_COLUMNS]
    ask = _ask(ui, view)
    lines = [
        _LINE.format(
            label=text("examples.mapping.use"),
            chips=_chips(_column(view, name, "take", role, ask, on=taken == (name,)) for name in columns),
        )
    ]
    if several and taken:
        rest = [name for name in columns if name not in {*taken, *view.mapping.question, *view.mapping.answer}]
        lines.append(
            _LINE.format(
                label=text("examples.mapping.join"),
                chips=_chips(_column(view, name, "join", role, ask) for name in rest),
            )
        )
    if several and len(taken) > 1:
        lines.append(
            _LINE.format(
                label=text("examples.mapping.drop"),
                chips=_chips(_column(view, name, "drop", role, ask) for name in taken),
            )
        )
    acts = [button(text("examples.mapping.close"), "close", kind="small quiet")]
    if role in _OPTIONAL and taken:
        acts.insert(
            0, button(text("examples.mapping.use_none"), "take", kind="small", role=role.value, column="", **ask)
        )
    lines.append(Markup('<div class="af-row">{}</div>').format(join(acts)))
    return _PANEL.format(title=text(f"examples.mapping.pick.{role.value}"), lines=join(lines))


def _column(
    view: DatasetView, name: str, action: str, role: ColumnRole, ask: dict[str, str], *, on: bool = False
) -> Markup:
    cell = next((row[name] for row in view.sample if row.get(name)), "")
    return _chip(name, action, on=on, title=_short(cell, 120), role=role.value, column=name, **ask)


def _sheets(ui: Ui, view: DatasetView) -> Markup:
    """The sheets of the workbooks, to leave out or to take in."""
    tables = [table for table in view.tables if table.sheet]
    if len(tables) < 2:
        return EMPTY
    chips = [
        _chip(
            _sheet_label(ui, table),
            "sheet",
            on=table.chosen and table.examples > 0,
            name=table.sheet or "",
            **_ask(ui, view),
        )
        for table in tables
    ]
    return _LINE.format(label=ui.text("examples.mapping.sheets"), chips=_chips(chips))


def _sheet_label(ui: Ui, table: TableRead) -> str:
    if not table.chosen:
        return f"{table.sheet} · {ui.text('examples.mapping.left_out')}"
    return f"{table.sheet} · {ui.text('examples.read', n=table.examples)}"


def _company(ui: Ui, view: DatasetView) -> Markup:
    """Who speaks in a chat, and which of them is the company."""
    speakers = [pair for table in view.tables for pair in table.speakers]
    if not speakers or view.mapping.company is None:
        return EMPTY
    chips = [
        _chip(
            f"{name} · {ui.text('examples.mapping.messages', n=count)}",
            "company",
            on=name == view.mapping.company,
            name=name,
            **_ask(ui, view),
        )
        for name, count in speakers[:_SPEAKERS]
    ]
    return _LINE.format(label=ui.text("examples.mapping.company"), chips=_chips(chips))


def _ask(ui: Ui, view: DatasetView) -> dict[str, str]:
    """What is asked before the files are read again, where examples were changed by hand since."""
    if view.version.action in ("import", "mapping", "sample"):
        return {}
    text = ui.text
    detail = text("examples.mapping.again_detail", number=str(view.version.number))
    return {
        "ask": text("examples.mapping.again"),
        "detail": detail,
        "yes": text("examples.mapping.again_yes"),
        "no": text("common.cancel"),
    }


def _chip(label: str, action: str, *, on: bool = False, title: str = "", **data: str) -> Markup:
    attributes = join(Markup('data-{}="{}" ').format(name, value) for name, value in data.items())
    hint = Markup('title="{}"').format(title) if title else EMPTY
    return _CHIP.format(on="true" if on else "false", action=action, data=attributes, title=hint, label=label)


def _chips(chips: Iterable[Markup]) -> Markup:
    return Markup('<div class="af-chips">{}</div>').format(join(chips))


def _short(text: str, limit: int = _SHOWN) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
