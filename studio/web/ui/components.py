"""Small pieces of HTML, which screens and their templates use. Whatever a person wrote is escaped."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import unquote

import gradio as gr
from gradio.context import LocalContext
from jinja2 import Environment
from jinja2.runtime import Context
from markupsafe import Markup, escape

from studio.domain.author import acting_as
from studio.domain.problem import Problem, Severity
from studio.domain.run import RunState
from studio.i18n.catalog import Catalog
from studio.services.container import Services
from studio.web.templating import JoinedLines, html_templates
from studio.web.ui.session import Place

Handler = TypeVar("Handler", bound=Callable[..., Any])
EMPTY: Final = Markup("")
_TOAST_SECONDS: Final = 20.0  # that it stays; as in studio/web/ui/static/examples.css
_TOAST: Final = Markup(
    '<div class="af-toast" role="status" style="animation-delay:{delay}s"><span>{what}</span>{undo}</div>'
)
NAME_COOKIE: Final = "afina_name"
QUIET: Final = {"show_progress": "hidden", "api_visibility": "private"}  # for handlers whose part shows what goes on
_BAR: Final = Markup(
    '<div class="af-bar {going}" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}"'
    ' aria-label="{label}"><i style="width:{percent}%"></i></div>'
)
_STATE_KINDS: Final = {
    RunState.FINISHED: "good",
    RunState.RUNNING: "warn",
    RunState.STARTING: "warn",
    RunState.STOPPING: "warn",
    RunState.FAILED: "bad",
}


@dataclass(frozen=True)
class Ui:
    """What every page is built with.

    Attributes:
        place: the component that holds the query of the address; writing to it goes there.
    """

    services: Services
    text: Catalog
    place: Any

    def actions(self, *, elem_id: str, keeps_focus: bool = False) -> Any:
        """An HTML component whose ``[data-action]`` buttons raise its ``action`` event.

        With ``keeps_focus`` a pressed button has the focus again after the component was rendered anew.
        """
        script = f"afina.{'kept' if keeps_focus else 'actions'}(element, trigger, watch); /* raises 'action' */"
        return gr.HTML("", elem_id=elem_id, js_on_load=script, apply_default_css=False)

    def html(self, *, elem_id: str | None = None, value: str = "") -> Any:
        """An HTML component that only shows."""
        return gr.HTML(value, elem_id=elem_id, js_on_load=None, apply_default_css=False)

    def render(self, template: str, **values: Any) -> str:
        """A file of ``templates/`` as the value of an HTML component; see :func:`render`."""
        return wrapped(render(self.text, template, **values))


def _nothing(_place: Place) -> dict[Any, Any]:
    return {}


@dataclass(frozen=True)
class Page:
    """A screen.

    Attributes:
        column: of all its components.
        outputs: every component that ``show`` and ``fill`` may change.
        show: renders a place; returns values by component. It runs at every visit and after every change.
        fill: the same for what a person types into, folds or unfolds: only when another project is opened, or what she
            typed meanwhile would be lost. Its values take the place of those of ``show``. Where it returns nothing, it is
            asked again at the next visit.
    """

    column: Any
    outputs: tuple[Any, ...]
    show: Callable[[Place], dict[Any, Any]]
    fill: Callable[[Place], dict[Any, Any]] = _nothing


def friendly(text: Catalog) -> Callable[[Handler], Handler]:
    """Makes a handler show what went wrong as a sentence, and leave the screen as it is."""

    def wrap(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def handled(*args: Any) -> Any:
            try:
                with acting_as(visitor_name()):
                    return handler(*args)
            except Exception as error:
                warn(text, error)
                return gr.skip()

        return handled  # type: ignore[return-value]

    return wrap


def visitor_name() -> str:
    """The name that the person at the browser gave once; empty where she gave none."""
    request = LocalContext.request.get(None)
    return unquote(request.cookies.get(NAME_COOKIE, "")) if request is not None else ""


def warn(text: Catalog, error: BaseException) -> None:
    """Shows the sentence of an error over the page."""
    gr.Warning(str(escape(text.error(error))), title=text("common.toast.problem"), duration=12)


def say(text: Catalog, key: str, **params: Any) -> None:
    """Shows a short message over the page."""
    gr.Info(str(escape(text(key, **params))), title=text("common.brand.name"), duration=5)


def event_data(event: Any) -> dict[str, str]:
    """The data of an ``action`` event as text values."""
    return {str(name): str(value) for name, value in dict(event._data or {}).items()}


def wrapped(*parts: str) -> str:
    """Parts as the value of an HTML component, under our style rules."""
    return str(Markup('<div class="af af-stack">{}</div>').format(join(parts)))


def join(parts: Iterable[str]) -> Markup:
    """Parts one after the other; what is not Markup is escaped."""
    return EMPTY.join(parts)


def lead(text: Catalog, page: str) -> str:
    """The head of a page: its title, and in one sentence why it exists."""
    title, why = text(f"{page}.title"), text(f"{page}.why")
    return wrapped(Markup('<div class="af-lead"><h1>{}</h1><p>{}</p></div>').format(title, why))


def next_link(text: Catalog, place: Place, label: str, *, primary: bool, hint: str = "") -> str:
    """The way to the next step; it is the page's primary button once its work is done."""
    html = Markup(
        '<div class="af-next"><span class="af-muted af-small">{hint}</span>'
        '<a id="next-step" class="af-button {kind}" data-nav href="{href}">{label} <span aria-hidden="true">→</span></a>'
        "</div>"
    )
    kind = "primary" if primary else ""
    return wrapped(html.format(hint=hint, kind=kind, href=place.href, label=text(label)))


def badge(label: str, kind: str = "") -> Markup:
    """A small label: ``good``, ``warn``, ``bad`` or neutral."""
    return Markup('<span class="af-badge {}">{}</span>').format(kind, label)


def state_badge(text: Catalog, state: RunState, fraction: float = 0.0) -> Markup:
    """Where a run stands, with the share done while it is going on."""
    label = text(f"train.state.{state.value}")
    if state is RunState.RUNNING:
        label = f"{label} · {round(fraction * 100)}%"
    return badge(label, _STATE_KINDS.get(state, ""))


def bar(fraction: float, label: str, *, going: bool = False) -> Markup:
    """A progress bar, ``fraction`` 0 to 1."""
    percent = round(min(1.0, max(0.0, fraction)) * 100)
    return _BAR.format(percent=percent, label=label, going="going" if going else "")


def empty_state(icon: str, title: str, sentence: str, button: str = EMPTY) -> Markup:
    """What stands where nothing is yet: one sentence and one button."""
    html = Markup('<div class="af-empty">{}<h2>{}</h2><p>{}</p>{}</div>')
    return html.format(icon, title, sentence, button)


def notice(sentence: str, kind: str = "", more: str = EMPTY) -> Markup:
    """A message in the page: ``good``, ``warning``, ``error`` or neutral."""
    role = "alert" if kind == "error" else "status"
    return Markup('<div class="af-notice {}" role="{}"><div>{}</div>{}</div>').format(kind, role, sentence, more)


def problem_notice(text: Catalog, problem: Problem) -> Markup:
    """A problem as a message, with its first rows where its sentence does not name them."""
    kind = {Severity.ERROR: "error", Severity.WARNING: "warning"}.get(problem.severity, "")
    more = EMPTY
    if problem.rows and "rows" not in problem.params:
        shown = ", ".join(str(row) for row in problem.rows[:12]) + (" …" if len(problem.rows) > 12 else "")
        where = text("common.rows", n=len(problem.rows), rows=shown)
        more = Markup('<div class="af-small af-muted">{}</div>').format(where)
    return notice(text.problem(problem), kind, more)


def when(text: Catalog, seconds: float) -> Markup:
    """A moment, short: the time today, else the date."""
    moment = datetime.fromtimestamp(seconds)
    today = moment.date() == datetime.now().date()
    pattern = "%H:%M" if today else text("common.date_format")
    return Markup('<time datetime="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), moment.strftime(pattern)
    )


def undo_toast(text: Catalog, what: str, since: float, **data: str) -> Markup:
    """A bar over the page with what was just done and a button that raises ``undo``; nothing some seconds later.

    Args:
        since: when, in seconds since 1970.
    """
    age = time.time() - since
    if not 0 <= age < _TOAST_SECONDS:
        return EMPTY
    back = button(text("examples.undo"), "undo", kind="small", **data)
    return _TOAST.format(what=what, undo=back, delay=round(_TOAST_SECONDS - age, 1))


def button(label: str, action: str, *, kind: str = "", elem_id: str = "", **data: str) -> Markup:
    """A button that raises the ``action`` event; ``data`` goes with it (``ask`` asks first)."""
    named = Markup(' id="{}"').format(elem_id) if elem_id else EMPTY
    html = Markup('<button type="button" class="af-button {}"{}{}>{}</button>')
    return html.format(kind, named, data_attributes({"action": action, **data}), label)


def data_attributes(values: Mapping[str, str]) -> Markup:
    """Values as the ``data-…`` attributes of an element."""
    return join(Markup(' data-{}="{}"').format(name, value) for name, value in values.items())


def row(*parts: str) -> Markup:
    """Parts beside each other."""
    return Markup('<div class="af-row">{}</div>').format(join(parts))


def percent(share: float) -> int:
    """A share of 1 in whole percent."""
    return round(100 * share)


def danger_button(
    text: Catalog,
    label: str,
    action: str,
    ask: str,
    detail: str,
    *,
    yes: str = "",
    stay: str = "common.keep",
    elem_id: str = "",
    **data: str,
) -> Markup:
    """A quiet button for what takes something away: it asks first."""
    asked = {"ask": ask, "detail": detail, "yes": yes or label, "no": text(stay), "danger": "yes"}
    return button(label, action, kind="quiet small", elem_id=elem_id, **asked, **data)


def link(label: str, place: Place, *, kind: str = "", elem_id: str = "") -> Markup:
    """A link inside the studio, looking like a button."""
    named = Markup(' id="{}"').format(elem_id) if elem_id else EMPTY
    return Markup('<a class="af-button {}"{} data-nav href="{}">{}</a>').format(kind, named, place.href, label)


def copy_button(text: Catalog, value: str, *, kind: str = "quiet small") -> Markup:
    """A button that copies ``value``."""
    html = Markup('<button type="button" class="af-button {}" data-copy="{}" data-copied="{}">{}</button>')
    return html.format(kind, value, text("common.copied"), text("common.copy"))


def render(text: Catalog, template: str, **values: Any) -> Markup:
    """A file of ``templates/``, which has these values, the sentences as ``t``, and every piece of this module by name."""
    return fill(template, t=text, **values)


def fill(template: str, **values: Any) -> Markup:
    """A file of ``templates/`` that says nothing of its own, with these values."""
    return Markup(_templates().get_template(f"{template}.html").render(**values))


def template_blocks(text: Catalog, template: str, **values: Any) -> dict[str, Callable[[], str]]:
    """The blocks of a template by name; each is made when it is asked for."""
    loaded = _templates().get_template(f"{template}.html")
    context = loaded.new_context({"t": text, **values})
    return {name: functools.partial(_made, block, context) for name, block in loaded.blocks.items()}


def _made(block: Callable[[Context], Iterator[str]], context: Context) -> str:
    return "".join(block(context))


@functools.cache
def _templates() -> Environment:
    """The templates of the screens, which may use every piece of this module by its name."""
    templates = html_templates(Path(__file__).parent / "templates")
    templates.add_extension(JoinedLines)
    pieces: tuple[Callable[..., Markup | int], ...] = (
        *(badge, bar, button, copy_button, danger_button, data_attributes, empty_state, link),
        *(notice, percent, problem_notice, row, state_badge, when),
    )
    templates.globals.update((piece.__name__, piece) for piece in pieces)
    return templates
