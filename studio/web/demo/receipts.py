"""Signed receipts that a visitor's page sends back: which answer it was shown, and one vote between two answers.

They keep the server from remembering what visitors asked, and scripts from voting on or correcting what nobody was shown.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from typing import ClassVar, Final

from studio.domain.project import Link
from studio.domain.vote import BallotKey, Choice
from studio.errors import AfinaError

_VALID: Final = 3600.0  # seconds that a ballot may be cast
_USED: Final = 10_000  # ballots that are remembered as cast


class Receipts:
    """Safe to use from many threads.

    Args:
        secret: key of the signatures.
    """

    _used: ClassVar[OrderedDict[str, None]] = OrderedDict()  # of all doors of this process: a link is at each of them
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of_answer(self, link: Link, question: str, answer: str) -> str:
        """A receipt that this answer was given to this question on a link."""
        return self._sign("answer", link.token, question.strip(), answer.strip())

    def check_answer(self, receipt: str, link: Link, question: str, answer: str) -> None:
        """Raises ``demo.bad_request`` unless the receipt was made for exactly this question and answer."""
        if not hmac.compare_digest(receipt.encode(), self.of_answer(link, question, answer).encode()):
            raise AfinaError("demo.bad_request")

    def new_ballot(self, link: Link) -> str:
        """A ballot for two answers of a link's run; it determines which is shown first."""
        body = f"{int(time.time())}.{secrets.token_hex(12)}"
        return f"{body}.{self._sign('ballot', link.token, link.run_id, body)}"

    def is_swapped(self, ballot: str) -> bool:
        """Whether the tuned answer is shown first; this cannot be read from the ballot."""
        return int(self._sign("order", ballot)[:2], 16) % 2 == 1

    def cast(self, ballot: str, link: Link, key: BallotKey) -> Choice:
        """The choice that a visitor's vote stands for; the ballot is used up.

        Raises:
            AfinaError: ``demo.vote_over`` where it is too old, used, of another link or run, or none of ours.
        """
        body, _, signature = ballot.rpartition(".")
        made_at = body.partition(".")[0]
        is_ours = hmac.compare_digest(signature.encode(), self._sign("ballot", link.token, link.run_id, body).encode())
        if not is_ours or not 0 <= time.time() - int(made_at) <= _VALID + 1:
            raise AfinaError("demo.vote_over")
        with self._lock:
            if ballot in self._used:
                raise AfinaError("demo.vote_over")
            self._used[ballot] = None
            while len(self._used) > _USED:
                self._used.popitem(last=False)
        if key in (BallotKey.TIE, BallotKey.BOTH_BAD):
            return Choice(key.value)
        return Choice.AFTER if (key is BallotKey.FIRST) is self.is_swapped(ballot) else Choice.BEFORE

    def of_password(self, link: Link) -> str:
        """The value of the cookie of a browser that entered the password; a new password invalidates it."""
        return self._sign("password", link.token, link.password_digest or "")

    def _sign(self, *parts: str) -> str:
        return hmac.new(self._secret, "\0".join(parts).encode(), hashlib.sha256).hexdigest()
