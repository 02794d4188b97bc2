# SPDX-License-Identifier: GPL-3.0-or-later
"""A leaf and its parent, both without I/O: what each believes of the other, and what it does not."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.errors import InvalidError, NotFoundError, UnreachableError
from ganglion.mesh.identity import Identity
from ganglion.mesh.leaves.effects import Changed, Keep
from ganglion.mesh.leaves.kept import STREAMS
from ganglion.mesh.leaves.parent import SILENCE, Entry
from ganglion.mesh.standing import Cause
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1, leaf_key, mac0
from ganglion_micro.leaf import ANSWERS, EVENTS, MAX_SIZE
from ganglion_micro.leaf_key import LeafKey
from ganglion_micro.replay import SIZE
from support.leaves import KEY, MESH, Pair, forge

OTHER = LeafKey(MESH, bytes(32))
ELSEWHERE = LeafKey(bytes(8), KEY.key)


@pytest.fixture
def pair() -> Pair:
    return Pair().join()


def batch(*readings: list[Any], key: LeafKey = KEY, **where: Any) -> bytes:
    return forge(key, gl1.BATCH, list(readings or (["t", 0, 1.5],)), **where)


# What works


def test_a_leaf_is_born_to_its_parent_and_both_have_the_time() -> None:
    pair = Pair()
    assert pair.leaf.readings([("t", 1)]) is None
    pair.join()
    assert [gl1.unpack(mac0.parse(data).payload).kind for _, data in pair.said] == [0, 0, 1, 6]
    assert pair.effects == [Keep(KEY.kid, 1), Changed()]
    assert pair.leaf.now == pair.now
    kept = pair.parent.find("garden")
    assert kept.document() == {
        "id": gl1.base32(KEY.kid),
        "online": True,
        "since": pair.now,
        "board": "pico",
        "sw": "",
        "methods": ["add"],
    }
    assert kept.units() == {"t": "°C"}
    assert not pair.parent.rejected
    assert not pair.leaf.refused


def test_readings_and_events_come_and_events_are_acknowledged(pair: Pair) -> None:
    pair.carry("leaf", pair.reading(4.5))
    assert pair.readings == [("t", 4.5)]
    assert pair.leaf.event("alert", "door", {"open": True})
    pair.pass_ms(10)
    assert pair.events == [{"open": True}]
    assert pair.leaf.waiting == 0


def test_an_event_waits_for_the_birth_and_comes_again_until_it_is_stored() -> None:
    pair = Pair()
    pair.stores = False
    assert all(pair.leaf.event("alert", "door", i) for i in range(EVENTS))
    assert not pair.leaf.event("alert", "door", "one too many")
    pair.join()
    pair.pass_ms(1)
    assert pair.events == list(range(EVENTS))
    pair.pass_ms(5000)
    assert pair.parent.rejected == {Cause.REPLAYED: EVENTS}
    assert pair.leaf.waiting == EVENTS, "nothing is acknowledged before it is safe"
    pair.stores = True
    for effect in pair.effects[2:]:
        pair.do(pair.parent.stored(effect, pair.now))
    pair.pass_ms(60_000)
    assert (pair.leaf.waiting, pair.events) == (0, list(range(EVENTS)))


def test_a_lost_acknowledgement_is_said_again_and_the_event_is_taken_once(pair: Pair) -> None:
    pair.deliver = lambda who, data: [(who, data)] if who == "leaf" else []
    pair.leaf.event("alert", "door", 1)
    pair.pass_ms(1)
    assert (pair.events, pair.leaf.waiting) == ([1], 1)
    pair.deliver = lambda who, data: [(who, data)]
    pair.pass_ms(2000)
    assert (pair.events, pair.leaf.waiting) == ([1], 0)


def test_a_request_is_answered_and_done_at_most_once(pair: Pair) -> None:
    done: list[int] = []
    pair.leaf.serve("add", lambda params: done.append(params["a"]) or len(done))
    request = pair.ask("one", a=1)
    pair.carry("parent", request)
    assert pair.answers == {"one": {"id": "one", "ok": True, "result": 1}}
    pair.carry("parent", request)
    assert done == [1]
    for i in range(ANSWERS):
        pair.carry("parent", pair.ask(f"more {i}", a=2))
    pair.carry("parent", request)
    assert done == [1] + [2] * ANSWERS, "too old for its answer to be kept, and not done again either"
    assert pair.leaf.refused == {"replayed": 1}


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nothing", {}, "not_found"),
        ("add", {}, "failed"),
        ("picky", {}, "invalid"),
        ("large", {}, "failed"),
        ("odd", {}, "failed"),
    ],
)
def test_a_request_that_fails_says_why(pair: Pair, method: str, params: dict[str, Any], code: str) -> None:
    def picky(params: dict[str, Any]) -> None:
        raise ValueError("not like this")

    pair.leaf.serve("picky", picky)
    pair.leaf.serve("large", lambda params: "x" * MAX_SIZE)
    pair.leaf.serve("odd", lambda params: object())
    pair.do([pair.parent.ask("garden", "one", method, params, pair.now)])
    assert pair.answers["one"]["error"]["code"] == code


def test_who_is_away_unknown_or_asked_too_much_at_once_is_not_asked(pair: Pair) -> None:
    with pytest.raises(NotFoundError, match="no leaf of this node is called 'shed'; known are garden"):
        pair.parent.ask("shed", "one", "add", {}, pair.now)
    with pytest.raises(InvalidError, match="cannot be sent to a leaf"):
        pair.parent.ask("garden", "one", "add", {"x": "x" * MAX_SIZE}, pair.now)
    pair.do(pair.parent.silence(pair.now + SILENCE + 1))
    with pytest.raises(UnreachableError, match="the leaf garden is away"):
        pair.parent.ask("garden", "one", "add", {}, pair.now)


def test_silence_is_told_and_the_first_word_after_it_too(pair: Pair) -> None:
    heard = pair.now
    pair.do(pair.parent.silence(pair.now + SILENCE))
    assert pair.parent.find("garden").online
    pair.now += SILENCE + 1
    pair.do(pair.parent.silence(pair.now))
    kept = pair.parent.find("garden")
    assert (kept.online, kept.since) == (False, heard)
    pair.carry("leaf", pair.reading())
    assert (kept.online, kept.since) == (True, pair.now)
    assert pair.effects.count(Changed()) == 3


def test_a_leaf_that_says_nothing_else_stays_there(pair: Pair) -> None:
    for _ in range(120):
        pair.pass_ms(1000)
    assert pair.leaf.joined
    assert pair.parent.find("garden").online
    assert pair.effects.count(Changed()) == 1


def test_a_parent_that_is_gone_is_looked_for_and_nothing_of_the_events_is_lost(pair: Pair) -> None:
    pair.deliver = lambda who, data: []
    pair.leaf.event("alert", "door", 1)
    for _ in range(60):
        pair.pass_ms(1000)
    assert not pair.leaf.joined
    pair.start_parent(epoch=2)
    pair.deliver = lambda who, data: [(who, data)]
    pair.join()
    pair.pass_ms(1)
    assert (pair.events, pair.leaf.waiting) == ([1], 0)


def test_a_parent_that_restarts_is_noticed_and_what_it_was_told_before_is_over(pair: Pair) -> None:
    old = [data for who, data in pair.said if who == "leaf"]
    unsent = pair.reading()
    pair.start_parent(epoch=2)
    pair.refuses(unsent, Cause.STALE)
    pair.refuses(old[1], Cause.STALE)  # its birth
    for _ in range(12):
        pair.pass_ms(1000)
    pair.carry("leaf", pair.reading(7))
    assert pair.readings == [("t", 7)]
    pair.refuses(unsent, Cause.REPLAYED)


def test_a_leaf_that_restarts_is_taken_in_its_next_epoch_alone(pair: Pair) -> None:
    pair.ask("lost", a=1, b=1)
    before = pair.reading()
    pair.start_leaf(2)
    pair.join()
    assert pair.epochs == {KEY.kid: 2}
    assert pair.answers["lost"]["error"]["message"].endswith("whether it was done is unknown")
    pair.refuses(before, Cause.STALE)
    pair.carry("leaf", pair.reading(9))
    assert pair.readings == [("t", 9)]
    pair.start_leaf(1, b"another!")
    with pytest.raises(AssertionError, match="not joined"):
        pair.join()
    assert pair.readings == [("t", 9)]


def test_a_leaf_that_counts_two_boots_as_one_is_refused(pair: Pair) -> None:
    pair.start_leaf(1, b"another!")
    with pytest.raises(AssertionError, match="not joined"):
        pair.join()
    assert set(pair.parent.rejected) <= {Cause.STALE, Cause.REPLAYED}


# What is not believed


def test_every_flipped_bit_is_refused_by_either(pair: Pair) -> None:
    request, reading = pair.ask("one", a=1, b=2), pair.reading()
    for byte in range(len(reading)):
        for bit in range(8):
            damaged = bytearray(reading)
            damaged[byte] ^= 1 << bit
            before = pair.parent.rejected.total()
            pair.do(pair.parent.take(bytes(damaged), pair.way, pair.now))
            assert pair.parent.rejected.total() == before + 1, (byte, bit)
    for byte in range(len(request)):
        for bit in range(8):
            damaged = bytearray(request)
            damaged[byte] ^= 1 << bit
            before = sum(pair.leaf.refused.values())
            assert pair.leaf.receive(bytes(damaged)) == []
            assert sum(pair.leaf.refused.values()) == before + 1, (byte, bit)
    assert set(pair.parent.rejected) == {Cause.MALFORMED, Cause.UNENROLLED, Cause.FORGED}
    assert set(pair.leaf.refused) == {"malformed", "unenrolled", "forged"}
    assert pair.readings == []
    pair.carry("leaf", reading)
    pair.carry("parent", request)
    assert (pair.readings, pair.answers["one"]["result"]) == ([("t", 4.5)], 3)


def resealed(data: bytes) -> bytes:
    """The same, well signed, in a COSE_Sign1 under the leaf's key id."""
    identity = Identity.create()
    return cose.sign1(mac0.parse(data).payload, KEY.kid, KEY.up, identity.sign)


def with_all_of_the_tag(data: bytes) -> bytes:
    return mac0.mac0(mac0.parse(data).payload, KEY.kid, KEY.up, KEY.key, mac0.HMAC_256_256)


LIES = {
    "another key": (lambda: forge(OTHER, gl1.BATCH, []), Cause.UNENROLLED),
    "another key under this one's name": (
        lambda: mac0.mac0(mac0.parse(batch()).payload, KEY.kid, KEY.up, OTHER.key),
        Cause.FORGED,
    ),
    "another mesh": (lambda: batch(key=ELSEWHERE), Cause.FORGED),
    "a parent's message reflected": (lambda: forge(KEY, gl1.HELLO, {}, dst=KEY.kid, down=True), Cause.FORGED),
    "to somebody": (lambda: batch(dst=KEY.kid), Cause.MISADDRESSED),
    "a signature in place of a tag": (lambda: resealed(batch()), Cause.MALFORMED),
    "a tag of 32 bytes": (lambda: with_all_of_the_tag(batch()), Cause.MALFORMED),
    "too large": (lambda: batch(["t", 0, "x" * MAX_SIZE]), Cause.MALFORMED),
    "an older epoch": (lambda: batch(epoch=0), Cause.STALE),
    "an epoch nobody was born in": (lambda: batch(epoch=2), Cause.STALE),
    "sequence 0": (lambda: batch(seq=0), Cause.MALFORMED),
    "a kind that leaves do not say": (lambda: forge(KEY, gl1.CONFIG, {}), Cause.UNKNOWN_KIND),
    "a request": (lambda: forge(KEY, gl1.REQUEST, {}), Cause.UNKNOWN_KIND),
    "a death": (lambda: forge(KEY, gl1.DEATH, {"epoch": 1}), Cause.UNKNOWN_KIND),
    "a birth to another boot": (
        lambda: forge(KEY, gl1.BIRTH, {"nonce": bytes(8), "epoch": 1, "parent": bytes(8)}),
        Cause.STALE,
    ),
    "a birth of another epoch": (
        lambda: forge(KEY, gl1.BIRTH, {"nonce": bytes(8), "epoch": 3, "parent": (1).to_bytes(8, "big")}),
        Cause.MALFORMED,
    ),
    "a birth without a nonce": (lambda: forge(KEY, gl1.BIRTH, {"epoch": 1}), Cause.MALFORMED),
    "a birth that is a list": (lambda: forge(KEY, gl1.BIRTH, []), Cause.MALFORMED),
    "a hello without a nonce": (lambda: forge(KEY, gl1.HELLO, {}, epoch=5), Cause.MALFORMED),
    "readings that are a map": (lambda: forge(KEY, gl1.BATCH, {}), Cause.MALFORMED),
    "a reading of two": (lambda: batch(["t", 0]), Cause.MALFORMED),
    "a stream that is a filter": (lambda: batch(["+/t", 0, 1]), Cause.MALFORMED),
    "a stream with a control letter": (lambda: batch(["t\n", 0, 1]), Cause.MALFORMED),
    "a value that is infinite": (lambda: batch(["t", 0, float("inf")]), Cause.MALFORMED),
    "a value that is a map": (lambda: batch(["t", 0, {}]), Cause.MALFORMED),
    "too many streams": (lambda: batch(*([f"t{i}", 0, 1] for i in range(STREAMS + 1))), Cause.LIMITED),
    "an event without a class": (lambda: forge(KEY, gl1.EVENT, {"topic": "x", "value": 1, "n": 1}), Cause.MALFORMED),
    "an episode": (
        lambda: forge(KEY, gl1.EVENT, {"class": "episode", "topic": "x", "value": 1, "n": 1}),
        Cause.MALFORMED,
    ),
    "an event without a number": (
        lambda: forge(KEY, gl1.EVENT, {"class": "alert", "topic": "x", "value": 1}),
        Cause.MALFORMED,
    ),
    "an answer to nobody": (lambda: forge(KEY, gl1.REPLY, {"id": "x", "ok": True, "result": 1}), Cause.STALE),
    "an answer of neither kind": (lambda: forge(KEY, gl1.REPLY, {"id": "x", "ok": True}), Cause.MALFORMED),
    "nothing": (lambda: b"", Cause.MALFORMED),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_parent_refuses(pair: Pair, lie: str) -> None:
    make, cause = LIES[lie]
    pair.refuses(make(), cause)
    pair.carry("leaf", pair.reading())
    assert pair.readings == [("t", 4.5)]


def down(kind: int, body: Any, *, key: LeafKey = KEY, seq: int = 500, epoch: int = 1, **where: Any) -> bytes:
    return forge(key, kind, body, seq=seq, epoch=epoch, down=True, **{"dst": KEY.kid, **where})


OF_PARENTS = {
    "another key": (lambda leaf: down(gl1.REQUEST, {}, key=OTHER), "unenrolled"),
    "another mesh": (lambda leaf: down(gl1.REQUEST, {}, key=ELSEWHERE), "forged"),
    "its own message reflected": (lambda leaf: leaf.readings([("t", 1)]), "forged"),
    "to nobody": (lambda leaf: down(gl1.REQUEST, {}, dst=None), "misaddressed"),
    "a signature": (lambda leaf: resealed(down(gl1.REQUEST, {})), "malformed"),
    "a tag of 32 bytes": (
        lambda leaf: mac0.mac0(mac0.parse(down(gl1.REQUEST, {})).payload, KEY.kid, KEY.down, KEY.key, 5),
        "malformed",
    ),
    "too large": (lambda leaf: down(gl1.REQUEST, {"params": "x" * MAX_SIZE}), "malformed"),
    "another boot's request": (lambda leaf: down(gl1.REQUEST, {"nonce": bytes(8)}), "stale"),
    "another boot's hello": (lambda leaf: down(gl1.HELLO, {"nonce": bytes(8), "leaf": bytes(8), "seq": 1}), "stale"),
    "an answer to an earlier hello": (
        lambda leaf: down(gl1.HELLO, {"nonce": bytes(8), "leaf": leaf._nonce, "seq": 0}),
        "stale",
    ),
    "a hello without a nonce": (lambda leaf: down(gl1.HELLO, {"leaf": leaf._nonce, "seq": 1}), "malformed"),
    "an earlier boot of the parent": (
        lambda leaf: down(gl1.HELLO, {"nonce": bytes(8), "leaf": leaf._nonce, "seq": 1}, epoch=0),
        "stale",
    ),
    "an acknowledgement of an earlier boot": (lambda leaf: down(gl1.REPLY, {"stored": [[9, 0]]}), "stale"),
    "an acknowledgement of no list": (lambda leaf: down(gl1.REPLY, {"stored": 1}), "malformed"),
    "an acknowledgement of nothing": (lambda leaf: down(gl1.REPLY, {"stored": [1]}), "malformed"),
    "a request without a method": (lambda leaf: down(gl1.REQUEST, {"nonce": leaf._nonce, "id": "x"}), "malformed"),
    "readings": (lambda leaf: down(gl1.BATCH, {}), "unknown_kind"),
    "a body that is a list": (lambda leaf: down(gl1.REQUEST, []), "malformed"),
    "nothing": (lambda leaf: b"", "malformed"),
}


@pytest.mark.parametrize("lie", OF_PARENTS)
def test_a_leaf_refuses(pair: Pair, lie: str) -> None:
    make, cause = OF_PARENTS[lie]
    assert pair.leaf.receive(make(pair.leaf)) == []
    assert pair.leaf.refused == {cause: 1}
    pair.carry("parent", pair.ask("one", a=1, b=1))
    assert pair.answers["one"]["result"] == 2


def test_a_request_of_long_ago_is_not_obeyed_though_nobody_has_seen_it(pair: Pair) -> None:
    request = pair.ask("one", a=1, b=1)
    pair.pass_ms(301_000)
    assert pair.leaf.receive(request) == []
    assert pair.leaf.refused == {"stale": 1}


def test_a_time_that_was_held_back_is_not_believed_so_neither_is_a_request_of_then(pair: Pair) -> None:
    held: list[bytes] = []
    pair.deliver = lambda who, data: [(who, data)] if who == "leaf" else held.append(data) or []
    pair.carry("parent", pair.ask("one", a=1, b=1))
    for _ in range(310):
        pair.pass_ms(1000)
    for data in held:
        at = gl1.unpack(mac0.parse(data).payload).ts
        before = pair.leaf.now
        assert pair.leaf.receive(data) == [] or at >= before - 10 * SECOND
        assert pair.leaf.now >= before - 10 * SECOND
    assert "one" not in pair.answers
    assert pair.leaf.refused["stale"] > 30


def test_what_was_seen_is_refused_in_the_window_and_below_it(pair: Pair) -> None:
    first, late = pair.reading(1), pair.reading(2)
    pair.carry("leaf", first)
    pair.refuses(first, Cause.REPLAYED)
    for i in range(SIZE + 10):
        pair.now += SECOND
        pair.carry("leaf", pair.reading(i))
    pair.refuses(first, Cause.REPLAYED)
    pair.refuses(late, Cause.REPLAYED)


def test_what_the_leaf_has_seen_is_refused(pair: Pair) -> None:
    hello = next(data for who, data in pair.said if who == "parent")
    stored = [data for who, data in pair.said if who == "parent"][-1]
    for data in (hello, stored):
        assert pair.leaf.receive(data) == []
    assert pair.leaf.refused == {"replayed": 2}


def test_a_leaf_that_was_removed_is_refused_at_once_and_who_waits_for_it_is_told(pair: Pair) -> None:
    reading = pair.reading()
    pair.ask("one", a=1, b=1)
    pair.do(pair.parent.know({}, pair.now))
    assert pair.answers["one"]["error"]["code"] == "unreachable"
    pair.refuses(reading, Cause.UNENROLLED)
    again = LeafKey(MESH, bytes(range(1, 33)))
    pair.do(pair.parent.know({again.kid: Entry("garden", again, 0)}, pair.now))
    pair.refuses(reading, Cause.UNENROLLED)


def test_a_leaf_of_another_mesh_is_none_of_this_parents(pair: Pair) -> None:
    assert pair.parent.know({ELSEWHERE.kid: Entry("garden", ELSEWHERE, 0)}, pair.now) == [Changed()]
    assert pair.parent.leaves == {}


def test_a_leaf_that_floods_is_held_to_its_allowance(pair: Pair) -> None:
    for _ in range(300):
        pair.carry("leaf", pair.reading())
    assert 190 <= len(pair.readings) < 210
    assert pair.parent.rejected[Cause.LIMITED] == 300 - len(pair.readings)
    pair.now += SECOND
    pair.carry("leaf", pair.reading())
    assert pair.parent.rejected[Cause.LIMITED] < 300 - 190 + 1


def test_a_stranger_who_floods_costs_no_more_than_the_link_may(pair: Pair) -> None:
    stranger = forge(OTHER, gl1.BATCH, [])
    for _ in range(5000):
        pair.parent.take(stranger, pair.way, pair.now)
    assert pair.parent.rejected[Cause.LIMITED] >= 900
    assert pair.parent.rejected[Cause.UNENROLLED] <= 4000
    assert pair.parent.find("garden").boot is not None


def test_a_time_that_a_leaf_cannot_know_is_when_its_word_came(pair: Pair) -> None:
    for said, taken in (
        (0, pair.now),
        (-1, pair.now),
        (pair.now - 5, pair.now - 5),
        (2**63, pair.now),
        ("x", pair.now),
    ):
        pair.carry("leaf", batch(["t", said, 1], seq=600 + len(pair.readings)))
        read: Any = pair.effects[-1]
        assert read.timestamp == taken


# Whatever comes


@given(st.binary(max_size=200))
def test_whatever_comes_neither_raises(data: bytes) -> None:
    pair = Pair()
    assert pair.parent.take(data, pair.way, pair.now) == []
    assert pair.leaf.receive(data) == []
    assert pair.parent.rejected.total() == sum(pair.leaf.refused.values()) == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
NAMES = ["nonce", "parent", "leaf", "epoch", "stored", "id", "ok", "result", "error", "method", "params", "n", "class"]
BODIES = VALUES | st.dictionaries(st.sampled_from([*NAMES, "topic", "value", "methods", "units"]), VALUES)


@given(st.sampled_from(range(17)), BODIES, st.integers(0, 3), st.integers(0, 2000))
def test_whatever_a_body_is_neither_raises_and_what_is_said_of_the_leaf_can_be_shown(
    kind: int, body: Any, epoch: int, seq: int
) -> None:
    pair = Pair().join()
    pair.do(pair.parent.take(forge(KEY, kind, body, epoch=epoch, seq=seq), pair.way, pair.now))
    pair.leaf.receive(forge(KEY, kind, body, epoch=epoch, seq=seq, dst=KEY.kid, down=True))
    cbor.encode([pair.parent.find("garden").document(), pair.parent.find("garden").units()])


@settings(deadline=None)
@given(st.data())
def test_over_any_network_events_come_once_each_and_requests_are_done_at_most_once(data: st.DataObject) -> None:
    pair = Pair()
    done: list[int] = []
    pair.leaf.serve("add", lambda params: done.append(params["a"]))
    under_way: list[tuple[str, bytes]] = []

    def network(who: str, message: bytes) -> list[tuple[str, bytes]]:
        under_way.extend([(who, message)] * data.draw(st.integers(0, 2), label="copies"))
        return []

    pair.deliver = network
    asked = 0
    for step in range(data.draw(st.integers(5, 40), label="steps")):
        if step % 4 == 0:
            pair.leaf.event("alert", "x", step)
        if pair.parent.find("garden").online and asked < 5:
            asked += 1
            pair.carry("parent", pair.ask(f"r{asked}", a=asked))
        pair.pass_ms(data.draw(st.integers(1, 4000), label="ms"))
        for _ in range(data.draw(st.integers(0, 4), label="arrivals")):
            if under_way:
                pair.arrive(*under_way.pop(data.draw(st.integers(0, len(under_way) - 1), label="which")))
    pair.deliver = lambda who, message: [(who, message)]
    for who, message in under_way:
        pair.arrive(who, message)
    for _ in range(90):
        pair.pass_ms(1000)
    taken = pair.events
    assert pair.leaf.waiting == 0
    assert len(taken) == len(set(taken))
    assert len(done) == len(set(done)) <= asked


# The text that a person carries


def test_the_key_comes_back_from_its_text() -> None:
    key = leaf_key.parse(f"  {KEY.text().upper()}\n")
    assert (key.mesh, key.key, key.kid) == (KEY.mesh, KEY.key, KEY.kid)
    assert KEY.text().startswith("lf1_")
    assert len(KEY.text()) == 4 + 71
    assert repr(KEY) == f"<LeafKey {gl1.base32(KEY.kid)}>"


@given(st.integers(0, 74), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567_"))
def test_a_letter_that_was_mistyped_is_found_and_not_repeated(at: int, letter: str) -> None:
    text = KEY.text()
    wrong = text[:at] + letter + text[at + 1 :]
    if wrong != text:
        with pytest.raises(ValueError, match="this is no key of a leaf") as said:
            leaf_key.parse(wrong)
        assert wrong not in str(said.value)


@given(st.text(max_size=90))
def test_no_other_text_is_a_key(text: str) -> None:
    with pytest.raises(ValueError, match="this is no key of a leaf"):
        leaf_key.parse(text)


def test_a_copy_of_an_old_request_is_answered_and_is_no_sign_of_the_parent(pair: Pair) -> None:
    request = pair.ask("one", a=1)
    heard = pair.leaf.heard
    pair.carry("parent", request)
    assert pair.leaf.heard == heard + 1
    pair.carry("parent", request)
    assert pair.leaf.heard == heard + 1
    assert "one" in pair.answers
