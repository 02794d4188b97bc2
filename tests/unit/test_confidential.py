# SPDX-License-Identifier: GPL-3.0-or-later
"""Confidential topics without a broker: sealing and opening at members, keys handed out, events that wait."""

import asyncio
import random
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.errors import InvalidError
from ganglion.mesh import group as group_module
from ganglion.mesh import groups
from ganglion.mesh.aead import SealError
from ganglion.mesh.group import GroupKeys, Handover, NoKeyError, Place, renew
from ganglion.mesh.groups import LIMIT, Groups
from ganglion.mesh.held import Held, Waiting
from ganglion.mesh.keyholder import Confidential
from ganglion.mesh.keyoffice import KeyOffice
from ganglion.mesh.member import Cause, Received, Sealed
from ganglion.mesh.spool import Rank, Row
from ganglion_micro import cbor, cose, gl1
from support.mesh import HOUR, NOW, Enrolled, Site

MESH = b"m" * 8


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def known(site: Site, *names: str) -> list[Enrolled]:
    """Members that have heard one another's births; each has a key for secrets in its credential."""
    members = []
    for name in names:
        role = "gateway" if name == "gateway" else "node"
        one = site.member(name, role=role)
        one.credential = site.authority.issue(
            one.member.identity.public,
            name=name,
            roles=[role],
            now=NOW,
            lifetime=24 * HOUR,
            x25519=one.member.identity.x25519,
        )
        members.append(one)
    for one in members:
        birth = one.birth()
        for other in members:
            other.hears(birth)
    return members


def give(*members: Enrolled, last: int = 0, to: tuple[Enrolled, ...] = ()) -> Handover:
    handover = renew("hall", [each.member.identity.node_id for each in members], last=last, now=NOW)
    for each in (*members, *to):
        each.member.groups.take(handover)
    return handover


def says(one: Enrolled, value: Any = "secret", cls: str = "alert") -> Sealed:
    body = {"class": cls, "topic": f"{cls}/x", "value": value}
    return one.member.seal(gl1.EVENT, body, now=NOW, name=cls, group="hall")


def dropped(one: Enrolled, sealed: Sealed, topic: str = "") -> Cause:
    before = dict(one.member.rejected)
    assert one.hears(sealed, topic=topic) is None
    [cause] = [cause for cause, count in one.member.rejected.items() if count != before.get(cause, 0)]
    return cause


def signed_by(one: Enrolled, msg: gl1.MSG, topic: str) -> Sealed:
    identity = one.member.identity
    data = cose.sign1(msg.pack(), identity.kid, gl1.aad(one.site.authority.mesh), identity.sign)
    return Sealed(topic, data, msg.epoch, msg.seq)


def test_a_member_opens_what_another_has_sealed_for_the_group(site: Site) -> None:
    ann, ben, gateway = known(site, "ann", "ben", "gateway")
    give(ann, ben, to=(gateway,))
    sealed = says(ann)
    assert b"secret" not in sealed.payload
    assert sealed.topic == f"gl1/{site.authority.mesh_id}/g/hall/{ann.member.identity.node_id}/e/alert"
    for reader in (ben, gateway):
        heard = reader.hears(sealed)
        assert heard is not None
        assert (heard.group, heard.body["value"]) == ("hall", "secret")
    frame = ann.member.seal(gl1.BATCH, [["door/open", 1, True]], now=NOW, group="hall")
    heard = ben.hears(frame)
    assert heard is not None
    assert heard.body == [["door/open", 1, True]]


def test_who_has_no_key_drops_it_and_says_why(site: Site) -> None:
    ann, ben, eve = known(site, "ann", "ben", "eve")
    first = give(ann, ben, eve)
    give(ann, ben, last=first.number)
    assert dropped(eve, says(ann)) == Cause.UNREADABLE
    assert ben.hears(says(ann)) is not None
    (stranger,) = known(site, "stranger")
    stranger.hears(ann.birth())
    assert dropped(stranger, says(ann)) == Cause.UNREADABLE


def test_what_an_old_member_seals_the_gateway_reads_and_no_member_believes(site: Site) -> None:
    ann, ben, eve, gateway = known(site, "ann", "ben", "eve", "gateway")
    first = give(ann, ben, eve, to=(gateway,))
    give(ann, ben, last=first.number, to=(gateway,))
    sealed = says(eve)
    assert dropped(ben, sealed) == Cause.UNAUTHORISED
    heard = gateway.hears(sealed)
    assert heard is not None
    assert heard.body["value"] == "secret"


def test_ciphertext_that_another_member_signs_anew_is_refused(site: Site) -> None:
    ann, ben, eve = known(site, "ann", "ben", "eve")
    give(ann, ben, eve)
    sealed = says(ann)
    msg = gl1.unpack(cose.parse(sealed.payload).payload)
    topic = sealed.topic.replace(ann.member.identity.node_id, eve.member.identity.node_id)
    stolen = signed_by(eve, msg, topic)
    assert dropped(ben, stolen) == Cause.FORGED
    assert ben.hears(sealed) is not None


def test_a_message_to_a_group_stands_on_its_topic_and_nowhere_else(site: Site) -> None:
    ann, ben, eve = known(site, "ann", "ben", "eve")
    give(ann, ben, eve)
    node, mesh = ann.member.identity.node_id, site.authority.mesh_id
    for topic in (
        f"gl1/{mesh}/g/other/{node}/e/alert",
        f"gl1/{mesh}/g/hall/{eve.member.identity.node_id}/e/alert",
        f"gl1/{mesh}/g/hall/{node}/d/batch",
        f"gl1/{mesh}/n/{node}/e/alert",
        f"gl1/{mesh}/g/hall/{node}/e/episode",
    ):
        assert dropped(ben, says(ann), topic) == Cause.MISADDRESSED
    assert dropped(
        ben, signed_by(ann, gl1.MSG(gl1.EVENT, "hall", 1, 90, NOW, {"class": "alert"}), says(ann).topic)
    ) == (Cause.FORGED)
    request = gl1.MSG(gl1.REQUEST, "hall", 1, 91, NOW, {"id": "x"})
    assert dropped(ben, signed_by(ann, request, f"gl1/{mesh}/g/hall/{node}/q")) == Cause.MISADDRESSED


def test_our_own_word_to_the_group_comes_back_and_is_nothing_new(site: Site) -> None:
    ann, _ = known(site, "ann", "ben")
    give(ann)
    assert ann.hears(says(ann)) is None
    assert not ann.member.rejected


def test_a_body_is_never_sent_in_the_clear_for_want_of_a_key(site: Site) -> None:
    (ann,) = known(site, "ann")
    with pytest.raises(NoKeyError):
        says(ann)


def test_a_command_to_one_member_is_read_by_that_one(site: Site) -> None:
    ann, ben, eve = known(site, "ann", "ben", "eve")
    body = {"id": "1", "method": "unlock", "params": {"code": "secret"}, "nonce": ben.member.nonce, "deadline": NOW}
    alone = ben.member.identity.x25519
    sealed = ann.member.seal(gl1.REQUEST, body, now=NOW, to=ben.member.identity.node_id, alone=alone)
    assert b"secret" not in sealed.payload
    msg = gl1.unpack(cose.parse(sealed.payload).payload)
    assert dropped(ben, signed_by(eve, msg, sealed.topic)) == Cause.FORGED
    heard = ben.hears(sealed)
    assert heard is not None
    assert (heard.alone, heard.body) == (True, body)


async def test_a_key_is_given_again_until_it_is_acknowledged_and_not_to_who_left(site: Site) -> None:
    gateway, ann, eve = known(site, "gateway", "ann", "eve")
    sent: list[Sealed] = []
    office = KeyOffice(gateway.member, clock=lambda: NOW, publish=sent.append)

    def given(one: Enrolled) -> int:
        return sum(one.member.identity.node_id in each.topic for each in sent)

    def has(one: Enrolled, number: int) -> None:
        body = {"key": ["hall", number]}
        to = gateway.member.identity.node_id
        heard = gateway.hears(one.member.seal(gl1.REPLY, body, now=NOW, to=to))
        assert heard is not None
        office.acknowledged(heard)

    async def turns() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    task = asyncio.create_task(office.run())
    try:
        ids = [each.member.identity.node_id for each in (ann, eve)]
        first = renew("hall", ids, last=0, now=NOW)
        office.issue(first)
        await turns()
        assert (given(ann), given(eve)) == (1, 1)
        heard = ann.hears(sent[0] if ids[0] in sent[0].topic else sent[1])
        assert heard is not None
        assert heard.kind == gl1.KEY
        assert Handover.read(heard.body, ann.member.identity, mesh=site.authority.mesh) == first
        with pytest.raises(SealError):
            Handover.read(heard.body, eve.member.identity, mesh=site.authority.mesh)
        has(ann, first.number - 1)
        assert office.waits("hall", ids[0])
        has(ann, first.number)
        assert not office.waits("hall", ids[0])
        for one in (ann, eve):  # both are there again: who has the key is not given it
            office.born(gateway.member.peers[one.member.identity.kid])
        await turns()
        assert (given(ann), given(eve)) == (1, 2)
        office.issue(renew("hall", ids[:1], last=first.number, now=NOW))
        office.born(gateway.member.peers[eve.member.identity.kid])
        await turns()
        assert (given(ann), given(eve)) == (2, 2)
        site.authority.revoke(ids[0], now=NOW)
        gateway.member.enforce(site.authority.revocations(now=NOW))
        office.born(gateway.member.peers[ann.member.identity.kid])
        await turns()
        assert given(ann) == 2
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("body", [b"", b"\x00" * 40, "text", None, ["hall", 1]])
def test_a_node_takes_no_key_from_what_is_none_and_none_from_another_node(site: Site, body: Any) -> None:
    gateway, ann, eve = known(site, "gateway", "ann", "eve")
    heard = ann.hears(gateway.member.seal(gl1.KEY, body, now=NOW, to=ann.member.identity.node_id))
    assert heard is not None  # who sent it and what is in it, the holder of the keys looks at
    holder_takes(ann, site, heard, Cause.UNREADABLE)
    handover = renew("hall", [ann.member.identity.node_id], last=0, now=NOW)
    wrapped = handover.wrapped(ann.member.identity.x25519, mesh=site.authority.mesh, receiver=ann.member.identity.kid)
    heard = ann.hears(eve.member.seal(gl1.KEY, wrapped, now=NOW, to=ann.member.identity.node_id))
    assert heard is not None
    holder_takes(ann, site, heard, Cause.UNAUTHORISED)


def test_a_key_of_a_group_too_many_is_not_said_to_be_here(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "LIMIT", 0)
    gateway, ann = known(site, "gateway", "ann")
    handover = renew("hall", [ann.member.identity.node_id], last=0, now=NOW)
    wrapped = handover.wrapped(ann.member.identity.x25519, mesh=site.authority.mesh, receiver=ann.member.identity.kid)
    heard = ann.hears(gateway.member.seal(gl1.KEY, wrapped, now=NOW, to=ann.member.identity.node_id))
    assert heard is not None
    holder_takes(ann, site, heard, Cause.LIMITED)
    assert not (site.folder / "node" / "groups").exists()


def holder_takes(one: Enrolled, site: Site, heard: Received, cause: Cause) -> None:
    from ganglion.mesh.keyholder import KeyHolder

    async def saved() -> None:
        raise AssertionError("nothing is posted")

    published: list[Sealed] = []
    holder = KeyHolder(
        one.member,
        site.folder / "node",
        confidential=Confidential(group="hall"),
        clock=lambda: NOW,
        publish=published.append,
        subscribe=lambda topic, qos: None,
        post=published.append,
        saved=saved,
    )
    before = one.member.rejected[cause]
    holder.take(heard)
    assert one.member.rejected[cause] == before + 1
    assert not one.member.groups.newest
    assert published == []


def test_no_key_seals_twice_with_one_nonce_at_real_members(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[tuple[bytes, bytes]] = []
    real = group_module.seal

    def noted(plain: bytes, *, key: bytes, nonce: bytes, aad: bytes) -> bytes:
        used.append((key, nonce))
        return real(plain, key=key, nonce=nonce, aad=aad)

    monkeypatch.setattr(group_module, "seal", noted)
    dice = random.Random(1)
    members = known(site, "ann", "ben")
    handover = give(*members)
    for boot in range(2):
        for _ in range(1000):
            one = dice.choice(members)
            match dice.randrange(4):
                case 0:
                    says(one)
                case 1:
                    one.member.seal(gl1.BATCH, [["a", 1, 2]], now=NOW, group="hall")
                case 2:
                    one.frame(["a", 1, 2])
                case _:
                    one.request(dice.choice(members))
        if boot == 0:
            handover = give(*members, last=handover.number)
            for one in members:
                one.member.become(one.member.identity, one.member.epoch + 1)
    assert len(used) > 700
    assert len(set(used)) == len(used)


@pytest.mark.untraced
def test_a_million_mixed_sends_repeat_no_key_with_a_nonce() -> None:
    """Classes count for themselves and each boot begins at 1, so that the nonce alone comes again and again."""
    dice = random.Random(2)
    senders, kinds = [bytes([sender]) * 8 for sender in range(4)], [gl1.EVENT, gl1.BATCH, gl1.REQUEST, gl1.REPLY]
    keys = GroupKeys()
    keys.add(1, b"k" * 32)
    own: dict[tuple[bytes, bool], bytes] = {}
    used: set[bytes] = set()
    nonces: set[bytes] = set()
    for epoch in range(1, 6):
        counters: dict[tuple[bytes, bool], int] = {}
        for sender, kind in dice.choices(list(product(senders, kinds)), k=200_000):
            counter = (sender, kind in gl1.CLASS_C)
            counters[counter] = seq = counters.get(counter, 0) + 1
            place = Place(mesh=MESH, sender=sender, kind=kind, dst="hall", epoch=epoch, seq=seq)
            if counter not in own:
                own[counter] = keys._own(1, place.role)
            used.add(own[counter] + place.nonce)
            nonces.add(place.nonce)
    assert len(used) == 1_000_000
    assert len(nonces) < 200_000


def test_an_alert_to_a_group_is_an_alert_in_the_spool(site: Site) -> None:
    (ann,) = known(site, "ann")
    give(ann)
    sealed = says(ann)
    assert Row(sealed.epoch, sealed.seq, sealed.topic, sealed.payload).rank == Rank.ALERT


def test_a_member_has_a_bounded_number_of_groups() -> None:
    groups = Groups()
    for i in range(LIMIT + 10):
        groups.take(renew(f"g{i}", [], last=0, now=NOW))
    assert len(groups.newest) == LIMIT


# What waits for a key

bodies = st.dictionaries(
    st.text(max_size=8), st.one_of(st.text(max_size=20), st.integers(-(2**63), 2**63), st.booleans()), max_size=4
)


@settings(max_examples=25)
@given(st.lists(bodies, max_size=8))
def test_what_waits_is_there_after_a_restart_in_order(
    tmp_path_factory: pytest.TempPathFactory, said: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("node") / "held"
    held = Held(folder)
    for body in said:
        held.add(Waiting("alert", body))
    again = Held(folder)
    assert [event.body for _, event in again.all()] == said
    for number, _ in again.all():
        again.remove(number)
    assert len(Held(folder)) == 0


def test_the_oldest_goes_where_too_much_waits_and_a_damaged_one_is_counted(tmp_path: Path) -> None:
    held = Held(tmp_path / "held")
    for _ in range(80):
        held.add(Waiting("alert", {"value": "x" * 60_000}))
    assert held.lost == 80 - len(held) > 0
    numbers = [number for number, _ in held.all()]
    (tmp_path / "held" / str(numbers[0])).write_bytes(b"damaged")
    assert [number for number, _ in held.all()] == numbers[1:]
    assert held.lost == 80 - len(held)
    with pytest.raises(cbor.CBORError):
        held.add(Waiting("alert", {"value": object()}))


@pytest.mark.parametrize(("group", "topics"), [("a b", ("#",)), ("a.b", ("#",)), ("hall", ("a/#/b",))])
def test_what_is_no_group_and_no_filter_is_refused(group: str, topics: tuple[str, ...]) -> None:
    with pytest.raises(InvalidError):
        Confidential(group=group, topics=topics)
