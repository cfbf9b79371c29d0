"""The registry of checks and of kinds of personal data. A new check is a file here, a line in :data:`CHECKS`, its sentences, and its tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from studio.data.checks.check import Check, Dataset, Finding
from studio.data.checks.personal import Kind
from studio.data.checks.rules import (
    addresses,
    bank_accounts,
    boilerplate,
    cards,
    cnpj,
    company_contacts,
    contradictions,
    cpf,
    cut_off,
    duplicates,
    email_addresses,
    empty_answers,
    encoding,
    greetings,
    html_remains,
    interface_remains,
    languages,
    leakage,
    line_breaks,
    lost_letters,
    names,
    near_duplicates,
    order_numbers,
    phones,
    placeholders,
    postal_codes,
    quoted_mail,
    signatures,
    single_phrasing,
    thoughts,
    too_few,
    too_long,
)
from studio.data.checks.rules.personal import check_of
from studio.errors import AfinaError

# Kinds of personal data, the surest first: where two claim the same letters, the first one has them.
KINDS: Final[tuple[Kind, ...]] = (
    email_addresses.KIND,
    bank_accounts.KIND,
    cards.KIND,
    cnpj.KIND,
    cpf.KIND,
    order_numbers.KIND,
    phones.KIND,
    postal_codes.KIND,
    addresses.KIND,
    names.KIND,
)

# In the order in which fixes are applied: letters first, then texts, then what is compared, lengths last.
CHECKS: Final[tuple[Check, ...]] = (
    encoding.CHECK,
    lost_letters.CHECK,
    thoughts.CHECK,
    html_remains.CHECK,
    line_breaks.CHECK,
    interface_remains.CHECK,
    quoted_mail.CHECK,
    signatures.CHECK,
    placeholders.CHECK,
    empty_answers.CHECK,
    boilerplate.CHECK,
    cut_off.CHECK,
    greetings.CHECK,
    languages.CHECK,
    *map(check_of, KINDS),
    company_contacts.CHECK,
    duplicates.CHECK,
    near_duplicates.CHECK,
    contradictions.CHECK,
    leakage.CHECK,
    too_long.CHECK,
    single_phrasing.CHECK,
    too_few.CHECK,
)


def find_all(dataset: Dataset) -> tuple[Finding, ...]:
    """What every check found, in the order of the registry."""
    found = (check.find(dataset) for check in CHECKS)
    return tuple(finding for finding in found if finding is not None)


def get(code: str) -> Check:
    """The check with this code. Raises ``checks.unknown``."""
    check = next((check for check in CHECKS if check.code == code), None)
    if check is None:
        raise AfinaError(
            "checks.unknown", check=code[:40], known=", ".join(check.code for check in CHECKS if check.fix)
        )
    return check


def parse(wanted: str) -> tuple[Check, str]:
    """A check and the way to fix it, from ``code`` or ``code=choice``.

    Raises ``checks.unknown``, ``checks.no_fix``, ``checks.unknown_choice``.
    """
    code, _, choice = wanted.partition("=")
    check = get(code.strip())
    if check.fix is None:
        raise AfinaError("checks.no_fix", check=check.code)
    named_ids = check is contradictions.CHECK and choice.startswith("e")
    if choice and choice not in check.choices and not named_ids:
        raise AfinaError(
            "checks.unknown_choice", check=check.code, choice=choice[:40], known=", ".join(check.choices) or "-"
        )
    return check, choice


def fix_steps(dataset: Dataset, wanted: Sequence[str]) -> Iterator[tuple[str, Dataset]]:
    """Puts several kinds of problems right, in the order of the registry. Raises as :func:`parse`.

    Yields:
        The code of each check with the dataset as its fix leaves it.
    """
    chosen = {parse(item)[0].code: item for item in wanted}
    for check in CHECKS:
        if check.code in chosen:
            dataset = check.apply(dataset, parse(chosen[check.code])[1])
            yield check.code, dataset


def fix(dataset: Dataset, *wanted: str) -> Dataset:
    """The dataset after :func:`fix_steps`."""
    for _, fixed in fix_steps(dataset, wanted):
        dataset = fixed
    return dataset


def fixable(findings: tuple[Finding, ...]) -> list[str]:
    """The codes that "fix all that is safe" takes: whatever a check can put right without taking away anything true."""
    by_code = {check.code: check for check in CHECKS}
    return [f.code for f in findings if by_code[f.code].fix is not None and by_code[f.code].by_default]
