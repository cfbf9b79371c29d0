"""A support log of any length, made of our own sentences: Portuguese and English, with planted problems.

Questions and answers are put together from openings, things, troubles, details and closings, so that a million rows
have several hundred thousand different wordings; one row in eight has something that a check must find.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_WORDS: Final = json.loads(Path(__file__).with_name("large_words.json").read_text(encoding="utf-8"))
PT: Final[dict[str, list[str]]] = _WORDS["pt"]
EN: Final[dict[str, list[str]]] = _WORDS["en"]
_NAMES: Final = ("Ana Souza", "João Pereira", "Marta Lima", "Pedro Alves", "Oliver Brown", "Emma Clark", "Ruth Hall")
_SOON: Final = "We received your message and will reply soon."
_USUAL: Final = 0.85  # of the same questions, so many have the same answer
_PLANTS: Final = ("private", "private", "private", "html", "empty", "signature", "copy", "near", "contradiction",
                  "letters", "language", "quoted", "greeting", "cut", "boilerplate")  # fmt: skip


class Writer:
    """Makes rows; the same seed gives the same rows."""

    def __init__(self, seed: int = 7) -> None:
        self._dice = random.Random(seed)
        self._earlier: list[tuple[str, str]] = [("Vocês abrem no feriado?", "Sim, das nove às treze horas.")]

    def rows(self, count: int) -> Iterator[tuple[str, str, str, str]]:
        """Yields ticket number, question, answer and channel."""
        for number in range(1, count + 1):
            words = PT if self._dice.random() < 0.6 else EN
            question = self._question(words)
            answer = self._answer(words, random.Random(question) if self._dice.random() < _USUAL else self._dice)
            if self._dice.random() < 0.125:
                question, answer = self._planted(self._dice.choice(_PLANTS), words, question, answer)
            if len(self._earlier) < 20_000:
                self._earlier.append((question, answer))
            yield f"T{number:07d}", question, answer, self._dice.choice(("site", "app", "whatsapp", "e-mail"))

    def _question(self, words: dict[str, list[str]]) -> str:
        pick = self._dice.choice
        asked = pick(words["hello"]) + _filled(pick(words["ask"]), words, self._dice) + "?"
        if self._dice.random() < 0.5:
            asked += " " + pick(words["detail"]).capitalize() + "."
        return asked[0].upper() + asked[1:]

    def _answer(self, words: dict[str, list[str]], dice: random.Random) -> str:
        parts = ("first", "second", "second", "last") if dice.random() < 0.6 else ("first", "second")
        return " ".join(_filled(dice.choice(words[part]), words, dice) for part in parts)

    def _planted(self, what: str, words: dict[str, list[str]], question: str, answer: str) -> tuple[str, str]:
        pt = words is PT
        old = self._dice.choice(self._earlier)
        match what:
            case "private":
                return f"{question} {self._dice.choice(words['private']).format(**self._person())}", answer
            case "html":
                return question, "<p>" + answer.replace(". ", ".<br>", 1) + "</p>"
            case "empty":
                return question, self._dice.choice([".", "n/a", "-", "ver anexo", "see attachment"])
            case "signature":
                return question, answer + (
                    "\n\nAtenciosamente,\nEquipe de Vendas" if pt else "\n\nBest regards,\nThe team"
                )
            case "copy":
                return old
            case "near":
                return old[0].replace("?", " ?!", 1).replace(", ", " ", 1), old[1]
            case "contradiction":
                return old[0], answer
            case "letters":
                return question, ("Não é possível. " + answer).encode().decode("cp1252", "replace")
            case "language":
                return question, self._answer(EN if pt else PT, self._dice)
            case "quoted":
                return f"{question}\n\n-----Original Message-----\nFrom: shop\n> {answer}", answer
            case "greeting":
                return self._dice.choice(["Oi", "Bom dia!", "Hello", "Hi there"]), answer
            case "cut":
                return question, answer.rsplit(" ", 3)[0] + (" e" if pt else " and")
            case _:
                return (
                    question,
                    "Recebemos sua mensagem e retornaremos em breve."
                    if pt
                    else "We received your message and will reply soon.",
                )

    def _person(self) -> dict[str, str]:
        dice = self._dice
        name = dice.choice(_NAMES)
        body = [dice.randint(0, 9) for _ in range(9)]
        for _ in range(2):
            rest = sum(d * w for d, w in zip(body, range(len(body) + 1, 1, -1), strict=True)) * 10 % 11
            body.append(rest % 10)
        cpf = "".join(map(str, body))
        return {
            "mail": f"{name.split()[0].lower().replace('ã', 'a')}{dice.randint(1, 999_999)}@example.com",
            "cpf": f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}",
            "card": "4539 1488 0343 6467",
            "phone": f"({dice.choice((11, 21, 31, 41))}) 9{dice.randint(1000, 9999)}-{dice.randint(1000, 9999)}",
            "order": str(dice.randint(10**6, 10**7)),
            "name": name,
            "house": str(dice.randint(1, 2_000)),
        }


def _filled(pattern: str, words: dict[str, list[str]], dice: random.Random) -> str:
    pick = dice.choice
    return pattern.format(
        t=pick(words["thing"]),
        c=pick(words["city"]),
        w=pick(words["when"]),
        d=pick(words["detail"]),
        n=dice.randint(2, 30),
    )


def write_csv(path: Path, rows: int, seed: int = 7) -> None:
    """Writes a CSV as a help desk exports it: UTF-8, commas, quoted line breaks."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("Ticket", "Pergunta do cliente", "Resposta", "Canal"))
        out.writerows(Writer(seed).rows(rows))
