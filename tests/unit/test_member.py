# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.member: what is believed, and each reason not to, as bytes (the mandatory list of design E2)."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganglion.mesh.authority import Authority
from ganglion.mesh.credential import Trust, WrongMeshError
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Cause, Member, Sealed
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1
from ganglion_micro.replay import SIZE
from support.mesh import HOUR, NOW, Enrolled, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def gateway(site: Site) -> Enrolled:
    return site.member("gateway", role="gateway")


@pytest.fixture
def node(site: Site, gateway: Enrolled) -> Enrolled:
    """A node and a gateway that have heard each other's birth."""
    node = site.member("fridge")
    assert gateway.hears(node.birth())
    assert node.hears(gateway.birth())
    return node


def dropped(who: Enrolled, sealed: Sealed, *, topic: str = "", retained: bool = False) -> Cause:
    """The one cause for which a message is dropped."""
    before = dict(who.member.rejected)
    assert who.hears(sealed, topic=topic, retained=retained) is None
    causes = [cause for cause, count in who.member.rejected.items() if count != before.get(cause, 0)]
    assert len(causes) == 1
    return causes[0]


def test_an_event_is_believed_and_says_who_sent_it(node: Enrolled, gateway: Enrolled) -> None:
    received = gateway.hears(node.event(8.5))
    assert received is not None
    assert received.peer is not None
    assert (received.kind, received.peer.name, received.node_id) == (gl1.EVENT, "fridge", node.member.identity.node_id)
    assert (received.body["value"], received.epoch, received.timestamp) == (8.5, 1, NOW)
    assert not gateway.member.rejected


def test_each_class_has_a_sequence_of_its_own(node: Enrolled, gateway: Enrolled) -> None:
    start = node.event().seq
    assert [node.frame().seq, node.event().seq] == [start + 1, start + 2]
    assert [node.request(gateway).seq, node.request(gateway).seq] == [1, 2]


def test_a_bit_flipped_in_any_byte_is_dropped(node: Enrolled, gateway: Enrolled) -> None:
    sealed = node.event()
    for at in range(len(sealed.payload)):
        for bit in range(8):
            damaged = bytearray(sealed.payload)
            damaged[at] ^= 1 << bit
            assert gateway.member.open(sealed.topic, bytes(damaged), now=NOW) is None, f"byte {at}, bit {bit}"
    assert gateway.hears(sealed)


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_dropped_without_an_error(gateway: Enrolled, data: bytes) -> None:
    node = gl1.topic(gateway.member.mesh, gl1.EVENT, "a" * 26, name="alert")
    assert gateway.member.open(node, data, now=NOW) is None


bodies = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=3) | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "nonce", "class", "key", "credential", "epoch", "stored", "ok", "method"]), inner
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from([*range(16), 99]), bodies, st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_member_that_says_nonsense_causes_no_error(
    site: Site, node: Enrolled, gateway: Enrolled, kind: int, body: object, directed: bool
) -> None:
    member = node.member
    to = gateway.member.identity
    message = gl1.MSG(kind, to.kid if directed else None, 1, time.monotonic_ns(), NOW, body)
    payload = cose.sign1(message.pack(), member.identity.kid, gl1.aad(site.authority.mesh), member.identity.sign)
    for topic in {gl1.topic(member.mesh, kind, member.identity.node_id, to.node_id, "alert"), f"gl1/{member.mesh}/x"}:
        gateway.member.open(topic, payload, now=NOW)


def test_a_forged_signature_is_dropped(node: Enrolled, gateway: Enrolled) -> None:
    sealed = node.event()
    forged = sealed._replace(payload=sealed.payload[:-64] + bytes(64))
    assert dropped(gateway, forged) == Cause.FORGED
    assert gateway.hears(sealed), "a forgery must not use up the sequence it claims"


def test_a_swapped_key_id_is_dropped(site: Site, node: Enrolled, gateway: Enrolled) -> None:
    other = site.member("room")
    assert gateway.hears(other.birth())
    sealed = node.event()
    swapped = sealed.payload.replace(node.member.identity.kid, other.member.identity.kid, 1)
    topic = other.event().topic
    assert dropped(gateway, sealed._replace(payload=swapped, topic=topic)) == Cause.FORGED


def test_a_message_of_the_same_key_in_another_mesh_is_dropped(
    tmp_path: Path, site: Site, node: Enrolled, gateway: Enrolled
) -> None:
    elsewhere = Member(node.member.identity, mesh=Authority.open(tmp_path / "b", now=NOW).mesh_id, epoch=1)
    sealed = elsewhere.seal(gl1.EVENT, {"class": "alert"}, now=NOW, name="alert")
    assert dropped(gateway, sealed) == Cause.WRONG_MESH
    assert dropped(gateway, sealed, topic=node.event().topic) == Cause.FORGED


def test_a_ciphertext_or_event_signed_again_by_another_member_is_that_members(
    site: Site, node: Enrolled, gateway: Enrolled
) -> None:
    thief = site.member("thief")
    assert gateway.hears(thief.birth())
    taken = cose.parse(node.event().payload).payload
    again = cose.sign1(taken, thief.member.identity.kid, gl1.aad(site.authority.mesh), thief.member.identity.sign)
    assert dropped(gateway, Sealed(node.event().topic, again, 1, 1)) == Cause.MISADDRESSED


def test_an_unenrolled_sender_is_dropped(site: Site, gateway: Enrolled) -> None:
    assert dropped(gateway, site.member("stranger").event()) == Cause.UNENROLLED


@pytest.mark.parametrize("part", ["e/episode", "e/alert/x", "d/alert", "d/batch", "birth", "q"])
def test_a_message_on_another_topic_is_dropped(node: Enrolled, gateway: Enrolled, part: str) -> None:
    sealed = node.event()
    moved = sealed.topic.replace("e/alert", part)
    assert dropped(gateway, sealed, topic=moved) == Cause.MISADDRESSED
    assert gateway.hears(sealed)


def test_a_message_in_another_nodes_name_is_dropped(site: Site, node: Enrolled, gateway: Enrolled) -> None:
    other = site.member("room")
    assert gateway.hears(other.birth())
    assert dropped(gateway, node.event(), topic=other.event().topic) == Cause.MISADDRESSED


def test_a_request_to_someone_else_is_dropped(site: Site, node: Enrolled, gateway: Enrolled) -> None:
    other = site.member("room")
    assert other.hears(gateway.birth())
    request = gateway.request(node)
    moved = request.topic.replace(node.member.identity.node_id, other.member.identity.node_id)
    assert dropped(other, request, topic=moved) == Cause.MISADDRESSED


@pytest.mark.parametrize("kind", [gl1.HELLO, gl1.DATA, gl1.DELTA, gl1.CONFIG, gl1.KEY, gl1.REVOCATION, 15, 99])
def test_a_kind_that_is_not_processed_is_dropped(site: Site, node: Enrolled, gateway: Enrolled, kind: int) -> None:
    identity = node.member.identity
    payload = gl1.MSG(kind, None, 1, 50, NOW, {"stream": "x"}).pack()
    data = cose.sign1(payload, identity.kid, gl1.aad(site.authority.mesh), identity.sign)
    topic = f"gl1/{site.authority.mesh_id}/n/{identity.node_id}/x"
    assert dropped(gateway, Sealed(topic, data, 1, 50)) == Cause.UNKNOWN_KIND


@pytest.mark.parametrize("size", [65537, 70000])
def test_a_message_over_the_limit_is_dropped(node: Enrolled, gateway: Enrolled, size: int) -> None:
    assert dropped(gateway, node.event()._replace(payload=bytes(size))) == Cause.MALFORMED


def signed(site: Site, who: Enrolled, payload: bytes) -> bytes:
    identity = who.member.identity
    return cose.sign1(payload, identity.kid, gl1.aad(site.authority.mesh), identity.sign)


def test_a_payload_that_is_not_deterministic_is_dropped_though_signed(
    site: Site, node: Enrolled, gateway: Enrolled
) -> None:
    good = gl1.MSG(gl1.EVENT, None, 1, 60, NOW, {"class": "alert", "a": 1}).pack()
    topic = node.event().topic
    for payload in (
        good.replace(b"\x61a\x01", b"\x61a\x18\x01"),  # a longer integer
        good.replace(b"\xa2\x61a\x01\x65class\x65alert", b"\xa2\x65class\x65alert\x61a\x01"),  # unsorted
        good.replace(b"\xa2\x61a\x01", b"\xa3\x61a\x01\x61a\x01"),  # a duplicate key
        good + b"\x00",
    ):
        assert payload != good
        assert dropped(gateway, Sealed(topic, signed(site, node, payload), 1, 60)) == Cause.MALFORMED
    assert gateway.hears(Sealed(topic, signed(site, node, good), 1, 60))


def test_a_body_too_deep_is_dropped_though_signed(site: Site, node: Enrolled, gateway: Enrolled) -> None:
    deep = b"\x81" * 16 + b"\x00"  # with MSG around it 17 levels
    payload = cbor.encode([1, gl1.BATCH, None, 1, 70, NOW, 0])[:-1] + deep
    topic = node.frame().topic
    assert dropped(gateway, Sealed(topic, signed(site, node, payload), 1, 70)) == Cause.MALFORMED


# Replays


def test_a_frame_that_comes_again_is_dropped_and_counted(node: Enrolled, gateway: Enrolled) -> None:
    sealed = node.frame(["a", NOW, 1])
    assert gateway.hears(sealed)
    assert [dropped(gateway, sealed) for _ in range(3)] == [Cause.REPLAYED] * 3
    assert gateway.member.rejected == {Cause.REPLAYED: 3}


def test_a_frame_is_told_from_its_copy_by_its_sequence_too(site: Site, node: Enrolled, gateway: Enrolled) -> None:
    sealed = node.frame(["a", NOW, 1])
    assert gateway.hears(sealed)
    other = signed(site, node, gl1.MSG(gl1.BATCH, None, 1, sealed.seq, NOW, [["a", NOW, 2]]).pack())
    assert dropped(gateway, sealed._replace(payload=other)) == Cause.REPLAYED


def test_a_frame_below_the_window_is_dropped(node: Enrolled, gateway: Enrolled) -> None:
    late = node.frame()
    for _ in range(SIZE):
        newest = node.frame()
    assert gateway.hears(newest)
    assert dropped(gateway, late) == Cause.REPLAYED


def test_an_event_that_comes_again_is_said_to_be_repeated_and_counted(node: Enrolled, gateway: Enrolled) -> None:
    sealed = node.event()
    first, second = gateway.hears(sealed), gateway.hears(sealed)
    assert first is not None
    assert second is not None
    assert (first.repeated, second.repeated) == (False, True)
    assert gateway.member.rejected == {Cause.REPLAYED: 1}


def test_an_event_of_an_earlier_boot_is_believed_since_it_waited_in_a_spool(site: Site, gateway: Enrolled) -> None:
    identity = Identity.create()
    before = site.member("fridge", identity=identity, epoch=1)
    late, lost = before.event("late"), before.frame()
    after = site.member("fridge", identity=identity, epoch=2)
    assert gateway.hears(after.birth())
    assert gateway.hears(after.event())
    received = gateway.hears(late)
    assert received is not None
    assert (received.epoch, received.repeated) == (1, False)
    assert dropped(gateway, lost) == Cause.STALE


def test_a_request_that_comes_again_is_dropped(node: Enrolled, gateway: Enrolled) -> None:
    request = gateway.request(node)
    assert node.hears(request)
    assert dropped(node, request) == Cause.REPLAYED


def test_requests_may_overtake_one_another_within_the_window(node: Enrolled, gateway: Enrolled) -> None:
    requests = [gateway.request(node) for _ in range(10)]
    assert all(node.hears(request) for request in reversed(requests))


def test_a_request_below_the_window_is_dropped(node: Enrolled, gateway: Enrolled) -> None:
    first = gateway.request(node)
    for _ in range(SIZE):
        last = gateway.request(node)
    assert node.hears(last)
    assert dropped(node, first) == Cause.REPLAYED


def test_a_request_of_an_earlier_boot_of_its_sender_is_dropped(site: Site, node: Enrolled) -> None:
    identity = Identity.create()
    before = site.member("gw", role="gateway", identity=identity, epoch=1)
    old = before.request(node)
    assert node.hears(site.member("gw", role="gateway", identity=identity, epoch=2).birth())
    assert dropped(node, old) == Cause.STALE


@pytest.mark.parametrize("off", [-301, 301])
def test_a_request_with_a_timestamp_too_far_off_is_dropped(
    site: Site, node: Enrolled, gateway: Enrolled, off: int
) -> None:
    site.now = NOW + off * SECOND
    request = gateway.request(node)
    site.now = NOW
    assert dropped(node, request) == Cause.STALE


@pytest.mark.parametrize("unset", ["receiver", "sender"])
def test_where_a_clock_was_never_set_the_nonce_alone_says_it_is_fresh(
    site: Site, node: Enrolled, gateway: Enrolled, unset: str
) -> None:
    site.now = NOW if unset == "receiver" else 5 * SECOND
    request = gateway.request(node)
    received = node.member.open(request.topic, request.payload, now=5 * SECOND if unset == "receiver" else NOW)
    assert received is not None
    assert not received.stale


def test_a_request_to_an_earlier_boot_can_be_answered_and_not_obeyed(node: Enrolled, gateway: Enrolled) -> None:
    received = node.hears(gateway.request(node, nonce=bytes(8)))
    assert received is not None
    assert received.stale
    assert received.body == {"id": "r1"}
    assert node.member.rejected == {Cause.STALE: 1}


def test_the_memory_of_signatures_is_bounded_and_forgets_the_oldest_alone(gateway: Enrolled) -> None:
    for i in range(5000):
        gateway.member._signatures.remember(i.to_bytes(16, "big"))
    assert list(gateway.member._signatures.seen) == [i.to_bytes(16, "big") for i in range(5000 - 4096, 5000)]


# Births


def test_a_birth_makes_a_peer(node: Enrolled, gateway: Enrolled) -> None:
    peer = gateway.member.peers[node.member.identity.kid]
    assert (peer.name, peer.nonce, peer.epoch, peer.is_gateway) == ("fridge", node.member.nonce, 1, False)
    assert node.member.gateway is not None
    assert node.member.gateway.is_gateway
    assert gateway.member.find("fridge") is gateway.member.find(peer.node_id) is peer
    assert gateway.member.find("nobody") is None


def test_a_retained_birth_that_comes_again_changes_nothing(node: Enrolled, gateway: Enrolled) -> None:
    birth = node.birth()
    first = gateway.hears(birth, retained=True)
    second = gateway.hears(birth, retained=True)
    assert first is not None
    assert second is not None
    assert (first.repeated, first.retained, second.repeated) == (False, True, True)
    assert not gateway.member.rejected
    third = gateway.hears(birth)
    assert third is not None
    assert third.repeated


def test_an_old_retained_birth_cannot_roll_back_a_newer_one(site: Site, gateway: Enrolled) -> None:
    identity = Identity.create()
    before = site.member("fridge", identity=identity, epoch=1)
    births = [before.birth(), before.birth()]
    after = site.member("fridge", identity=identity, epoch=2)
    assert gateway.hears(after.birth())
    assert [dropped(gateway, birth, retained=True) for birth in births] == [Cause.STALE] * 2
    assert gateway.member.peers[identity.kid].nonce == after.member.nonce


def test_an_earlier_birth_of_the_same_boot_is_dropped(site: Site, gateway: Enrolled) -> None:
    node = site.member("fridge")
    first, second = node.birth(nonce=b"earlier."), node.birth(nonce=b"later...")
    assert gateway.hears(second)
    assert dropped(gateway, first) == Cause.STALE
    assert gateway.member.peers[node.member.identity.kid].nonce == b"later..."


def test_a_birth_with_a_credential_of_its_own_making_is_dropped(site: Site, gateway: Enrolled) -> None:
    from ganglion.mesh import credential

    identity = Identity.create()
    own = credential.issue(
        identity,
        mesh=site.authority.mesh_id,
        public=identity.public,
        name="x",
        roles=["gateway"],
        tags=[],
        now=NOW,
        lifetime=HOUR,
    )
    assert dropped(gateway, site.member("x", identity=identity, credential=own).birth()) == Cause.FORGED
    assert not gateway.member.peers


def test_a_birth_with_anothers_credential_is_dropped(site: Site, node: Enrolled, gateway: Enrolled) -> None:
    thief = site.member("thief", credential=node.credential)
    assert dropped(gateway, thief.birth()) == Cause.FORGED


def test_a_birth_with_a_credential_of_another_mesh_is_dropped(tmp_path: Path, site: Site, gateway: Enrolled) -> None:
    identity = Identity.create()
    other = Authority.open(tmp_path / "b", now=NOW)
    foreign = other.issue(identity.public, name="x", roles=["node"], now=NOW)
    assert dropped(gateway, site.member("x", identity=identity, credential=foreign).birth()) == Cause.FORGED


@pytest.mark.parametrize("later", [24 * HOUR, 40 * 24 * HOUR, 100 * 24 * HOUR])
def test_a_retained_birth_whose_credential_has_expired_is_ignored(site: Site, gateway: Enrolled, later: int) -> None:
    birth = site.member("fridge").birth()
    site.now += later
    assert dropped(gateway, birth, retained=True) == Cause.EXPIRED


def test_a_birth_whose_credential_is_not_valid_yet_is_dropped(site: Site, gateway: Enrolled) -> None:
    site.now += HOUR
    birth = site.member("fridge").birth()
    site.now -= HOUR
    assert dropped(gateway, birth) == Cause.EXPIRED


def test_a_member_whose_credential_has_expired_is_not_believed_any_more(
    site: Site, node: Enrolled, gateway: Enrolled
) -> None:
    site.now += 24 * HOUR
    assert dropped(gateway, node.event()) == Cause.EXPIRED
    fresh = site.member("fridge", identity=node.member.identity, epoch=2)
    assert gateway.hears(fresh.birth())
    assert gateway.hears(fresh.event())


def test_a_birth_before_any_root_is_known_is_dropped(site: Site, node: Enrolled) -> None:
    blank = Member(Identity.create(), mesh=site.authority.mesh_id, epoch=1)
    birth = node.birth()
    assert blank.open(birth.topic, birth.payload, now=NOW) is None
    assert blank.rejected == {Cause.UNENROLLED: 1}


@pytest.mark.parametrize(
    "change",
    [{"nonce": b"short"}, {"nonce": None}, {"epoch": 2}, {"credential": None}, {"credential": "text"}],
    ids=str,
)
def test_a_birth_without_what_it_needs_is_dropped(site: Site, gateway: Enrolled, change: dict[str, object]) -> None:
    assert dropped(gateway, site.member("x").birth(**change)) == Cause.MALFORMED


def test_a_birth_on_another_nodes_topic_is_dropped(site: Site, node: Enrolled, gateway: Enrolled) -> None:
    assert dropped(gateway, site.member("x").birth(), topic=node.birth().topic) == Cause.MISADDRESSED


def test_a_gateways_birth_may_stand_on_the_gateways_topic_and_a_nodes_may_not(
    site: Site, node: Enrolled, gateway: Enrolled
) -> None:
    mesh = site.authority.mesh_id
    birth = gateway.birth()
    assert node.hears(birth, topic=gl1.gateway_topic(mesh, gateway.member.identity.node_id), retained=True)
    other = site.member("room")
    topic = gl1.gateway_topic(mesh, other.member.identity.node_id)
    assert dropped(node, other.birth(), topic=topic) == Cause.MISADDRESSED


def test_a_deleted_retained_message_states_nothing(node: Enrolled, gateway: Enrolled) -> None:
    assert gateway.member.open(node.birth().topic, b"", now=NOW, retained=True) is None
    assert not gateway.member.rejected
    assert gateway.member.open(node.birth().topic, b"", now=NOW) is None
    assert gateway.member.rejected == {Cause.MALFORMED: 1}


# Deaths


def death(who: Enrolled) -> Sealed:
    return who.member.seal(gl1.DEATH, {"epoch": who.member.epoch}, now=NOW - 40 * HOUR)


def test_a_death_counts_for_the_boot_it_was_signed_in(site: Site, gateway: Enrolled) -> None:
    identity = Identity.create()
    before = site.member("fridge", identity=identity, epoch=1)
    assert gateway.hears(before.birth())
    received = gateway.hears(death(before))
    assert received is not None
    assert (received.kind, received.seq) == (gl1.DEATH, 0)
    assert gateway.hears(site.member("fridge", identity=identity, epoch=2).birth())
    assert dropped(gateway, death(before)) == Cause.STALE


def test_what_a_death_overtook_tells_nothing_of_its_sender_being_there(site: Site, gateway: Enrolled) -> None:
    identity = Identity.create()
    node = site.member("fridge", identity=identity)
    assert gateway.hears(node.birth())
    late_birth, late_event, late_frame = node.birth(), node.event(), node.frame(["x", 1, 2.0])
    site.now += 1
    goodbye = node.member.seal(gl1.DEATH, {"epoch": 1}, now=site.now)
    assert gateway.hears(goodbye)
    for late in (late_birth, late_event, late_frame):
        received = gateway.hears(late)
        assert received is not None
        assert received.posthumous
    again = site.member("fridge", identity=identity, epoch=2)
    born = gateway.hears(again.birth())
    assert born is not None
    assert not born.posthumous


def test_a_goodbye_may_overtake_the_birth_that_began_its_boot(site: Site, gateway: Enrolled) -> None:
    identity = Identity.create()
    assert gateway.hears(site.member("fridge", identity=identity).birth())
    node = site.member("fridge", identity=identity, epoch=2)
    birth = node.birth()
    site.now += 1
    assert gateway.hears(node.member.seal(gl1.DEATH, {"epoch": 2}, now=site.now))
    received = gateway.hears(birth)
    assert received is not None
    assert received.posthumous


def test_our_own_death_is_told_while_we_live_and_that_of_an_earlier_boot_is_not(site: Site) -> None:
    identity = Identity.create()
    before, now = (site.member("fridge", identity=identity, epoch=epoch) for epoch in (1, 2))
    received = now.hears(death(now))
    assert received is not None
    assert received.node_id == identity.node_id
    assert dropped(now, death(before)) == Cause.STALE


def test_an_echo_of_our_own_is_no_message_and_nothing_to_count(node: Enrolled, gateway: Enrolled) -> None:
    event = node.event()
    assert node.hears(node.birth()) is None
    assert node.hears(event) is None
    assert not node.member.rejected
    assert dropped(node, event, topic=gateway.event().topic) == Cause.MISADDRESSED
    assert dropped(node, death(node), topic=event.topic) == Cause.MISADDRESSED
    assert dropped(node, event._replace(payload=event.payload[:-64] + bytes(64))) == Cause.FORGED


def test_a_trust_of_another_mesh_is_not_adopted(tmp_path: Path, node: Enrolled) -> None:
    other = Authority.open(tmp_path / "b", now=NOW)
    with pytest.raises(WrongMeshError):
        node.member.adopt(Trust.read(other.bundle(now=NOW), pin=other.mesh))


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "#"])
def test_a_class_that_is_no_level_of_a_topic_is_not_sealed(node: Enrolled, name: str) -> None:
    with pytest.raises(ValueError, match="level of a topic"):
        node.member.seal(gl1.EVENT, {}, now=NOW, name=name)


def test_a_birth_with_the_start_of_a_known_signature_is_verified_all_the_same(
    node: Enrolled, gateway: Enrolled
) -> None:
    birth, other = node.birth(), node.birth(caps="more")
    assert gateway.hears(birth)
    signature = cose.parse(birth.payload).signature
    assert dropped(gateway, other._replace(payload=other.payload[:-64] + signature)) == Cause.FORGED
