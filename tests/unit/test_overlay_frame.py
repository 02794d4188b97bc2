# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames, fragments and bodies: what is packed is read again, and nothing else makes trouble."""

import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mesh.overlay import custody, frame, repair, signed, update
from ganglion.mesh.overlay.bucket import Bucket
from ganglion.mesh.overlay.effects import MessageId
from ganglion.mesh.overlay.link import Link
from ganglion.mesh.overlay.reassembly import Reassembly
from ganglion.mesh.overlay.seen import Seen
from ganglion.mesh.overlay.trickle import Trickle
from ganglion.mesh.overlay.wants import Wants
from ganglion.units import MILLISECOND, SECOND
from ganglion_micro import cbor

KID = st.binary(min_size=8, max_size=8)
TAGS = st.lists(st.tuples(st.binary(min_size=2, max_size=2), st.binary(min_size=8, max_size=8)), max_size=20)
SEQNO = st.integers(0, 2**64 - 1)


@given(
    st.integers(0, 255), st.integers(0, 255), st.sampled_from([0, 1]), KID, st.integers(0, 2**32 - 1), TAGS, st.binary()
)
def test_a_frame_is_read_as_it_was_packed(
    kind: int, ttl: int, flags: int, sender: bytes, counter: int, tags: list[tuple[bytes, bytes]], body: bytes
) -> None:
    head = frame.head(kind, ttl, flags, len(tags), sender, counter)
    data = frame.pack(head, tags, body)
    assert frame.parse(data) == (kind, ttl, flags, sender, counter, tags, head, body)
    assert len(data) == frame.HEAD_SIZE + len(tags) * frame.TAG_SIZE + len(body)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    try:
        got = frame.parse(data)
    except frame.FrameError:
        return
    assert frame.pack(got.head, got.tags, got.body) == data


@pytest.mark.parametrize(
    "parse",
    [
        update.parse_update,
        update.parse_request,
        update.parse_counters,
        update.parse_kids,
        update.parse_alive,
        repair.parse_pull,
        lambda body: repair.Repair(lambda: 0.5, 0).missing(body, lambda _: False, 0),
        frame.piece,
    ],
)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_body_or_refused(parse: object, body: bytes) -> None:
    with suppress(update.BodyError, frame.FrameError):
        parse(body)  # type: ignore[operator]


@given(
    st.lists(st.builds(update.Entry, KID, KID, SEQNO, st.integers(0, 0xFFFF)), max_size=40),
    st.lists(st.binary(max_size=300), max_size=4),
)
def test_an_update_is_read_as_it_was_packed(entries: list[update.Entry], statements: list[bytes]) -> None:
    assert update.parse_update(update.pack_update(entries, statements)) == (entries, statements)


@given(KID, KID, SEQNO, st.integers(0, 255))
def test_a_request_is_read_as_it_was_packed(destination: bytes, router: bytes, seqno: int, hops: int) -> None:
    request = update.Request(destination, router, seqno, hops)
    assert update.parse_request(update.pack_request(request)) == request


VERSIONS = st.builds(update.Versions, *[st.integers(0, 2**32 - 1)] * 4)


@given(st.integers(0, 0xFFFF), VERSIONS, st.lists(st.integers(0, 0xFFFF), max_size=20))
def test_a_keep_alive_is_read_as_it_was_packed(seq: int, versions: update.Versions, costs: list[int]) -> None:
    alive = update.Alive(seq, versions, 500, costs)
    assert update.parse_alive(update.pack_alive(alive)) == alive


def test_a_version_of_a_statement_that_is_too_large_to_say_makes_no_trouble() -> None:
    alive = update.Alive(1, update.Versions(2**64 - 1, 0, 1), 500, [])
    assert update.parse_alive(update.pack_alive(alive)).versions == (2**32 - 1, 0, 1, 0)


@given(st.binary(min_size=1001, max_size=7500), st.randoms(use_true_random=False))
def test_fragments_come_together_in_any_order_and_repeated(body: bytes, rng: object) -> None:
    pieces = frame.split(body, 1000)
    assert all(len(piece) <= 1000 for piece in pieces)
    arriving = pieces + pieces[:1]
    rng.shuffle(arriving)  # type: ignore[attr-defined]
    reassembly = Reassembly()
    whole = [reassembly.add(frame.FLOOD, frame.piece(piece), 0) for piece in arriving]
    assert [body] == [found for found in whole if found is not None]


def test_the_largest_message_fits_the_smallest_link_to_one_neighbour_and_no_body_has_more_fragments() -> None:
    room = Link(name="small", mtu=1000).mtu - frame.HEAD_SIZE - frame.TAG_SIZE
    assert frame.MAX_BODY == cbor.MAX_SIZE + custody.HEAD_SIZE
    pieces = frame.split(bytes(frame.MAX_BODY), room)
    assert len(pieces) == frame.MAX_FRAGMENTS
    assert frame.piece(pieces[-1]).total == frame.MAX_FRAGMENTS
    with pytest.raises(frame.FrameError, match=f"68 fragments of {room - 4} are the limit"):
        frame.split(bytes(frame.MAX_FRAGMENTS * (room - 4) + 1), room)
    with pytest.raises(frame.FrameError, match="of 69"):
        frame.piece(b"id\0" + bytes((frame.MAX_FRAGMENTS + 1,)) + b"data")


def test_incomplete_bodies_of_a_neighbour_are_bounded_in_number_and_time() -> None:
    reassembly = Reassembly()
    for i in range(100):
        piece = frame.piece(frame.split(i.to_bytes(2, "big") * 800, 1000)[0])
        assert reassembly.add(frame.UNICAST, piece, 0) is None
    assert len(reassembly) == 32
    reassembly.expire(11 * SECOND)
    assert not len(reassembly)
    assert not reassembly.size


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 67), st.integers(1, 30_000)), max_size=60))
def test_incomplete_bodies_of_a_neighbour_are_bounded_in_bytes(sent: list[tuple[int, int, int]]) -> None:
    reassembly = Reassembly()
    held: dict[tuple[int, int], int] = {}
    for identity, place, size in sent:
        piece = frame.Piece(bytes((0, identity)), place, 68, bytes(size))
        held[identity, place] = size
        with suppress(frame.FrameError):
            assert reassembly.add(frame.RECORD, piece, 0) is None
        assert reassembly.size <= min(256 * 1024, sum(held.values()))
    reassembly.expire(11 * SECOND)
    assert not reassembly.size


def test_fragments_of_more_than_any_body_are_refused_and_cost_the_others_nothing() -> None:
    reassembly = Reassembly()
    body = bytes(range(256)) * 8
    first, *others = frame.split(body, 1000)
    assert reassembly.add(frame.RECORD, frame.piece(first), 0) is None
    assert reassembly.add(frame.RECORD, frame.Piece(b"no", 0, 2, bytes(60_000)), 0) is None
    with pytest.raises(frame.FrameError, match="than the 65546 bytes"):
        reassembly.add(frame.RECORD, frame.Piece(b"no", 1, 2, bytes(60_000)), 0)
    assert reassembly.size == len(frame.piece(first).data)
    assert [reassembly.add(frame.RECORD, frame.piece(piece), 0) for piece in others][-1] == body
    assert not reassembly.size


@pytest.mark.parametrize(
    "body",
    [
        None,
        0,
        [],
        [3],
        [0],
        [0, b"short", None],
        [0, bytes(32), "text"],
        [1, -1, True],
        [1, 2**32, False],
        [1, 1, 1],
        [2, 2],
    ],
    ids=repr,
)
def test_a_signed_body_of_another_shape_says_nothing(body: object) -> None:
    assert signed.parse(body) is None


def test_signed_bodies_are_read_as_they_were_made() -> None:
    assert signed.parse(signed.hello(bytes(32), b"c")) == signed.Hello(bytes(32))
    assert signed.credential(signed.hello(bytes(32), b"c")) == b"c"
    assert signed.credential(signed.hello(bytes(32), None)) == b""
    assert signed.parse(signed.statement(7, True)) == signed.Statement(7, True)
    assert signed.parse(signed.beacon()) == signed.Beacon()


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Bucket(10, 5, 0)
    assert [bucket.take(0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert not bucket.full(0)
    assert bucket.take(100 * MILLISECOND)
    assert not bucket.take(100 * MILLISECOND)
    assert bucket.full(SECOND)


def test_what_was_seen_is_forgotten_oldest_first_and_after_ten_minutes() -> None:
    seen: Seen[int] = Seen(4096)
    assert all(seen.add(i, i) for i in range(5000))
    assert len(seen) == 4096
    assert 903 not in seen
    assert 904 in seen
    assert not seen.add(4999, 0)
    seen.expire(600 * SECOND + 4998)
    assert len(seen) == 2


def test_trickle_speaks_ever_more_rarely_until_there_is_news() -> None:
    trickle = Trickle(lambda: 0.5, 0)
    spoken = []
    for _ in range(12):
        spoken.append(trickle.due)
        trickle.spoken()
    gaps = [b - a for a, b in itertools.pairwise(spoken)]
    assert gaps[0] <= SECOND
    assert gaps[-1] == 16 * SECOND
    trickle.reset(1000 * SECOND)
    assert trickle.due == 1000 * SECOND + 375 * MILLISECOND


def test_a_summary_names_what_is_kept_and_a_pull_what_is_missing_of_it() -> None:
    here, there = repair.Repair(lambda: 0.5, 0), repair.Repair(lambda: 0.5, 0)
    kept = [MessageId(b"originaa", False, 3, seq) for seq in (1, 2, 40, 41, 200)] + [MessageId(b"originbb", True, 1, 0)]
    for identity in kept:
        here.keep(identity, b"data", 5, 0)
    assert here.summaries(1000, 0) == []
    summaries = here.summaries(1000, SECOND)
    pulls = [pull for body in summaries for pull in there.missing(body, lambda i: i.seq == 41, SECOND)]
    assert {i for pull in pulls for i in repair.parse_pull(pull)} == {i for i in kept if i.seq != 41}
    assert [pull for body in summaries for pull in there.missing(body, lambda _: False, SECOND)] != []
    assert here.get(kept[0]) == (b"data", 5)


def test_what_is_kept_for_repair_is_bounded_in_number_bytes_and_time() -> None:
    kept = repair.Repair(lambda: 0.5, 0)
    for seq in range(2000):
        kept.keep(MessageId(bytes(8), False, 1, seq), bytes(10), 5, 0)
    assert len(kept) == 512
    for seq in range(2000, 2100):
        kept.keep(MessageId(bytes(8), False, 1, seq), bytes(60_000), 5, 0)
    assert len(kept) == 8
    kept.expire(61 * SECOND)
    assert not len(kept)
    assert kept.deadline is None


def asked(wants: Wants, kid: bytes, seconds: range) -> list[int]:
    """Of the moments, half a second apart, those at which a neighbour is asked."""
    return [half for half in seconds if wants.ask(kid, (b"neighbou", "lan"), half * SECOND // 2)]


def test_what_never_comes_is_asked_for_ever_more_rarely_and_what_came_at_once_the_next_time() -> None:
    wants = Wants()
    times = asked(wants, b"absentee", range(1200))
    assert times[:4] == [0, 1, 2, 3]
    assert len(times) < 30
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == 77
    assert asked(wants, b"absentee", range(1200, 1202)) == []
    wants.answered(b"absentee")
    assert asked(wants, b"absentee", range(1200, 1202)) == [1200, 1201]


def test_a_neighbour_that_comes_back_is_asked_anew_and_the_questions_are_bounded() -> None:
    wants = Wants()
    asked(wants, b"absentee", range(100))
    wants.drop((b"neighbou", "lan"))
    assert len(wants) == 0
    assert asked(wants, b"absentee", range(100, 102)) == [100, 101]
    asked(wants, b"absentee", range(102, 200))
    assert asked(wants, b"absentee", range(900, 902)) == [900, 901]
    for i in range(1000):
        assert wants.ask(i.to_bytes(8, "big"), (b"neighbou", "lan"), 0)
    assert len(wants) == 512


def test_one_neighbour_at_a_time_is_asked_for_what_all_have_and_the_next_when_it_does_not_answer() -> None:
    wants = Wants()
    first, second = (b"neighbou", "lan"), (b"neighbor", "lan")
    assert wants.turn(b"anything", first, 0)
    assert wants.ask(b"anything", first, 0)
    assert wants.turn(b"anything", first, SECOND // 2)
    assert not wants.turn(b"anything", second, SECOND // 2)
    assert wants.turn(b"something", second, SECOND // 2)
    assert wants.turn(b"anything", second, SECOND)
    assert wants.ask(b"anything", second, SECOND)
    assert not wants.turn(b"anything", first, SECOND)
