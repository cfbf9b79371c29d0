"""Which language the terminal speaks."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, negotiate

_OPTION = "--lang"


def terminal_locale(environment: Mapping[str, str]) -> str:
    """The language of a terminal, from ``AFINA_LANG`` or the usual variables, or from Windows itself."""
    for name in ("AFINA_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name, "").partition(".")[0].replace("_", "-")
        if value:
            return negotiate(value)
    return negotiate(_windows_language())


def take_language(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """Takes ``--lang`` out of the arguments, wherever it stands, so that even ``--help`` is in that language.

    Returns:
        The language, and the other arguments.

    Raises:
        AfinaError: ``cli.no_such_language``.
    """
    rest: list[str] = []
    chosen: str | None = None
    left = iter(arguments)
    for argument in left:
        if argument == "--":
            rest += [argument, *left]
        elif argument == _OPTION:
            chosen = next(left, "")
        elif argument.startswith(f"{_OPTION}="):
            chosen = argument.partition("=")[2]
        else:
            rest.append(argument)
    if chosen is None:
        return terminal_locale(environment), rest
    if chosen not in LOCALES:
        raise AfinaError("cli.no_such_language", language=chosen[:20], choices=", ".join(LOCALES))
    return chosen, rest


def _windows_language() -> str:
    if sys.platform != "win32":
        return ""
    import ctypes
    import locale

    return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "").replace("_", "-")
