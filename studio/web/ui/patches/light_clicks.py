"""Gradio's clicks without what the studio has no use for."""

from __future__ import annotations

import inspect
from functools import cache
from types import ModuleType
from typing import Any

from gradio import component_meta, state_holder
from gradio.state_holder import SessionState


class LeanSessionState(SessionState):  # type: ignore[misc]
    """A session that keeps no second description of its components.

    Gradio describes every component at each visit, and those that a click changes twice over, so that a *deep link* could open the
    session again; the studio's pages have addresses of their own. That was half of what a click costs the event loop.
    """

    @property
    def blocks_config(self) -> Any:
        """The session's own copy of the components."""
        return self._blocks_config

    @blocks_config.setter
    def blocks_config(self, config: Any) -> None:
        config.config_for_block = lambda *_: {}
        self._blocks_config = config


def lighten_clicks() -> None:
    """Makes the sessions to come lean, and lets the arguments of a component's constructor be looked up once."""
    state_holder.SessionState = LeanSessionState
    if component_meta.inspect is inspect:
        own = ModuleType(inspect.__name__)
        vars(own).update(vars(inspect), getfullargspec=cache(inspect.getfullargspec))
        component_meta.inspect = own
