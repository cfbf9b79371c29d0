"""Answers that were given before, on disk: by model, tuning and question. An exam that goes on asks only the rest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from studio.errors import from_exception
from studio.evaluation.answering import Answer, Question

_WEIGHTS: Final = "*.safetensors"


def fingerprint(folder: Path) -> str:
    """A checksum of the weights of an adapter, or of a tuned or base model.

    Of large files the size and both ends are enough: they are never changed in place.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.glob(_WEIGHTS)):
        size = path.stat().st_size
        digest.update(f"{path.name} {size} ".encode())
        with path.open("rb") as file:
            if size <= 64 << 20:
                digest.update(file.read())
                continue
            digest.update(file.read(1 << 20))
            file.seek(-(1 << 20), 2)
            digest.update(file.read())
    return digest.hexdigest()[:32]


class AnswerCache:
    """The answers of one model.

    Args:
        path: the file; a line an answer.
        subject: fingerprints of the base model and of what was tuned from it.
    """

    def __init__(self, path: Path, subject: str) -> None:
        self._path, self._subject = path, subject
        self._known: dict[str, Answer] = {}
        try:
            lines = path.read_bytes().splitlines()
        except OSError:
            lines = []
        for line in lines:
            try:
                row: dict[str, Any] = json.loads(line)
                self._known[row["key"]] = Answer(row["text"], row["cut"], row["tokens"])
            except (ValueError, KeyError, TypeError):
                continue  # half a line of a worker that was killed

    def find(self, question: Question) -> Answer | None:
        """The answer to a question, if it was asked before."""
        return self._known.get(self._key(question))

    def add(self, question: Question, answer: Answer) -> None:
        """Keeps an answer. Raises ``disk.full`` …"""
        key = self._key(question)
        self._known[key] = answer
        row = {"key": key, "text": answer.text, "cut": answer.is_cut, "tokens": answer.tokens}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        except OSError as error:
            raise from_exception(error) from error

    def _key(self, question: Question) -> str:
        said = json.dumps([self._subject, question.limit, [(m.role.value, m.content) for m in question.messages]])
        return hashlib.sha256(said.encode()).hexdigest()[:32]
