"""A dataset that the scanner looks through for every check of the registry."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from studio.data.checks import registry
from studio.data.checks.check import Changes, Dataset
from studio.data.checks.facts import Facts, joined
from studio.data.checks.personal import Personal
from studio.data.checks.scanner import Scanner
from studio.data.similarity.clusters import Ints
from studio.data.versions.rows import Rows
from studio.domain.conversation import Conversation


class ScannedDataset(Dataset):
    """A :class:`Dataset` that makes the facts of its examples itself, the first time that they are asked for."""

    def changed(self, changes: Changes) -> ScannedDataset:
        """The dataset with some examples changed or left out; facts are made for the changed ones only."""
        if not changes:
            return self
        places = sorted(changes)
        fresh = {place: made for place in places if (made := changes[place]) is not None}
        order = np.arange(len(self))
        order[list(fresh)] = len(self) + np.arange(len(fresh))
        order = np.delete(order, [place for place in places if changes[place] is None])
        facts = joined((self.facts, Scanner().scan(fresh.values()))).taken(order)
        if isinstance(self.conversations, Rows):
            kept: Sequence[Conversation] = self.conversations.patched(order, list(fresh.values()))
        else:
            everything = (*self.conversations, *fresh.values())
            kept = tuple(everything[place] for place in order.tolist())
        return ScannedDataset(kept, self.tokens, facts, self.personal.contacts)

    @cached_property
    def facts(self) -> Facts:
        """What the checks need to know of each example."""
        if self.known is not None:
            return self.known
        return Scanner().scan(self.conversations)

    @cached_property
    def personal(self) -> Personal:
        """Personal data and company contacts in all texts."""
        return Personal.of(self.facts, registry.KINDS, self.contacts)

    def flagged(self, code: str) -> Ints:
        """The positions of the examples in which a check of single examples found something."""
        bit = 1 << [check.code for check in registry.CHECKS].index(code)
        return np.flatnonzero(self.facts.rows["flags"] & np.uint64(bit))
