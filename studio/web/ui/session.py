"""Where a person is: one small value of ids, written in the address and read back from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Final
from urllib.parse import parse_qs, urlencode

STEPS: Final = ("model", "examples", "train", "compare", "proof", "share")
MOST_ROWS: Final = 50  # ids of examples that an address names
_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class Place:
    """A place in the studio. Without a project it is the home page.

    Attributes:
        project: id of a project, or empty.
        step: one of :data:`STEPS`, or empty at home.
        run: id of the run that is looked at; empty means the newest.
        beside: ids of the runs that are laid over each other, or that an exam is compared with; empty leaves the choice
            to the screen.
        rows: ids of the examples that the table is to show alone; empty shows all.
    """

    project: str = ""
    step: str = ""
    run: str = ""
    beside: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()

    @classmethod
    def parse(cls, query: str | None) -> Place:
        """Reads an address's query. What is not an id or a step counts as not said."""
        values = {name: found[-1] for name, found in parse_qs((query or "").lstrip(">=?").partition("#")[0]).items()}
        project = _checked(values.get("project", ""))
        if not project:
            return cls()
        step = values.get("step", "")
        beside, rows = (_ids(values.get(name, "")) for name in ("beside", "rows"))
        run = _checked(values.get("run", ""))
        return cls(project, step if step in STEPS else STEPS[0], run, beside, rows[:MOST_ROWS])

    @property
    def query(self) -> str:
        """The query that :meth:`parse` reads; empty at home."""
        named = {"project": self.project, "step": self.step, "run": self.run}
        named |= {"beside": ".".join(self.beside), "rows": ".".join(self.rows)}
        return urlencode({name: value for name, value in named.items() if value})

    @property
    def href(self) -> str:
        """A link to this place, relative to the address that the studio is mounted at."""
        return f"./?{self.query}" if self.query else "./"

    @property
    def move(self) -> str:
        """What to write into the place component to go here."""
        return f">{self.query}"

    @property
    def again(self) -> str:
        """The value of the place component that renders the current place again, whichever it is by then.

        Each is another, so that the browser sees the second of two that come before the first was rendered.
        """
        return f"={self.query}#{token_hex(4)}"

    def reply(self, turn: str) -> str:
        """What to write there when this place was asked for and is shown; the ``turn`` tells an old answer from a new."""
        return f"{self.query}#{turn}"

    def with_beside(self, ids: Sequence[str]) -> Place:
        """The same place with these runs laid over each other."""
        return replace(self, beside=tuple(ids))

    def with_rows(self, ids: Sequence[str]) -> Place:
        """The same place with these examples alone in the table."""
        return replace(self, rows=tuple(ids))

    def at(self, step: str, run: str | None = None) -> Place:
        """The same project at another step, and at another run if one is named."""
        beside, rows = (self.beside, self.rows) if step == self.step else ((), ())
        return replace(self, step=step, run=self.run if run is None else run, beside=beside, rows=rows)


def _checked(identifier: str) -> str:
    return identifier if _ID.fullmatch(identifier) else ""


def _ids(joined: str) -> tuple[str, ...]:
    return tuple(filter(None, map(_checked, joined.split("."))))
