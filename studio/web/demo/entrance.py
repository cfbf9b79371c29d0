"""Access to demo links with a password, remembered until the browser is closed."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from studio.domain.project import Link
from studio.errors import AfinaError
from studio.sharing.link_passwords import matches
from studio.web.demo.limits import RateLimit
from studio.web.demo.receipts import Receipts

if TYPE_CHECKING:
    from studio.services.links import LinkService

COOKIE: Final = "afina_password"
_TRIES, _TRIES_TIME = 10, 600.0  # wrong passwords of one address, in so many seconds
_TRIES_OF_ALL: Final = 200  # of all addresses together: a short password is not found by a thousand computers either


class Entrance:
    """Admits visitors to links that have a password.

    Args:
        links: finds the links.
        receipts: signs what a browser keeps.
    """

    def __init__(self, links: LinkService, receipts: Receipts) -> None:
        self._links, self._receipts = links, receipts
        self._by_address = RateLimit(_TRIES, _TRIES_TIME)
        self._by_link = RateLimit(_TRIES_OF_ALL, _TRIES_TIME)

    def enter(self, request: Request, token: str) -> Link:
        """The open link of a visitor who has entered its password, where it has one.

        Raises:
            AfinaError: ``demo.locked`` where its password was not given yet, ``link.closed``, ``general.not_found``.
        """
        link = self._links.open(token)
        if link.password_digest is not None:
            shown = request.cookies.get(COOKIE, "")
            if not hmac.compare_digest(shown.encode(), self._receipts.of_password(link).encode()):
                raise AfinaError("demo.locked")
        return link

    def unlock(self, token: str, body: bytes, address: str) -> Link:
        """The link whose password a form gives.

        Args:
            body: of the form, URL-encoded.
            address: whose tries are counted.

        Raises:
            AfinaError: ``demo.wrong_password``; ``demo.many_passwords`` after too many wrong ones, before this one is
                looked at; ``link.closed``, ``general.not_found``.
        """
        link = self._links.open(token)
        if link.password_digest is None:
            return link
        key = f"{token} {address}"
        try:
            self._by_address.check(key)
            self._by_link.check(token)
        except AfinaError as error:
            raise AfinaError("demo.many_passwords", n=-(-error.params["n"] // 60)) from error
        try:
            said = parse_qs(body.decode(errors="replace"), max_num_fields=4).get("password", [""])[0].strip()
        except ValueError as error:  # of another form
            raise AfinaError("demo.wrong_password") from error
        if not matches(said[:200], link.password_digest):
            raise AfinaError("demo.wrong_password")
        self._by_address.give_back(key)
        self._by_link.give_back(token)
        return link

    def remember(self, response: Response, link: Link, *, is_secure: bool) -> None:
        """Sets the session cookie that proves that the browser entered the password."""
        value = self._receipts.of_password(link)
        response.set_cookie(COOKIE, value, path=f"/d/{link.token}", httponly=True, samesite="lax", secure=is_secure)
