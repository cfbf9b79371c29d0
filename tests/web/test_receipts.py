"""Notes that a visitor's page gives back."""

from __future__ import annotations

import pytest

from studio.domain.project import Link
from studio.domain.vote import BallotKey
from studio.errors import AfinaError
from studio.web.demo.receipts import Receipts


def test_a_ballot_counts_once_at_all_doors_of_a_server() -> None:
    link = Link(token="t", run_id="run-1", title="Loja", questions=(), locale="pt", created_at=0.0)
    network, internet = Receipts(b"secret"), Receipts(b"secret")
    ballot = network.new_ballot(link)
    internet.cast(ballot, link, BallotKey.TIE)
    for door in (network, internet):
        with pytest.raises(AfinaError, match=r"demo\.vote_over"):
            door.cast(ballot, link, BallotKey.TIE)
