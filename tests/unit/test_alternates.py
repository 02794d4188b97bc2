# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.alternates: addresses in turn, pauses that grow by rounds, and patience with a broker that says no."""

from random import Random

import pytest

from ganglion.errors import InvalidError, RefusedError, UnreachableError
from ganglion.mesh.alternates import Alternates
from ganglion.mesh.backoff import Backoff

AWAY = UnreachableError("away")
NO = RefusedError("no")


class Highest(Random):
    """Chance at its worst: always the bound."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Lowest(Random):
    """Chance at its best."""

    def uniform(self, a: float, b: float) -> float:
        return a


def test_addresses_are_tried_in_turn_and_the_pause_grows_by_rounds() -> None:
    alternates = Alternates(["mqtt://a", "mqtt://b", "mqtt://c"], Backoff(rng=Highest()))
    tried = [(alternates.url.host, alternates.failed(AWAY)) for _ in range(7)]
    assert tried == [("a", 0.2), ("b", 0.2), ("c", 0.2), ("a", 0.4), ("b", 0.4), ("c", 0.4), ("a", 0.8)]


def test_one_address_is_tried_again_and_again() -> None:
    alternates = Alternates("mqtt://a", Backoff(rng=Highest()))
    assert [alternates.failed(AWAY) for _ in range(3)] == [0.2, 0.4, 0.8]
    alternates.worked()
    assert (alternates.failed(AWAY), alternates.url.host) == (0.2, "a")


def test_after_a_connection_that_held_the_next_address_is_tried() -> None:
    alternates = Alternates(["mqtt://a", "mqtt://b"], Backoff())
    alternates.worked()
    alternates.failed(AWAY)
    assert alternates.url.host == "b"


def test_a_refused_password_is_not_tried_again_every_second() -> None:
    alternates = Alternates("mqtt://a", Backoff(rng=Lowest()))
    assert [alternates.failed(NO) for _ in range(3)] == [15.0, 15.0, 15.0]


def test_a_refusal_by_one_address_does_not_keep_the_next_waiting() -> None:
    alternates = Alternates(["mqtt://a", "mqtt://b"], Backoff(rng=Lowest()))
    assert [alternates.failed(NO), alternates.failed(AWAY), alternates.failed(NO)] == [0.0, 0.0, 0.0]
    assert [alternates.failed(NO), alternates.failed(NO)] == [15.0, 15.0]


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(InvalidError, match="starts with mqtt://"):
        Alternates(["mqtt://a", "tcp://b"], Backoff())
