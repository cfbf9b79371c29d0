"""Precision and recall of the checks for personal data and duplicates, on the labelled sets in tests/assets/checks.

    python benchmarks/checks_accuracy.py [--errors]

``personal.tsv`` has sentences in which each value is marked ``<E:maria@uol.com.br>``; a third of them has none, and looks
as if it had (prices, dates, barcodes, versions). A value counts as found when the check of its kind marks exactly its
letters, as wrong when it marks anything else. ``pairs.tsv`` has pairs of examples with what they are to each other.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from studio.data.checks.dataset import ScannedDataset
from studio.data.checks.personal import spans
from studio.data.checks.registry import KINDS as KINDS_OF_DATA
from studio.data.checks.rules import contradictions, duplicates, near_duplicates
from studio.domain.conversation import Conversation

ASSETS = Path(__file__).parent.parent / "tests" / "assets" / "checks"
KINDS = {
    "E": "emails",
    "P": "phones",
    "C": "cards",
    "F": "cpf",
    "J": "cnpj",
    "I": "bank_accounts",
    "Z": "postal_codes",
    "A": "addresses",
    "N": "names",
    "O": "order_numbers",
}
PAIRS = {"exact": duplicates.CHECK, "near": near_duplicates.CHECK, "contradiction": contradictions.CHECK}
_MARK = re.compile(r"<([A-Z]):([^<>]*)>")


@dataclass
class Tally:
    """How often a check was right."""

    found: int = 0
    missed: int = 0
    wrong: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.wrong) if self.found + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.found / (self.found + self.missed) if self.found + self.missed else 1.0


def personal_rows() -> Iterator[tuple[str, set[tuple[str, int, int]]]]:
    """Each sentence without its marks, and its values: code of the kind, first letter, after the last letter."""
    for line in (ASSETS / "personal.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        marked = line.split("\t", 1)[1]
        text, last = "", 0
        values = set()
        for match in _MARK.finditer(marked):
            text += marked[last : match.start()]
            values.add((KINDS[match.group(1)], len(text), len(text) + len(match.group(2))))
            text += match.group(2)
            last = match.end()
        yield text + marked[last:], values


def personal() -> dict[str, Tally]:
    """The tally of each kind of personal data."""
    tallies = {code: Tally() for code in KINDS.values()}
    for text, expected in personal_rows():
        found = {(kind.code, span.start, span.end) for kind, span in spans(text, KINDS_OF_DATA)}
        for code, start, end in found | expected:
            tally = tallies[code]
            if (code, start, end) in found & expected:
                tally.found += 1
                continue
            is_wrong = (code, start, end) in found
            tally.wrong += is_wrong
            tally.missed += not is_wrong
            tally.errors.append(f"{'wrong' if is_wrong else 'missed'} {code} “{text[start:end]}” in: {text}")
    return tallies


def pairs() -> dict[str, Tally]:
    """The tally of each check that compares examples."""
    tallies = {check.code: Tally() for check in PAIRS.values()}
    for line in (ASSETS / "pairs.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        label, *texts = line.split("\t")
        dataset = ScannedDataset.of([Conversation.pair(*texts[:2]), Conversation.pair(*texts[2:])])
        for name, check in PAIRS.items():
            found = check.find(dataset) is not None
            tally = tallies[check.code]
            tally.found += found and label == name
            tally.missed += not found and label == name
            tally.wrong += found and label != name
            if found != (label == name):
                tally.errors.append(f"{'wrong' if found else 'missed'} {check.code}: {' | '.join(texts)}")
    return tallies


def main() -> None:
    """Prints the table, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--errors", action="store_true", help="name every mistake")
    show = parser.parse_args().errors
    languages = Counter(line.split("\t")[0] for line in (ASSETS / "personal.tsv").read_text("utf-8").splitlines()[1:])
    rows = list(personal_rows())
    bare = sum(not values for _, values in rows)
    print(f"{len(rows)} sentences ({languages['pt']} pt, {languages['en']} en), {bare} of them without personal data;")
    print(f"{len((ASSETS / 'pairs.tsv').read_text('utf-8').splitlines()) - 1} pairs of examples.\n")
    print("| check | values | precision | recall |\n|---|---:|---:|---:|")
    tallies = personal() | pairs()
    for code, tally in tallies.items():
        print(f"| {code} | {tally.found + tally.missed} | {tally.precision:.3f} | {tally.recall:.3f} |")
    for tally in tallies.values() if show else ():
        for error in tally.errors:
            print(error)


if __name__ == "__main__":
    main()
