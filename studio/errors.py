"""Errors as values: a code and parameters. The sentence that a person reads is made in :mod:`studio.i18n`.

    Exception
    └── AfinaError(code, **params)      every error that a person may meet
        └── Stopped                     the person asked to stop; not a failure

A code is ``area.what`` (``data.empty_file``); its sentence is the catalog key ``error.area.what``.
Foreign exceptions (torch, transformers, peft, the hub, the disk, the network) become an ``AfinaError`` in
:func:`from_exception`, by the one table below.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final


class AfinaError(Exception):
    """An error with a code that has a sentence in every catalog.

    Args:
        code: ``area.what``, a key of the catalogs under ``error.``.
        params: values named in the sentence; plain text and numbers only.
    """

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params

    def __str__(self) -> str:
        details = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.code}({details})"


class Stopped(AfinaError):
    """The person asked to stop. Whatever was finished before stays."""

    def __init__(self) -> None:
        super().__init__("general.stopped")


# (qualified name of an exception class or of one of its bases, or `module.*`; pattern in its message; code).
# The first row that fits wins. Names, not classes: the web process must not import torch to read this table.
TABLE: Final[tuple[tuple[str, str, str], ...]] = (
    ("torch.OutOfMemoryError", "", "train.out_of_memory"),
    ("torch.cuda.OutOfMemoryError", "", "train.out_of_memory"),
    ("builtins.RuntimeError", r"can't allocate memory|out of memory|not enough memory", "train.out_of_memory"),
    ("builtins.MemoryError", "", "train.out_of_memory"),
    ("builtins.RuntimeError", r"CUDA error|cuDNN|NCCL|no kernel image", "train.device_failed"),
    ("builtins.RuntimeError", r"size mismatch|Error\(s\) in loading state_dict", "model.weights_mismatch"),
    ("torch.linalg.LinAlgError", "", "train.diverged"),
    ("safetensors.SafetensorError", "", "model.weights_damaged"),
    ("safetensors._safetensors_rust.SafetensorError", "", "model.weights_damaged"),
    ("safetensors_rust.SafetensorError", "", "model.weights_damaged"),
    ("huggingface_hub.errors.GatedRepoError", "", "hub.gated"),
    ("huggingface_hub.errors.RepositoryNotFoundError", "", "hub.not_found"),
    ("huggingface_hub.errors.RevisionNotFoundError", "", "hub.not_found"),
    ("huggingface_hub.errors.RemoteEntryNotFoundError", "", "hub.file_missing"),
    ("huggingface_hub.errors.LocalEntryNotFoundError", "", "net.unreachable"),
    ("huggingface_hub.errors.EntryNotFoundError", "", "hub.file_missing"),
    ("huggingface_hub.errors.OfflineModeIsEnabled", "", "net.unreachable"),
    ("huggingface_hub.errors.HFValidationError", "", "hub.bad_id"),
    ("huggingface_hub.errors.BadRequestError", "", "hub.refused"),
    ("huggingface_hub.errors.LocalTokenNotFoundError", "", "hub.token_refused"),
    ("huggingface_hub.errors.HfUriError", "", "hub.bad_id"),
    ("huggingface_hub.errors.RevisionResolutionError", "", "hub.not_found"),
    ("huggingface_hub.errors.NotASafetensorsRepoError", "", "model.pickle_only"),
    ("huggingface_hub.errors.SafetensorsParsingError", "", "model.weights_damaged"),
    ("huggingface_hub.errors.StrictDataclassError", "", "model.unknown_architecture"),
    ("huggingface_hub.errors.XetDownloadError", "", "net.unreachable"),
    ("huggingface_hub.errors.HfHubHTTPError", r"\b40[13]\b", "hub.token_refused"),
    ("huggingface_hub.errors.HfHubHTTPError", "", "hub.refused"),
    ("huggingface_hub.errors.*", "", "hub.refused"),
    ("httpx.TimeoutException", "", "net.slow"),
    ("httpx2.TimeoutException", "", "net.slow"),
    ("httpx.*", "", "net.unreachable"),
    ("httpx2.*", "", "net.unreachable"),
    ("requests.exceptions.Timeout", "", "net.slow"),
    ("requests.exceptions.RequestException", "", "net.unreachable"),
    ("builtins.ConnectionError", "", "net.unreachable"),
    ("socket.gaierror", "", "net.unreachable"),
    ("builtins.TimeoutError", "", "net.slow"),
    (
        "builtins.ValueError",
        r"Unrecognized model|does not recognize this architecture|architecture.*not supported",
        "model.unknown_architecture",
    ),
    ("builtins.ValueError", r"trust_remote_code", "model.remote_code"),
    ("builtins.ValueError", r"Target modules .* not found", "train.no_target_modules"),
    ("builtins.OSError", r"Consistency check failed", "net.unreachable"),
    ("builtins.OSError", r"does not appear to have a file named|no file named", "model.no_weights"),
    ("jinja2.exceptions.TemplateError", "", "model.chat_template"),
    ("sqlalchemy.exc.OperationalError", r"database or disk is full", "disk.full"),
    ("sqlalchemy.exc.OperationalError", r"readonly|unable to open", "disk.not_writable"),
    ("sqlalchemy.exc.DatabaseError", r"not a database|malformed|unsupported file format", "storage.damaged"),
    ("sqlalchemy.exc.SQLAlchemyError", "", "storage.database"),
    ("builtins.PermissionError", "", "disk.not_writable"),
    ("builtins.FileNotFoundError", "", "disk.missing"),
    ("builtins.UnicodeDecodeError", "", "data.encoding"),
)


def from_exception(exception: BaseException) -> AfinaError:
    """Returns the ``AfinaError`` for any exception; ``general.unexpected`` when no row of the table fits."""
    if isinstance(exception, AfinaError):
        return exception
    if isinstance(exception, OSError) and exception.errno in (errno.ENOSPC, errno.EDQUOT):
        return AfinaError("disk.full")
    if isinstance(exception, OSError) and exception.errno == errno.EROFS:
        return AfinaError("disk.not_writable", path=str(exception.filename or ""))
    kinds = type(exception).__mro__
    names = {f"{kind.__module__}.{kind.__name__}" for kind in kinds} | {f"{kind.__module__}.*" for kind in kinds}
    message = str(exception)
    for name, pattern, code in TABLE:
        if name in names and re.search(pattern, message, re.IGNORECASE):
            return AfinaError(code, path=str(getattr(exception, "filename", None) or ""), detail=_first_line(message))
    return AfinaError("general.unexpected", kind=type(exception).__name__, detail=_first_line(message))


@contextmanager
def translated_os_errors() -> Iterator[None]:
    """Raises what the disk says inside the block as an :class:`AfinaError`: ``disk.full``, ``disk.missing`` …"""
    try:
        yield
    except OSError as error:
        raise from_exception(error) from error


def _first_line(message: str) -> str:
    return message.strip().splitlines()[0][:300] if message.strip() else ""
