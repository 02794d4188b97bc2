# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.state.sync: two replicas find what differs in two rounds at most, and send that and little else."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.mesh.state import sync, wire
from ganglion.mesh.state.digest import BITS, LEAST_BITS, bits_for, bucket, span
from ganglion.mesh.state.entry import REGISTER
from ganglion.mesh.state.pace import RETRY, SETTLE, Pace
from ganglion.mesh.state.wire import Chunk, Ids, Pieces, Summary
from ganglion.units import SECOND
from ganglion_micro import cbor
from support.dice import Dice
from support.mesh import NOW
from support.state import Node, World, identity, page, signed


@pytest.fixture
def world() -> World:
    return World(4)


def fill(world: World, node: Node, keys: range, value: Any = "value of about this size") -> None:
    """Registers that nobody hears of yet."""
    for at in keys:
        world.now += 1_000_000
        node.does("set", f"tag/{at}", value)
    world.lose()


def known(world: World, count: int) -> None:
    """The first two nodes hold so many registers of all four, with nothing left to say."""
    a, b, c, d = world.nodes
    for author, start in ((c, 0), (d, count // 2)):
        fill(world, author, range(start, start + count // 2))
        entries = sorted(author.entries, key=lambda entry: entry.dot)
        chunk = Chunk(author.kid, 0, entries[-1].dot, entries)
        for node in (a, b):
            for body in wire.entries([chunk])[0]:
                node.came(node.replica.receive(author.kid, body, now=node.now), None)
    assert a.replica.root == b.replica.root
    assert a.replica.count == count


def talk(world: World, a: Node, b: Node) -> list[tuple[Node, Any]]:
    """A asks once, and everything that follows from it, in the order of sending."""
    world.now += 200 * SECOND
    world.sent.clear()
    world.queue.clear()
    world.send(a, b, a.replica._summary().body())
    said = []
    while world.queue:
        said.append((world.queue[0][0], cbor.decode(world.queue[0][2])))
        world.deliver()
    return said


def turns(said: list[tuple[Node, Any]]) -> int:
    """How often the word passed from one to the other."""
    return 1 + sum(one[0] is not other[0] for one, other in pairwise(said))


def entries_in(said: list[tuple[Node, Any]]) -> int:
    return sum(len(chunk[3]) for _, body in said if body[0] == wire.ENTRIES for chunk in body[1])


def size(said: list[tuple[Node, Any]]) -> int:
    return sum(len(cbor.encode(body)) for _, body in said)


def test_who_holds_the_same_is_not_answered(world: World) -> None:
    known(world, 100)
    a, b, *_ = world.nodes
    assert len(talk(world, a, b)) == 1


def test_two_halves_that_both_went_on_agree_in_three_turns_and_send_only_what_differs(world: World) -> None:
    known(world, 1000)
    a, b, *_ = world.nodes
    fill(world, a, range(5000, 5100))
    fill(world, b, range(6000, 6200))
    news = sum(len(entry.data) for node in (a, b) for entry in node.entries if entry.kid == node.kid)
    said = talk(world, a, b)
    assert a.replica.root == b.replica.root
    assert Counter(body[0] for _, body in said)[wire.SUMMARY] == 2
    assert turns(said) == 3
    assert entries_in(said) == 300, "each entry that differs crosses once, and no other"
    assert size(said) < 1.1 * news + 2 * 5000, "what is beside them is two summaries"


def test_a_single_entry_among_a_thousand_costs_a_summary(world: World) -> None:
    known(world, 1000)
    a, b, *_ = world.nodes
    fill(world, b, range(5000, 5001))
    said = talk(world, a, b)
    assert a.replica.root == b.replica.root
    assert (entries_in(said), turns(said)) == (1, 2)
    assert size(said) < 3000


@pytest.mark.untraced
@pytest.mark.parametrize("asker", [0, 1])
def test_what_no_vector_shows_is_found_by_buckets_in_two_rounds(world: World, asker: int) -> None:
    known(world, 1000)
    a, b, *_ = world.nodes
    dice = Dice(5)
    lost = {dice.throw(1000) for _ in range(40)}
    for node, half in ((a, range(0, 1000, 2)), (b, range(1, 1000, 2))):
        for at in sorted(lost & set(half)):
            entry = sorted(node.entries, key=lambda entry: entry.key)[at % node.replica.count]
            node.replica._lattice.drop(entry)
    missing = len({entry.id for entry in a.entries} ^ {entry.id for entry in b.entries})
    assert missing > 30
    said = talk(world, *((a, b) if asker == 0 else (b, a)))
    assert a.replica.root == b.replica.root
    assert entries_in(said) == missing
    assert turns(said) <= 4
    ids = sum(len(cbor.encode(body)) for _, body in said if body[0] in (wire.IDS, wire.WANT))
    assert ids < 8_000, "ids of the buckets that differ, not of all 1,000 entries"


def test_news_holes_and_removals_on_both_sides_take_two_rounds(world: World) -> None:
    known(world, 600)
    a, b, *_ = world.nodes
    for node, start in ((a, 0), (b, 40)):
        for entry in sorted(node.entries, key=lambda entry: entry.key)[start : start + 15]:
            node.replica._lattice.drop(entry)
        fill(world, node, range(1000 + start, 1030 + start))
        for at in range(200 + start, 230 + start):
            node.does("delete", f"tag/{at}")
            node.does("set", f"tag/{at + 100}", "changed")
        world.lose()
    said = talk(world, a, b)
    assert a.replica.root == b.replica.root
    assert Counter(body[0] for _, body in said)[wire.SUMMARY] == 2
    assert turns(said) <= 5
    assert talk(world, b, a)[1:] == []


def test_a_new_node_gets_all_and_sends_nothing(world: World) -> None:
    known(world, 400)
    a = world.nodes[0]
    fresh = world.join(9)
    said = talk(world, fresh, a)
    assert fresh.replica.root == a.replica.root
    assert [sender for sender, _ in said[1:] if sender is fresh] == []
    assert fresh.refused == {}


def test_a_lost_page_is_asked_for_the_next_time_and_no_other(world: World) -> None:
    known(world, 400)
    a = world.nodes[0]
    fresh = world.join(9)
    world.send(fresh, a, fresh.replica._summary().body())
    world.deliver()
    pages = len(world.queue)
    assert pages > 5
    del world.queue[3]
    world.settle()
    missing = a.replica.count - fresh.replica.count
    assert 0 < missing < 80
    said = talk(world, fresh, a)
    assert fresh.replica.root == a.replica.root
    assert entries_in(said) <= 200, "at most what came after the page in its author's order"


def test_pages_say_how_much_remains_and_none_is_large(world: World) -> None:
    known(world, 400)
    a, b, *_ = world.nodes
    b.does("set", "tag/large", bytes(30000))
    world.lose()
    fresh = world.join(9)
    for asked in (a, b):
        left = []
        for _, body in talk(world, fresh, asked)[1:]:
            count = sum(len(chunk[3]) for chunk in body[1]) if body[0] == wire.ENTRIES else len(body[1])
            assert len(cbor.encode(body)) <= wire.PAGE or count == 1
            if body[0] == wire.ENTRIES:
                left.append((body[2], count))
        assert left[-1][0] == 0
        assert all(before == after + count for (before, _), (after, count) in pairwise(left))


def test_an_answer_has_an_end_and_the_next_goes_on_from_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    known(world, 400)
    monkeypatch.setattr(wire, "ANSWER", 20000)
    a = world.nodes[0]
    fresh = world.join(9)
    fill(world, fresh, range(900, 901))
    known_to_a = a.replica.count
    said = talk(world, fresh, a)
    assert size(said) < 30000
    assert {body[0] for _, body in said} == {wire.SUMMARY, wire.ENTRIES}, "nothing else before the answer is whole"
    assert said[-1][1][2] == known_to_a + 1 - fresh.replica.count > 0
    rounds = 1
    while fresh.replica.root != a.replica.root:
        before = fresh.replica.count
        assert entries_in(talk(world, fresh, a)) - fresh.replica.count + before in (0, 1)
        rounds += 1
    assert rounds < 6


def test_a_summary_passes_every_link_however_many_authors_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(2)
    a, b = world.nodes
    for number in range(100, 600):
        author = identity(number)
        world.keys[author.kid] = author.public
        one = signed(author, [REGISTER, f"tag/{number}"], 1)
        a.came(a.replica.receive(b.kid, [wire.NEWS, [[author.kid, 0, 1, [one.data]]], 0], now=a.now), None)
    summary = a.replica._summary()
    assert len(cbor.encode(summary.body())) <= wire.PAGE
    assert not summary.whole
    last = identity(599).kid
    assert last in summary.vector, "who wrote last is where replicas are likely to differ"
    for asker, other in ((a, b), (b, a)):
        talk(world, asker, other)
    assert a.replica.root == b.replica.root


# Liars


def test_no_two_summaries_look_alike(world: World) -> None:
    a = world.nodes[0]
    fill(world, a, range(30))
    first, second = a.replica._summary(), a.replica._summary()
    assert not {first.digests[at : at + 4] for at in range(0, 64, 4)} & {
        second.digests[at : at + 4] for at in range(0, 64, 4)
    }


def test_a_vector_that_lies_costs_the_liar_what_it_claims_to_have(world: World) -> None:
    known(world, 100)
    a, _, c, d = world.nodes
    fresh = world.join(9)
    lie = fresh.replica._summary()._replace(vector={c.kid: 2**64 - 1}, whole=True)
    said = sync.answer_summary(a.replica._lattice, lie, a.replica._summary)
    authors = {chunk[0] for body in said if body[0] == wire.ENTRIES for chunk in body[1]}
    assert authors == {d.kid}


def test_a_claim_that_there_is_nothing_else_is_mended_by_buckets(world: World) -> None:
    a, b, c, _ = world.nodes
    fill(world, c, range(10))
    told = sorted(c.entries, key=lambda entry: entry.dot)
    kept = told[:3] + told[-1:]
    body = [wire.ENTRIES, [[c.kid, 0, 2**64 - 1, [entry.data for entry in kept]]], 0]
    a.came(a.replica.receive(b.kid, body, now=a.now), None)
    assert a.replica._lattice.seen(c.kid) == told[-1].dot, "and no further than its author has signed"
    talk(world, a, c)
    assert a.replica.root == c.replica.root
    world.now += SECOND
    c.does("set", "tag/next", 1)
    world.settle()
    assert a.get("tag/next") == 1


def test_what_a_neighbour_leaves_out_is_not_taken_for_removed(world: World) -> None:
    known(world, 50)
    a, b, *_ = world.nodes
    for body in (
        [wire.IDS, [[b"\x00\x00", b"\xff" * 12, b""]], 0],
        Summary(bytes(8), bytes(64), {}, True, True).body(),
        [wire.ENTRIES, [[world.nodes[2].kid, 0, 2**64 - 1, []]], 0],
    ):
        a.came(a.replica.receive(b.kid, body, now=a.now), b)
        assert a.replica.count == 50


def test_a_summary_is_answered_once_a_second(world: World) -> None:
    known(world, 50)
    a, b, *_ = world.nodes
    question = Summary(bytes(8), bytes(64), {}, True, False).body()
    assert a.replica.receive(b.kid, question, now=a.now).answers
    assert not a.replica.receive(b.kid, question, now=a.now + SECOND - 1).answers
    assert a.replica.receive(world.nodes[2].kid, question, now=a.now).answers
    assert a.replica.receive(b.kid, question, now=a.now + SECOND).answers


def test_no_answer_is_beyond_its_bound_whatever_is_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    known(world, 200)
    monkeypatch.setattr(wire, "ANSWER", 5000)
    a, b, *_ = world.nodes
    ids = b"".join(entry.id for entry in a.entries)
    for body in ([wire.WANT, ids, 0], [wire.WANT, ids[:12] * 500, 0], [wire.IDS, [[bytes(2), b"\xff" * 12, b""]], 0]):
        answers = a.replica.receive(b.kid, body, now=a.now).answers
        assert 0 < sum(len(cbor.encode(answer)) for answer in answers) < 7000


# News


def test_what_was_lost_on_its_way_is_sent_again_by_its_number(world: World) -> None:
    a, b, *_ = world.nodes
    for at in range(5):
        b.does("set", f"tag/{at}", at)
    world.queue = [one for one in world.queue if one[1] is a]
    del world.queue[2]
    world.settle()
    assert a.replica.count == 4
    said = talk(world, a, b)
    assert a.replica.root == b.replica.root
    assert not [body for _, body in said if body[0] in (wire.IDS, wire.WANT)]


def test_who_passes_news_on_claims_no_more_than_it_passes_on(world: World) -> None:
    a, b, c, _ = world.nodes
    for at in range(2):
        b.does("set", f"tag/{at}", at)
    first, second = sorted(b.entries, key=lambda entry: entry.dot)
    world.lose()
    c.replica.receive(b.kid, page(second), now=c.now)
    a.replica.receive(b.kid, page(second), now=a.now)
    world.hello(a, c)
    outcome = c.replica.receive(b.kid, [wire.ENTRIES, [[b.kid, 0, second.dot, [first.data]]], 0], now=c.now)
    assert outcome.tell == [[wire.NEWS, [[b.kid, 0, 0, [first.data]]], 0]]


def test_who_learns_by_repair_tells_those_who_agreed_with_it_before(world: World) -> None:
    a, b, c, d = world.nodes
    world.split([0, 1, 2], [3])
    for node in (a, d):
        node.does("set", f"tag/{node.identity.node_id}", 1)
    world.settle()
    world.hello(a, c)
    world.hello(b, c)
    world.send(c, d, c.replica._summary().body())
    world.settle()
    assert len({node.replica.root for node in world.nodes}) == 1
    assert [body[0] for body in world.sent].count(wire.NEWS) == 4, "two told by a, and two by c, of d"


def test_a_new_node_that_learns_all_tells_nobody(world: World) -> None:
    known(world, 100)
    fresh = world.join(9)
    said = talk(world, fresh, world.nodes[0])
    assert fresh.replica.root == world.nodes[0].replica.root
    assert not [body for _, body in said if body[0] == wire.NEWS]


@pytest.mark.untraced
@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_two_halves_of_twelve_agree_within_two_rounds_after_they_meet(seed: int) -> None:
    world, dice = World(12), Dice(seed)
    halves = [range(6), range(6, 12)]
    for at in range(20):
        world.nodes[dice.throw(12)].does("set", f"tag/{at % 7}", at)
    world.settle()
    world.split(*halves)
    for at in range(60):
        world.now += SECOND
        node = world.nodes[dice.throw(12)]
        key = f"tag/{dice.throw(10)}"
        if dice.throw(3):
            node.does("set", key, at)
        else:
            node.does("delete", key)
        node.does("add", "s", dice.throw(5))
        while world.queue:
            if dice.throw(10):
                world.deliver(dice.throw(len(world.queue)))
            else:
                world.queue.pop(dice.throw(len(world.queue)))
    world.split()
    # Each hears two others only, as in a mesh of links: the rest comes by what these tell
    for _ in range(2):
        world.now += 200 * SECOND
        for _ in range(2):
            for at, node in enumerate(world.nodes):
                for step in (1, 6):
                    for one, other in ((node, world.nodes[(at + step) % 12]), (world.nodes[(at + step) % 12], node)):
                        world.hello(one, other)
                        world.settle()
            world.now += 5 * SECOND
        if world.agreed():
            break
    assert world.agreed()


# Pages and pace


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 6000)), max_size=30), st.booleans())
@settings(max_examples=60)
def test_pages_carry_each_entry_once_and_their_claims_are_true(lengths: list[tuple[int, int]], news: bool) -> None:
    who, dot = identity(1), 0
    entries = []
    for step, length in lengths:
        dot += step
        entries.append(signed(who, [REGISTER, "k"], bytes(length), dot=dot))
    bodies, sent = wire.entries([Chunk(who.kid, 0, dot + 5, entries)], news=news)
    assert sent == {entry.id for entry in entries}
    pages = [wire.parse(cbor.decode(cbor.encode(body))) for body in bodies]
    found, at = [], 0
    for one in pages:
        assert isinstance(one, Pieces)
        assert one.news == news
        for piece in one.pieces:
            assert piece.after == at
            at = piece.upto
            found += piece.entries
            inside = {entry.data for entry in entries if piece.after < entry.dot <= piece.upto}
            assert inside <= set(piece.entries)
    assert (found, at) == ([entry.data for entry in entries], dot + 5)


@given(st.lists(st.binary(min_size=12, max_size=12), unique=True, max_size=1500), st.integers(0, BITS))
@settings(max_examples=30)
def test_pages_of_ids_say_all_there_is_in_their_ranges(identities: list[bytes], bits: int) -> None:
    bits = max(bits, LEAST_BITS)
    spans = []
    for at in range(1 << bits):
        after, last = span(bits, at)
        inside = sorted(one for one in identities if bucket(one, bits) == at)
        assert all(after < one <= last for one in inside)
        spans.append((after, last, inside))
    found = []
    for body in wire.ids(spans):
        assert len(cbor.encode(body)) <= wire.PAGE + 10
        page = wire.parse(cbor.decode(cbor.encode(body)))
        assert isinstance(page, Ids)
        for one in page.spans:
            assert one.ids == sorted(identity for identity in identities if one.after < identity <= one.last)
            found += one.ids
    assert found == sorted(identities)


def test_the_number_of_buckets_follows_the_number_of_entries() -> None:
    assert [bits_for(count) for count in (0, 60, 500, 4096, 10**6)] == [4, 4, 7, 10, 10]


def test_the_lower_key_id_asks_first_and_the_other_after_a_while() -> None:
    low, high = Pace(b"a"), Pace(b"b")
    assert low.heard(b"b", False, NOW)
    assert not high.heard(b"a", False, NOW)
    assert not high.heard(b"a", False, NOW + SETTLE - 1)
    assert high.heard(b"a", False, NOW + SETTLE)


def test_a_difference_that_goes_away_by_itself_is_not_asked_about() -> None:
    pace = Pace(b"a")
    assert not pace.heard(b"b", True, NOW)
    assert not pace.heard(b"b", False, NOW + SECOND)
    assert not pace.heard(b"b", True, NOW + SETTLE)
    assert not pace.heard(b"b", False, NOW + 2 * SETTLE)
    assert pace.heard(b"b", False, NOW + 3 * SETTLE)


def test_who_asks_in_vain_asks_less_and_less_often() -> None:
    pace = Pace(b"a")
    asked = [now for now in range(1000) if pace.heard(b"b", False, NOW + now * SECOND)]
    waits = [after - before for before, after in pairwise(asked)]
    assert waits == [10, 20, 40, 80, 160, 160, 160, 160, 160]
    assert waits[0] * SECOND == RETRY


def test_a_clock_set_back_does_not_silence_a_replica() -> None:
    pace = Pace(b"a")
    year = 365 * 86400 * SECOND
    assert pace.heard(b"b", False, NOW + year)
    assert not pace.heard(b"b", False, NOW)
    assert pace.heard(b"b", False, NOW + SETTLE)


def test_neighbours_without_number_are_not_all_remembered() -> None:
    pace = Pace(b"a")
    for number in range(3000):
        pace.heard(number.to_bytes(8, "big"), False, NOW)
    assert len(pace._neighbours) == 1024


def test_a_page_of_a_strangers_entries_changes_nothing() -> None:
    world = World(1)
    a = world.nodes[0]
    outcome = a.replica.receive(bytes(8), page(signed(identity(77), [REGISTER, "k"], 1)), now=a.now)
    assert (outcome.changes, a.refused) == ([], {"unenrolled": 1})


def test_a_first_hello_is_enough_for_two_that_differ(world: World) -> None:
    a, b, *_ = world.nodes
    a.does("set", "tag/x", 1)
    world.lose()
    world.hello(a, b)
    world.hello(b, a)
    assert [sender.kid for sender, _, _ in world.queue] == [min(a.kid, b.kid)]
    world.settle()
    assert b.get("tag/x") == 1
    assert a.replica.hello(a.kid, bytes(16), a.now, now=a.now).answers == [], "an echo is nobody's hello"
