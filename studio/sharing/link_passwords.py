"""Passwords of demo links: stored as slow, salted digests only."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

_COST: Final = {"n": 2**14, "r": 8, "p": 1}  # scrypt: 16 MB and about 50 ms a try
_SALT: Final = 16  # bytes


def digest(password: str) -> str:
    """The stored form of a password: salt and scrypt digest in hexadecimal."""
    return _digest(password, secrets.token_hex(_SALT))


def matches(password: str, kept: str) -> bool:
    """Whether a password matches a :func:`digest`."""
    return hmac.compare_digest(_digest(password, kept.partition("$")[0]), kept)


def _digest(password: str, salt: str) -> str:
    return f"{salt}${hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **_COST).hex()}"
