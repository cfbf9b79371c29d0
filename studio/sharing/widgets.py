"""Stores widgets: which demo link answers on which sites."""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy import select

from studio.domain.widget import Widget
from studio.errors import AfinaError
from studio.storage.database import Database, WidgetRow

_ID_BYTES: Final = 12


class WidgetStore:
    """The widgets in the database, at most one per link.

    Args:
        database: of the workspace.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, token: str, sites: tuple[str, ...], colour: str) -> Widget:
        """Makes or changes the widget of a link. Its id stays, so that the script line on a site keeps working."""
        with self._database.session() as session:
            row = session.scalar(select(WidgetRow).where(WidgetRow.token == token))
            if row is None:
                row = WidgetRow(id=secrets.token_urlsafe(_ID_BYTES), token=token)
                session.add(row)
            row.sites, row.colour = list(sites), colour
            return _widget(row)

    def of_link(self, token: str) -> Widget | None:
        """The widget of a link; None where it has none."""
        with self._database.session() as session:
            row = session.scalar(select(WidgetRow).where(WidgetRow.token == token))
            return None if row is None else _widget(row)

    def get(self, widget_id: str) -> Widget:
        """A widget by its id.

        Raises:
            AfinaError: ``general.not_found``.
        """
        with self._database.session() as session:
            row = session.get(WidgetRow, widget_id[:64])
            if row is None:
                raise AfinaError("general.not_found", what=widget_id[:64])
            return _widget(row)

    def delete(self, token: str) -> None:
        """Deletes the widget of a link, if there is one."""
        with self._database.session() as session:
            row = session.scalar(select(WidgetRow).where(WidgetRow.token == token))
            if row is not None:
                session.delete(row)


def _widget(row: WidgetRow) -> Widget:
    return Widget(id=row.id, token=row.token, sites=tuple(row.sites), colour=row.colour)
