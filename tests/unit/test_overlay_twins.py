# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh's acceptance tests in virtual time: real routers and signatures on simulated links (design: M7)."""

import dataclasses
import itertools
import statistics
from collections import Counter

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ganglion.mesh.authority import Authority
from ganglion.mesh.member import Cause
from ganglion.mesh.overlay import frame
from ganglion.units import MILLISECOND, SECOND
from ganglion_micro import gl1
from ganglion_tools.mesh_air import GATEWAY, Air, Medium, Station, authority

pytestmark = pytest.mark.untraced


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


def sound(air: Air) -> None:
    """What holds in every run: no loop, no message passed on twice, no message that ran out of hops."""
    assert air.audits
    assert not air.loops
    assert not air.twice
    assert not any(station.router.exhausted for station in air.stations)


def line(air: Air, length: int, **options: object) -> tuple[list[Station], list[Medium]]:
    stations = [air.station() for _ in range(length)]
    return stations, [air.medium(a, b, **options) for a, b in itertools.pairwise(stations)]


def ring(air: Air, length: int, **options: object) -> tuple[list[Station], list[Medium]]:
    stations, media = line(air, length, **options)
    return stations, [*media, air.medium(stations[-1], stations[0], **options)]


def test_t1_two_nodes_on_a_lan_without_a_broker_lose_nothing_of_a_thousand_messages(mesh: Authority) -> None:
    air = Air(mesh)
    a, b = air.station(), air.station()
    air.medium(a, b, name="lan", multi_access=True)
    air.until(air.converged, 3)
    for i in range(1000):
        a.post(b, i)
    air.until(lambda: not a.spool, 30)
    assert sorted(b.delivered) == list(range(1000))
    assert not b.repeats
    sound(air)


@pytest.mark.parametrize("length", [5, 9])
def test_t2_a_line_carries_unicasts_and_broadcasts_from_end_to_end(mesh: Authority, length: int) -> None:
    air = Air(mesh)
    stations, _ = line(air, length)
    air.until(air.converged, 5)
    first, last = stations[0], stations[-1]
    first.post(last, "there")
    last.post(first, "back")
    first.shout("all")
    air.until(lambda: bool(last.delivered and first.delivered and last.heard), 2)
    assert [last.delivered, first.delivered] == [["there"], ["back"]]
    assert [station.heard for station in stations] == [[]] + [["all"]] * (length - 1)
    air.run(10)
    assert air.kinds[frame.FLOOD] == length - 1
    sound(air)


def test_t2_a_message_of_many_fragments_crosses_links_of_1200_bytes(mesh: Authority) -> None:
    air = Air(mesh)
    stations, _ = line(air, 3, loss=0.1)
    air.until(air.converged, 10)
    stations[0].post(stations[2], "x" * 8000)
    stations[0].shout("y" * 8000)
    air.until(lambda: bool(stations[2].delivered and stations[2].heard), 60)
    assert stations[2].delivered == ["x" * 8000]
    assert stations[2].heard == ["y" * 8000]
    sound(air)


def cut_the_busiest_relay(air: Air) -> tuple[float, int]:
    """Seconds that no message of ten a second arrives after the relay in use is killed; and messages sent."""
    stations, _ = ring(air, 6)
    air.until(air.converged, 5)
    source, target = stations[0], stations[3]
    arrived: list[int] = []
    sent = 60
    taken = target._take

    def take(effect: object) -> None:
        before = len(target.delivered)
        taken(effect)  # type: ignore[arg-type]
        if len(target.delivered) > before:
            arrived.append(air.now)

    target._take = take  # type: ignore[method-assign]
    for i in range(sent):
        air.at(i * SECOND // 10, lambda i=i: source.post(target, i))  # type: ignore[misc]
    air.run(1 + air.rng.random())
    hop = source.router.next_hop(target.kid)
    assert hop is not None
    air.kill(air.by_kid[hop[0]])
    killed = air.now
    air.run(5)
    air.until(lambda: not source.spool, 20)
    assert sorted(target.delivered) == list(range(sent))
    after = [killed, *[at for at in arrived if at > killed]]
    return max(b - a for a, b in itertools.pairwise(after)) / SECOND, sent


def test_t3_a_ring_is_whole_again_three_seconds_after_its_busiest_relay_is_killed(mesh: Authority) -> None:
    outages = []
    for seed in range(20):
        air = Air(mesh, seed)
        outage, _ = cut_the_busiest_relay(air)
        outages.append(outage)
        sound(air)
    assert statistics.quantiles(outages, n=20)[-1] <= 3.0


def test_t4_a_dual_homed_node_bridges_two_brokers_and_one_of_them_may_die(mesh: Authority) -> None:
    air = Air(mesh)
    a, both, b, other = (air.station() for _ in range(4))
    options = {"mtu": 65000, "cost_floor": 384, "addressed": False, "multi_access": True, "wan": True}
    broker = air.medium(a, both, name="broker-a", **options)
    air.medium(both, b, other, name="broker-b", **options)
    air.medium(a, other, name="lan", cost_floor=1500, multi_access=True)
    air.until(air.converged, 5)
    air.run(6)
    a.post(b, 1)
    a.shout("x")
    air.until(lambda: b.delivered == [1] and b.heard == ["x"], 2)
    assert air.follow(a, b.kid) == [a, both, b]
    air.cut(broker)
    a.post(b, 2)
    assert air.until(air.converged, 10) <= 3.0
    air.until(lambda: b.delivered == [1, 2], 5)
    assert air.follow(a, b.kid) == [a, other, b]
    sound(air)


def test_t4_a_broker_that_says_it_is_gone_is_routed_around_at_once(mesh: Authority) -> None:
    air = Air(mesh)
    a, b = air.station(), air.station()
    first = air.medium(a, b, name="first", addressed=False, multi_access=True)
    air.medium(a, b, name="second", addressed=False, multi_access=True, cost_floor=400)
    air.until(lambda: len(a.router.neighbours) == len(b.router.neighbours) == 2, 5)
    air.run(3)
    assert a.router.next_hop(b.kid) == (b.kid, "first")
    air.cut(first, silent=False)
    air.run(0.2)
    assert a.router.next_hop(b.kid) == (b.kid, "second")
    sound(air)


def keeps_hearing(air: Air, station: Station, gateway: Station, alive: list[bool]) -> None:
    """Beacons come over a station's uplink every five seconds."""
    if alive[0]:
        station.beacon(gateway)
        air.at(5 * SECOND, lambda: keeps_hearing(air, station, gateway, alive))


def test_t5_nodes_without_an_uplink_reach_the_gateway_wherever_the_uplink_is(mesh: Authority) -> None:
    air = Air(mesh)
    gateway = air.station("gateway")
    stations, _ = line(air, 5)
    third, fifth, uplink = stations[2], stations[4], [True]
    air.until(lambda: all(len(s.router.destinations) == 4 for s in stations), 5)
    keeps_hearing(air, third, gateway, uplink)
    air.until(lambda: all(air.reaches(station, GATEWAY) for station in stations), 3)
    for station in stations:
        station.post(GATEWAY, station.number)
    air.until(lambda: sorted(third.heard) == [1, 2, 3, 4, 5], 2)
    air.run(7)
    uplink[0] = False
    keeps_hearing(air, fifth, gateway, [True])
    moved = lambda: all(air.follow(station, GATEWAY)[-1] is fifth for station in stations)  # type: ignore[index] # noqa: E731
    assert air.until(moved, 20) <= 3 + 10
    stations[0].post(GATEWAY, "after")
    air.until(lambda: fifth.heard == ["after"], 2)
    sound(air)


def test_t5_with_two_uplinks_the_nearer_one_is_taken(mesh: Authority) -> None:
    air = Air(mesh)
    gateway = air.station("gateway")
    stations, _ = line(air, 5)
    air.until(lambda: all(len(s.router.destinations) == 4 for s in stations), 5)
    keeps_hearing(air, stations[0], gateway, [True])
    keeps_hearing(air, stations[4], gateway, [True])
    air.run(8)
    ends = [(air.follow(station, GATEWAY) or [])[-1] for station in stations]
    assert ends[:2] == [stations[0]] * 2
    assert ends[3:] == [stations[4]] * 2
    sound(air)


def test_t5_a_beacon_that_is_old_or_of_another_or_repeated_makes_no_uplink(mesh: Authority) -> None:
    from ganglion.mesh.overlay import signed

    air = Air(mesh)
    gateway, node, other = air.station("gateway"), air.station(), air.station()
    old = gateway.trust.seal(signed.beacon(), air.now)
    air.run(11)
    node.apply(node.router.beacon(old, 256, air.now))
    node.trust.learn(other.trust.record(other.kid) or b"", air.now)
    node.apply(node.router.beacon(other.trust.seal(signed.beacon(), air.now), 256, air.now))
    assert node.router.next_hop(GATEWAY) is None
    assert node.router.refused == {Cause.STALE: 1, Cause.UNAUTHORISED: 1}
    fresh = gateway.trust.seal(signed.beacon(), air.now)
    node.apply(node.router.beacon(fresh, 256, air.now))
    assert node.router.next_hop(GATEWAY) == (node.kid, "")
    air.run(6)
    node.apply(node.router.beacon(fresh, 256, air.now))
    assert node.router.refused[Cause.REPLAYED] == 1
    air.run(5)
    assert node.router.next_hop(GATEWAY) is None


def test_t7_everything_arrives_over_links_that_lose_a_fifth_and_routes_keep_still(mesh: Authority) -> None:
    air = Air(mesh, 7)
    stations, _ = ring(air, 4, loss=0.2, repeat=0.05, delay=(MILLISECOND, 60 * MILLISECOND))
    air.until(air.converged, 30)
    air.run(20)
    for station in stations:
        station.flaps.clear()
    for i in range(100):
        air.at(i * SECOND // 2, lambda i=i: stations[0].post(stations[2], i))  # type: ignore[misc]
        air.at(i * SECOND // 2, lambda i=i: stations[1].shout(i))  # type: ignore[misc]
    air.run(120)
    air.until(lambda: not stations[0].spool, 60)
    assert sorted(stations[2].delivered) == list(range(100))
    for station in (stations[0], stations[2], stations[3]):
        assert sorted(station.heard) == list(range(100))
    changes = Counter((station.number, destination) for station in stations for _, destination in station.flaps)
    assert max(changes.values(), default=0) <= 2
    sound(air)


def test_t9_an_evicted_node_is_refused_by_all_who_heard_of_it_and_by_the_rest_when_they_do(mesh: Authority) -> None:
    air = Air(mesh)
    gateway = air.station("gateway")
    near, evicted, far = (air.station() for _ in range(3))
    air.medium(gateway, near)
    cable = air.medium(near, far)
    air.medium(far, evicted)
    ears = air.medium(near, evicted)
    air.until(air.converged, 5)
    ears.refuses = lambda got: got.kind == frame.RECORD  # or it would tell what it hears of itself
    air.cut(cable)
    air.run(3)
    gateway.revoke(1, evicted)
    air.until(lambda: near.router.next_hop(evicted.kid) is None, 1)
    assert all(neighbour.kid != evicted.kid for neighbour in near.router.neighbours)
    evicted.shout("still here")
    air.run(2)
    assert not near.heard
    assert far.heard == ["still here"]
    air.heal(cable)
    air.until(lambda: far.trust.versions.revocations == 1, 2)
    air.until(lambda: far.router.next_hop(evicted.kid) is None, 1)
    evicted.shout("and here")
    evicted.post(far, "and here")
    air.run(5)
    assert near.heard == []
    assert (far.heard, far.delivered) == (["still here"], [])
    assert near.router.refused[Cause.REVOKED]
    assert air.reaches(far, gateway)
    assert not air.loops


def test_starvation_ends_when_a_request_that_was_lost_is_asked_again(mesh: Authority) -> None:
    """The nearer of two nodes loses its link to the origin: what the other offers is farther than it ever told."""
    air = Air(mesh)
    origin, a, b = (air.station() for _ in range(3))
    cable = air.medium(origin, a)
    air.medium(origin, b, cost_floor=1000)
    between = air.medium(a, b)
    air.until(air.converged, 5)
    air.run(6)
    assert air.follow(b, origin.kid) == [b, a, origin]
    asked = []

    def swallow(got: frame.Frame) -> bool:
        if got.kind == frame.REQUEST:
            asked.append(air.now)
        return got.kind == frame.REQUEST

    between.refuses = swallow
    air.cut(cable, silent=False)
    air.run(4)
    assert a.router.next_hop(origin.kid) is None, "a route came without the sequence number that it needs"
    assert len(asked) >= 7
    assert max(y - x for x, y in itertools.pairwise(asked)) <= 0.55 * SECOND
    between.refuses = None
    assert air.until(lambda: air.reaches(a, origin), 2) <= 0.7
    assert not a.router.sizes["requests"]
    sound(air)


def test_a_node_that_starts_anew_is_found_again_under_its_next_epoch(mesh: Authority) -> None:
    air = Air(mesh)
    stations, _ = line(air, 4)
    air.until(air.converged, 5)
    stations[0].post(stations[3], 1)
    air.run(1)
    before = stations[0].member.peers[stations[3].kid].epoch
    stations[3] = air.restart(stations[3])
    air.until(lambda: len(stations[3].router.destinations) == 3, 5)
    # Its birth of before is known at the other end, and nobody has flooded the new one.
    air.until(lambda: stations[0].member.peers[stations[3].kid].epoch > before, 5)
    stations[0].post(stations[3], 2)
    stations[3].post(stations[0], 3)
    air.until(lambda: stations[3].delivered == [2] and stations[0].delivered == [3], 5)
    sound(air)


@pytest.mark.parametrize("told", [True, False])
def test_a_member_whose_credential_was_renewed_stays_one_where_the_old_one_expires(mesh: Authority, told: bool) -> None:
    air = Air(mesh)
    stations, _ = line(air, 4)
    renewed = stations[0]
    air.until(air.converged, 5)
    for other in stations[1:]:  # as if the first credential ended in a minute
        peer = other.member.peers[renewed.kid]
        peer.credential = dataclasses.replace(peer.credential, expires=air.now + 60 * SECOND)
    air.run(50)
    birth = renewed.renew()
    if told:
        renewed.apply(renewed.router.flood(birth, air.now)[1])
    for station in stations:
        station.flaps.clear()
    air.run(60)
    if told:
        assert not any(station.flaps for station in stations)
    assert all(air.reaches(station, renewed) for station in stations[1:])
    stations[3].post(renewed, 1)
    renewed.post(stations[3], 2)
    air.until(lambda: renewed.delivered == [1] and stations[3].delivered == [2], 5)
    assert not air.loops


def test_t4_of_two_brokers_the_one_that_answers_sooner_is_taken_and_a_slow_one_is_no_broken_one(
    mesh: Authority,
) -> None:
    air = Air(mesh)
    a, b = air.station(), air.station()
    options = {"wan": True, "cost_floor": 384, "multi_access": True, "addressed": False}
    air.medium(a, b, name="far", delay=(110 * MILLISECOND, 130 * MILLISECOND), **options)
    air.run(10)
    a.post(b, 1)
    air.until(lambda: b.delivered == [1] and not a.spool, 1)
    assert not b.repeats
    assert a.router.metric(b.kid) >= 384 + 200
    air.medium(a, b, name="near", **options)
    air.run(10)
    assert a.router.next_hop(b.kid) == (b.kid, "near")
    sound(air)


def test_a_cable_that_is_cut_is_given_up_after_two_hellos_of_three(mesh: Authority) -> None:
    air = Air(mesh)
    a, b = air.station(), air.station()
    cable = air.medium(a, b, wired=True, cost_floor=96)
    air.until(air.converged, 5)
    air.run(5)
    assert a.router.metric(b.kid) == 96
    air.cut(cable)
    assert air.until(lambda: a.router.next_hop(b.kid) is None, 3) <= 1.3


def test_t12_a_clock_that_falls_back_to_1986_moves_no_route_and_stops_no_message(mesh: Authority) -> None:
    air = Air(mesh)
    stations, _ = line(air, 3)
    air.until(air.converged, 5)
    for station in stations:
        station.flaps.clear()
    stations[1].trust.offset = -40 * 365 * 86400 * SECOND
    air.run(60)
    stations[0].post(stations[2], 1)
    air.until(lambda: stations[2].delivered == [1], 2)
    assert not any(station.flaps for station in stations)
    sound(air)


def test_what_has_no_way_comes_back_to_the_caller_and_arrives_once_there_is_one(mesh: Authority) -> None:
    air = Air(mesh)
    stations, media = line(air, 3)
    air.until(air.converged, 5)
    air.cut(media[1])
    air.run(3)
    stations[0].post(stations[2], 1)
    air.run(2)
    assert stations[0].undeliverable
    assert stations[0].spool
    air.heal(media[1])
    air.until(lambda: stations[2].delivered == [1], 5)
    sound(air)


def test_a_message_in_the_hands_of_a_relay_whose_next_hop_dies_finds_another_way(mesh: Authority) -> None:
    air = Air(mesh)
    stations, _ = ring(air, 4)
    air.until(air.converged, 5)
    source, target = stations[0], stations[2]
    _, relay, _ = air.follow(source, target.kid) or []
    air.cut(next(medium for medium in air.media.values() if {relay, target} == set(medium.stations)))
    source.post(target, 1)
    assert air.until(lambda: target.delivered == [1], 5) < 1.5
    sound(air)


def test_a_relay_that_swallows_everything_is_left_once_answers_stay_away(mesh: Authority) -> None:
    air = Air(mesh)
    source, hole, detour, target = (air.station() for _ in range(4))
    air.medium(source, hole)
    air.medium(hole, target)
    air.medium(source, detour, cost_floor=400)
    air.medium(detour, target)
    air.until(air.converged, 5)
    air.run(3)
    assert air.follow(source, target.kid) == [source, hole, target]
    hole.router._forwarding._next = lambda parcel, now: None  # type: ignore[method-assign]
    source.post(target, 1)
    air.run(0.5)
    assert not target.delivered
    source.apply(source.router.unanswered(target.kid, sent(source), air.now))
    air.until(lambda: target.delivered == [1], 10)
    assert air.follow(source, target.kid) == [source, detour, target]


def test_a_way_is_not_to_blame_for_a_message_that_nobody_took(mesh: Authority) -> None:
    air = Air(mesh)
    source, relay, detour, target = (air.station() for _ in range(4))
    near = air.medium(source, relay)
    air.medium(relay, target)
    other = air.medium(source, detour, cost_floor=400)
    air.medium(detour, target)
    air.until(air.converged, 5)
    air.run(3)
    near.refuses = other.refuses = lambda got: got.kind == frame.UNICAST
    source.post(target, 1)
    air.run(1.9)
    source.apply(source.router.unanswered(target.kid, sent(source), air.now))
    assert air.follow(source, target.kid) == [source, relay, target]
    near.refuses = other.refuses = None
    air.until(lambda: target.delivered == [1], 5)


def sent(station: Station) -> list[bytes]:
    """What a station has sent to one receiver and got no answer to."""
    return [data for _, data in station.spool.values()]


def test_a_broadcast_on_a_lan_is_one_transmission_and_what_was_lost_is_pulled(mesh: Authority) -> None:
    air = Air(mesh)
    stations = [air.station() for _ in range(10)]
    lan = air.medium(*stations, name="lan")
    air.until(air.converged, 5)
    sent = []
    lan.refuses = lambda got: got.kind == frame.FLOOD and bool(sent.append(got))
    stations[0].shout(1)
    air.until(lambda: all(station.heard == [1] for station in stations[1:]), 0.5)
    air.run(1)
    assert len(sent) == 1
    lan.refuses = None
    lan.loss = 0.3
    for i in range(20):
        stations[i % 10].shout(i + 2)
    air.until(lambda: all(len(station.heard) >= 18 for station in stations), 20)
    assert not air.loops


@settings(max_examples=60, phases=[Phase.explicit, Phase.generate])
@given(st.data())
def test_any_mesh_finds_every_way_there_is_after_any_cuts_and_never_a_loop(
    mesh: Authority, data: st.DataObject
) -> None:
    air = Air(mesh, data.draw(st.integers(0, 1000), "seed"))
    stations = [air.station() for _ in range(data.draw(st.integers(3, 7), "stations"))]
    pairs = list(itertools.combinations(range(len(stations)), 2))
    edges = data.draw(st.lists(st.sampled_from(pairs), unique=True, min_size=2, max_size=10), "edges")
    loss = data.draw(st.sampled_from([0.0, 0.05]), "loss")
    costs = data.draw(st.lists(st.sampled_from([256, 400, 900]), min_size=len(edges), max_size=len(edges)), "costs")
    media = [
        air.medium(stations[a], stations[b], loss=loss, cost_floor=cost)
        for (a, b), cost in zip(edges, costs, strict=True)
    ]
    air.until(air.converged, 20, 0.1)
    for _ in range(2):
        for medium in data.draw(st.lists(st.sampled_from(media), unique=True, max_size=4), "cut or heal"):
            if medium.up:
                air.cut(medium, silent=data.draw(st.booleans(), "silent"))
            else:
                air.heal(medium)
        air.run(data.draw(st.floats(0, 3), "pause"))
    air.until(air.converged, 30, 0.1)
    assert not air.loops
    assert not air.twice


def test_a_cost_measured_elsewhere_moves_the_route_and_gives_it_back(mesh: Authority) -> None:
    air = Air(mesh)
    (a, b, c, d), media = ring(air, 4)
    air.until(air.converged, 5)
    air.run(20)
    ways = {(b.kid, media[0].name): (d.kid, media[3].name), (d.kid, media[3].name): (b.kid, media[0].name)}
    taken = a.router.next_hop(c.kid)
    assert taken is not None
    a.apply(a.router.measured(taken, 900, air.now))
    assert a.router.next_hop(c.kid) == ways[taken]
    assert {n.via: n.cost for n in a.router.neighbours}[taken] == 900
    air.run(20)
    assert a.router.next_hop(c.kid) == ways[taken]
    a.apply(a.router.measured(ways[taken], 2000, air.now))
    air.until(lambda: a.router.next_hop(c.kid) == taken, 5)
    a.apply(a.router.measured(taken, None, air.now))
    assert {n.via: n.cost for n in a.router.neighbours}[taken] == 256
    a.apply(a.router.measured((c.kid, "nowhere"), 100, air.now))
    sound(air)


def test_a_neighbour_that_somebody_else_still_praises_is_gone_when_its_hellos_are(mesh: Authority) -> None:
    air = Air(mesh)
    a, b = air.station(), air.station()
    medium = air.medium(a, b)
    air.until(air.converged, 5)
    a.apply(a.router.measured((b.kid, medium.name), 256, air.now))
    medium.up, medium.told = False, False
    air.until(lambda: not a.router.neighbours, 5)


@pytest.mark.parametrize("flood_first", [True, False])
def test_what_a_group_hears_reaches_the_gateway_as_a_message_of_its_own_whichever_comes_first(
    mesh: Authority, flood_first: bool
) -> None:
    air = Air(mesh)
    gateway = air.station("gateway")
    (speaker, relay, uplink), _ = line(air, 3)
    air.until(lambda: all(len(station.router.destinations) == 2 for station in (speaker, relay, uplink)), 5)
    keeps_hearing(air, uplink, gateway, [True])
    air.until(lambda: air.reaches(speaker, GATEWAY), 3)
    body = {"class": "a", "value": "said"}
    data = speaker.member.seal(gl1.EVENT, body, now=air.now, name="a").payload
    for floods in (flood_first, not flood_first):
        router = speaker.router
        _, effects = router.flood(data, air.now) if floods else router.send(GATEWAY, data, air.now)
        speaker.apply(effects)
        air.run(1)
        assert uplink.heard == ([] if floods and flood_first else ["said"])
    assert [relay.heard, uplink.heard] == [["said"], ["said"]]
    air.run(5)
    _, effects = speaker.router.send(GATEWAY, data, air.now)
    speaker.apply(effects)
    air.run(1)
    assert uplink.heard == ["said"], "sent again, it is said to be a copy"
    sound(air)
