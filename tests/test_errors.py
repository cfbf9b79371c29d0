"""Every exception of the libraries that people meet becomes a sentence that is not "unexpected"."""

from __future__ import annotations

import errno
import inspect

import httpx
import pytest
from sqlalchemy import exc

from studio.errors import TABLE, AfinaError, Stopped, from_exception


@pytest.mark.parametrize("module", [httpx])
def test_network_exceptions_are_mapped(module: object) -> None:
    kinds = [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, httpx.HTTPError) and kind is not httpx.HTTPStatusError
    ]
    assert len(kinds) > 10
    for kind in kinds:
        assert from_exception(kind("x")).code in {"net.slow", "net.unreachable"}, kind


def test_database_exceptions_are_mapped() -> None:
    kinds = [kind for _, kind in inspect.getmembers(exc, inspect.isclass) if issubclass(kind, exc.DBAPIError)]
    assert len(kinds) > 7
    for kind in kinds:
        assert from_exception(kind("SELECT 1", {}, ValueError("x"))).code == "storage.database", kind
    assert from_exception(exc.InvalidRequestError("x")).code == "storage.database"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "train.out_of_memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
            "train.out_of_memory",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "disk.full"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), "disk.not_writable"),
        (PermissionError(errno.EACCES, "denied", "/x"), "disk.not_writable"),
        (ConnectionResetError(), "net.unreachable"),
        (TimeoutError(), "net.slow"),
        (Stopped(), "general.stopped"),
        (KeyError("surprise"), "general.unexpected"),
    ],
)
def test_builtin_exceptions(error: Exception, code: str) -> None:
    assert from_exception(error).code == code


def test_the_first_line_of_a_message_is_enough() -> None:
    assert from_exception(KeyError("a\nb\nc")).params["detail"].count("\n") == 0


def test_an_error_of_ours_passes_unchanged() -> None:
    error = AfinaError("data.empty_file", file="x.csv")
    assert from_exception(error) is error
    assert "x.csv" in str(error)


def test_no_row_of_the_table_is_hidden_by_an_earlier_one() -> None:
    seen: set[tuple[str, str]] = set()
    for name, pattern, _ in TABLE:
        assert (name, pattern) not in seen
        assert (name, "") not in seen
        seen.add((name, pattern))
