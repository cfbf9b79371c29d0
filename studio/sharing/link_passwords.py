"""Passwords of demo links: slow to try, never kept as they are."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

_COST: Final = {"n": 2**14, "r": 8, "p": 1}  # scrypt: 16 MB and about 50 ms a try
_SALT: Final = 16  # bytes


def digest(password: str) -> str:
    """What is kept of a password: salt and scrypt digest, as hexadecimal digits."""
    return _digest(password, secrets.token_hex(_SALT))


def matches(password: str, kept: str) -> bool:
    """Whether a password is the one of a :func:`digest`."""
    return hmac.compare_digest(_digest(password, kept.partition("$")[0]), kept)


def _digest(password: str, salt: str) -> str:
    return f"{salt}${hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **_COST).hex()}"
