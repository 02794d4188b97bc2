# SPDX-License-Identifier: GPL-3.0-or-later
"""When members say what they hold: what a mesh of many costs in peace, and how soon news is compared."""

import random
from collections.abc import Callable

import pytest

from ganglion.mesh.state.hellos import Hellos
from ganglion.units import SECOND

pytestmark = pytest.mark.untraced

MANY = 500
HOUR = 3600 * SECOND


class Mesh:
    """Members that hear one another at once; all hold the same unless told otherwise. The first may be a gateway."""

    def __init__(self, *, gateway: bool) -> None:
        self.gateway = gateway
        self.now = 0
        dice = random.Random(7)
        self.members = [Hellos(dice.random, 0) for _ in range(MANY)]
        self.unicast = self.broadcast = 0

    def run(self, until: int, same: Callable[[int, int], bool] = lambda a, b: True) -> None:
        while (due := min(each.due for each in self.members)) <= until:
            self.now = due
            number = next(number for number, each in enumerate(self.members) if each.due == due)
            is_gateway = self.gateway and number == 0
            to = self.members[number].spoken(gateway=None if is_gateway else self.gateway)
            if to is True:
                self.unicast += 2  # and its answer
                self.members[number].answered()
                self.members[number].heard(same(0, number), due)
            elif to is False:
                self.broadcast += 1
                for other, each in enumerate(self.members):
                    if other != number:
                        each.heard(same(number, other), due)
                        if is_gateway:
                            each.answered()


@pytest.mark.parametrize("gateway", [True, False])
def test_many_idle_members_cost_next_to_nothing(gateway: bool) -> None:
    mesh = Mesh(gateway=gateway)
    mesh.run(HOUR)  # all of them have just connected
    mesh.unicast = mesh.broadcast = 0
    mesh.run(2 * HOUR)
    delivered = mesh.unicast + mesh.broadcast * MANY
    assert delivered / 3600 <= 3, "messages a second that a broker passes on, in a mesh of 500"
    assert mesh.broadcast


def test_connecting_asks_a_gateway_a_few_times_and_nobody_else() -> None:
    mesh = Mesh(gateway=True)
    mesh.run(30 * SECOND)
    assert mesh.unicast <= 2 * 2 * MANY
    assert mesh.broadcast <= 6


def test_news_is_compared_within_a_second() -> None:
    one = Hellos(random.Random(1).random, 0)
    for _ in range(20):
        one.spoken(gateway=None)
    now = one.due - SECOND
    one.news(now)
    assert now < one.due <= now + SECOND


def test_a_gateway_that_says_nothing_is_passed_over_until_it_speaks() -> None:
    one = Hellos(lambda: 0.5, 0)
    assert one.spoken(gateway=True) is True
    assert one.spoken(gateway=True) is False
    one.answered()
    assert one.spoken(gateway=True) is True
    one.met(one.due)
    assert one.spoken(gateway=True) is True
    assert one.spoken(gateway=False) is False


def test_who_has_heard_the_same_keeps_quiet_once_and_a_gateway_never() -> None:
    one = Hellos(lambda: 0.5, 0)
    one.heard(True, 1)
    assert one.spoken(gateway=True) is None
    assert one.spoken(gateway=True) is True
    one.heard(True, 1)
    assert one.spoken(gateway=None) is False


def test_two_that_never_agree_do_not_keep_one_another_awake() -> None:
    mesh = Mesh(gateway=False)
    mesh.members = mesh.members[:2]
    mesh.run(HOUR, same=lambda a, b: False)
    assert mesh.broadcast <= 2 * 6 * 120, "a burst of half a dozen in half a minute"
