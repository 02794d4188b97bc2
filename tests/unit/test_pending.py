# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.pending and enrolment by approval: a list that no stranger fills, and what its answers are."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import RefusedError
from ganglion.mesh.enrol import Applicant, EnrolKey, Enroller, PendingError
from ganglion.mesh.identity import Identity, fingerprint
from ganglion.mesh.pending import LIMIT, CrowdedError, Waiting
from ganglion.units import SECOND
from ganglion_micro import gl1
from support.mesh import NOW, Desk, Enrolled, Keys, Site

KEY = bytes(32)


def test_who_asks_again_stays_and_keeps_the_time_it_first_asked() -> None:
    waiting = Waiting()
    waiting.ask("a", KEY, "fridge", NOW)
    one, gone = waiting.ask("a", KEY, "cold store", NOW + 15 * SECOND)
    assert (one.name, one.first, one.last, gone) == ("cold store", NOW, NOW + 15 * SECOND, [])
    assert waiting.all == [one]


def test_who_asks_twice_in_a_second_gets_no_second_answer() -> None:
    waiting = Waiting()
    waiting.ask("a", KEY, "fridge", NOW)
    with pytest.raises(CrowdedError):
        waiting.ask("a", KEY, "fridge", NOW + SECOND - 1)
    waiting.ask("a", KEY, "fridge", NOW + SECOND)


def test_new_ones_come_at_a_bounded_rate() -> None:
    waiting = Waiting()
    let_in = 0
    for i in range(1000):
        try:
            waiting.ask(str(i), KEY, "x", NOW + i * SECOND // 100)  # ten seconds of a flood
            let_in += 1
        except CrowdedError:
            continue
    assert let_in <= 21


def test_a_node_that_asks_every_quarter_minute_outlasts_any_flood() -> None:
    waiting = Waiting()
    waiting.ask("honest", KEY, "fridge", NOW)
    for i in range(1, 3600 * 4):
        now = NOW + i * SECOND // 4
        if i % 60 == 0:
            waiting.ask("honest", KEY, "fridge", now)
        try:
            waiting.ask(f"stranger {i}", KEY, "x", now)
        except CrowdedError:
            continue
        assert waiting.find("honest") is not None
        assert len(waiting.all) <= LIMIT
    assert len(waiting.all) == LIMIT


@given(st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 40 * SECOND)), max_size=60))
def test_the_list_is_never_longer_than_its_limit_and_loses_the_idlest(steps: list[tuple[str, int]]) -> None:
    waiting = Waiting(limit=4)
    now = NOW
    for node, passed in steps:
        now += passed
        before = {one.node_id: one.last for one in waiting.all}
        try:
            one, gone = waiting.ask(node, KEY, "x", now)
        except CrowdedError:
            continue
        assert one.last == now
        assert len(waiting.all) <= 4
        assert all(before[each] <= min(last for who, last in before.items()) for each in gone)


def test_a_clock_that_goes_back_neither_opens_nor_shuts_the_door() -> None:
    waiting = Waiting()
    for i in range(16):
        waiting.ask(str(i), KEY, "x", NOW)
    with pytest.raises(CrowdedError):
        waiting.ask("late", KEY, "x", NOW - 1000 * SECOND)
    waiting.ask("late", KEY, "x", NOW - 998 * SECOND)


# Both halves


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def desk() -> Desk:
    return Desk()


class Round:
    """A gateway, and a node that asks it."""

    def __init__(self, site: Site, desk: Desk | None) -> None:
        self.site = site
        self.trust = site.authority.trust(now=NOW)
        self.enroller = Enroller(site.authority, Keys(site.authority), approvals=desk)
        self.gateway = site.member("gateway", role="gateway")
        self.node: Enrolled = site.member("nobody")
        assert self.node.hears(self.gateway.birth())
        self.applicant = Applicant(None, self.node.member.identity, "fridge")

    async def ask(self, **changes: Any) -> Any:
        """The answer's body."""
        body = {**self.applicant.ask(self.trust), **changes}
        received = self.gateway.hears(self.node.member.seal(gl1.ENROL, body, now=self.site.now))
        assert received is not None
        return await self.enroller.answer(received, self.site.now)

    def take(self, body: Any) -> Any:
        to = self.node.member.identity.node_id
        heard = self.node.hears(self.gateway.member.seal(gl1.CREDENTIAL, body, now=self.site.now, to=to))
        assert heard is not None
        return self.applicant.take(heard, self.trust)


async def test_the_same_question_is_answered_again_when_it_is_decided(site: Site, desk: Desk) -> None:
    round = Round(site, desk)
    node = round.node.member.identity.node_id
    body = round.applicant.ask(round.trust)
    received = round.gateway.hears(round.node.member.seal(gl1.ENROL, body, now=NOW))
    assert received is not None
    with pytest.raises(PendingError, match=f"ganglion devices approve {fingerprint(node)}"):
        round.take(await round.enroller.answer(received, NOW))
    desk.approve(node, "cold store", "kitchen")
    held = round.take(await round.enroller.answer(received, NOW))
    assert (held.name, held.tags, held.roles, held.node_id) == ("cold store", ("kitchen",), ("node",), node)


async def test_a_mesh_without_a_desk_says_how_to_join_it(site: Site) -> None:
    round = Round(site, None)
    with pytest.raises(RefusedError, match="nodes join this mesh by a key"):
        round.take(await round.ask())


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "\x1b[2J", "\u202eegdirf", 7, None])
async def test_a_name_that_an_operator_should_not_see_is_refused_and_not_listed(
    site: Site, desk: Desk, name: Any
) -> None:
    round = Round(site, desk)
    with pytest.raises(RefusedError, match="printable"):
        round.take(await round.ask(name=name))
    assert desk.waiting.all == []


async def test_a_question_with_half_a_key_or_too_soon_again_gets_no_answer(site: Site, desk: Desk) -> None:
    round = Round(site, desk)
    key = EnrolKey.create(site.authority)
    assert await round.ask(key_id=key.key_id) is None
    assert await round.ask(mac=bytes(32)) is None
    assert await round.ask(nonce=b"short") is None
    assert (await round.ask())["error"]["code"] == "pending"
    assert await round.ask() is None


async def test_a_revoked_key_does_not_come_onto_the_list(site: Site, desk: Desk) -> None:
    round = Round(site, desk)
    site.authority.revoke(round.node.member.identity.node_id, now=NOW)
    with pytest.raises(RefusedError, match="revoked or replaced"):
        round.take(await round.ask())
    assert desk.waiting.all == []


def test_a_fingerprint_is_the_beginning_of_the_id_in_groups() -> None:
    node = Identity(bytes(32)).node_id
    assert fingerprint(node) == f"{node[:4]}-{node[4:8]}-{node[8:12]}-{node[12:16]}"
