# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh's acceptance tests with real processes in network namespaces (design: M7). They have twins."""

import asyncio
import json
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections import Counter
from pathlib import Path

import pytest

from ganglion.mesh.group import renew
from ganglion.mesh.overlay import frame
from ganglion.units import MILLISECOND
from ganglion_micro import gl1
from support.babeld import babeld
from support.mesh_field import Field, knows, line, stored, until
from support.mesh_process import members, provision
from support.network import Network, network


async def wire(net: Network, node: str, *words: str) -> Process:
    """A program of `support.wire` in a node."""
    command = [*net.command(node), sys.executable, "-m", "support.wire", *words]
    return await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1], limit=2**22
    )


async def test_t1_two_nodes_on_a_lan_without_a_broker_lose_nothing_of_a_thousand_messages(tmp_path: Path) -> None:
    with network({"cable": ["a", "b"]}) as net:
        field = Field(tmp_path, net)
        a, b = field.node("a"), field.node("b")
        async with members(a, b):
            await knows(a, "b")
            await knows(b, "a")
            assert await a.ask("send", to="b", first=0, count=1000) == 1000
            assert sorted(await b.ask("notes")) == list(range(1000))


@pytest.mark.parametrize("without", ["a", "ab"])
async def test_t1_a_machine_without_ipv6_is_heard_by_all(tmp_path: Path, without: str) -> None:
    with network({"cable": ["a", "b"]}, ipv4=True) as net:
        field = Field(tmp_path, net)
        for name in without:
            off = [*net.command(name), "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/cable/disable_ipv6"]
            process = await asyncio.create_subprocess_exec(*off)
            assert await process.wait() == 0
        a, b = field.node("a"), field.node("b")
        async with members(a, b):
            await knows(a, "b")
            await knows(b, "a")
            await a.ask("send", to="b", first=0, count=10)
            assert sorted(await b.ask("notes")) == list(range(10))


async def test_t2_a_line_of_five_carries_messages_from_end_to_end(tmp_path: Path) -> None:
    with network(line(*"abcde")) as net:
        field = Field(tmp_path, net)
        a, b, c, d, e = nodes = [field.node(name) for name in "abcde"]
        async with members(*nodes):
            await knows(a, *"bcde")
            await knows(e, *"abcd")
            await a.ask("send", to="e", first=0, count=20)
            await e.ask("send", to="a", first=100, count=20)
            assert sorted(await e.ask("notes")) == list(range(20))
            assert sorted(await a.ask("notes")) == list(range(100, 120))
            for relay in (b, c, d):
                assert not await relay.ask("notes")
            others = [(other, (await knows(other, "c"))["born"]["c"]) for other in (a, b, d, e)]
            await c.ask("shout")
            for other, before in others:
                await until(other, lambda status, before=before: status["born"]["c"] > before, what="the broadcast")


async def test_t3_a_ring_goes_on_when_its_busiest_relay_is_killed(tmp_path: Path) -> None:
    names = "abcdef"
    with network({**line(*names), "f-a": ["f", "a"]}) as net:
        field = Field(tmp_path, net)
        nodes = {name: field.node(name) for name in names}
        a, d = nodes["a"], nodes["d"]
        async with members(*nodes.values()):
            await knows(d, "a")
            for round in range(3):
                relay = (await knows(a, "d"))["routes"]["d"][0]
                flow = asyncio.create_task(a.ask("stream", to="d", first=100 * round, count=60, every=0.1))
                await asyncio.sleep(1.0)
                nodes[relay].kill()
                await flow
                notes = await d.ask("notes")
                assert sorted(notes) == [100 * each + i for each in range(round + 1) for i in range(60)]
                await nodes[relay].stop()
                await nodes[relay].start()
                await knows(nodes[relay], "a", "d")
            assert not (await d.ask("status"))["exhausted"]


@pytest.mark.parametrize("kind", ["mosquitto", "nats"])
async def test_t4_a_node_on_two_brokers_bridges_them_and_one_may_die(tmp_path: Path, kind: str) -> None:
    media = {
        "first": ["gateway", "a", "both"],  # with the broker of the gateway
        "second": ["b", "both", "other"],
        "lan": ["gateway", "other"],
    }
    with network(media, ipv4=True) as net:
        field = Field(tmp_path, net)
        with field.broker("gateway", kind) as first, field.broker("other", kind):
            local, near = "mqtt://127.0.0.1:1883", field.url("gateway", "first")
            far = field.url("other", "second")
            gateway = field.gateway(broker=local, links=["lan:lan"])
            b = field.node("b", broker=far, links=[])
            both = field.node("both", broker=near, links=[far])
            other = field.node("other", broker=local, links=["lan:lan"])
            async with members(gateway, b, both, other):
                await knows(b, "gw")
                await b.ask("events", first=0, count=20)
                await stored(gateway, range(20))
                first.kill()
                flow = asyncio.create_task(b.ask("events", first=20, count=40, every=0.1))
                await stored(gateway, range(60))
                await flow


async def test_t5_nodes_without_an_uplink_reach_the_gateway_through_whoever_has_one(tmp_path: Path) -> None:
    names = ["n1", "n2", "n3", "n4", "n5"]
    media = {**line(*names), "wan3": ["gateway", "n3"], "wan5": ["gateway", "n5"]}
    with network(media, ipv4=True) as net:
        field = Field(tmp_path, net)
        net.cut("wan5")
        with field.broker("gateway"):
            gateway = field.gateway(broker="mqtt://127.0.0.1:1883")
            lans = [f"lan:{medium}" for medium in line(*names)]
            uplinks = {"n3": field.url("gateway", "wan3"), "n5": field.url("gateway", "wan5")}
            nodes = {name: field.node(name, links=lans, broker=uplinks.get(name, "")) for name in names}
            async with members(gateway, *nodes.values()):
                for node in nodes.values():
                    await until(node, lambda status: status["leads"], what="a way to the gateway")
                for i, node in enumerate(nodes.values()):
                    await node.ask("events", first=10 * i, count=10)
                await stored(gateway, range(50))
                # The gateway asks a node that no broker of its leads to.
                await knows(gateway, "n1")
                await gateway.ask("send", to="n1", first=0, count=5)
                assert await nodes["n1"].ask("notes") == list(range(5))
                net.silence("wan3")
                net.mend("wan5")
                flow = asyncio.create_task(nodes["n1"].ask("events", first=50, count=50, every=0.1))
                await stored(gateway, range(100))
                await flow
                hops = (await nodes["n4"].ask("status"))["routes"]["gw"]
                assert hops[0] == "n5"


async def test_t6_what_a_partition_and_dead_relays_kept_back_is_in_the_database_once(tmp_path: Path) -> None:
    with network({"a-b": ["a", "b"], "b-c": ["b", "c"], "wan": ["c", "gateway"]}) as net:
        field = Field(tmp_path, net)
        a, *_ = nodes = [field.node(name) for name in "abc"]
        async with field.real_gateway(), members(*nodes):
            await knows(a, "gw")
            net.cut("wan")
            await until(a, lambda status: "gw" not in status["routes"], what="no way to the gateway")
            for part in range(5):
                await a.ask("events", first=2000 * part, count=2000)
                await a.ask("saved")
                await asyncio.gather(*(node.crash() for node in nodes))
            assert (await a.ask("status"))["spooled"] == 10000
            assert field.events() == []
            net.mend("wan")
            await until(a, lambda status: not status["spooled"], within=240, what="an empty spool")
        found = field.events()
        assert len({identity for identity, _ in found}) == len(found) == 10000
        assert sorted(value for _, value in found) == list(range(10000))


async def test_t7_everything_arrives_over_cables_that_lose_repeat_and_reorder(tmp_path: Path) -> None:
    with network(line(*"abc"), seed=7) as net:
        field = Field(tmp_path, net)
        a, _, c = nodes = [field.node(name) for name in "abc"]
        async with members(*nodes):
            for medium in line(*"abc"):
                net.impair(medium, loss=0.2, delay=(0, 20 * MILLISECOND), repeat=0.05)
            await knows(a, "c")
            await knows(c, "a")
            assert await a.ask("send", to="c", first=0, count=300, wide=16, timeout=100) == 300
            assert sorted(await c.ask("notes")) == list(range(300))


async def test_t8_whoever_taps_the_lan_and_repeats_and_alters_frames_is_believed_in_nothing(tmp_path: Path) -> None:
    with network({"lan": ["a", "b", "c"]}) as net:
        field = Field(tmp_path, net)
        a, b = field.node("a"), field.node("b")
        async with members(a, b):
            await knows(a, "b")
            await knows(b, "a")
            eve = await wire(net, "b", "harm", "lan", "100000", "8")
            await a.ask("send", to="b", first=0, count=200)  # something to hear
            assert eve.stdout is not None
            assert json.loads(await eve.stdout.readline())["heard"] > 50
            sent = asyncio.create_task(eve.stdout.readline())
            count = 200
            while not sent.done():
                await a.ask("send", to="b", first=count, count=50)
                count += 50
            assert sorted(await b.ask("notes")) == list(range(count))
            for node, other in ((a, "b"), (b, "a")):
                status = await node.ask("status")
                assert status["peers"] == [other]
                assert list(status["routes"]) == [other]
                assert sum(status["refused"].values()) > 1000
                assert {"forged", "replayed", "malformed"} <= set(status["refused"])
            await eve.wait()


async def test_t10_nobody_passes_a_message_on_twice_over_the_same_link(tmp_path: Path) -> None:
    media = {**line("a", "b", "c"), "c-a": ["c", "a"], "c-d": ["c", "d"]}
    with network(media) as net:
        field = Field(tmp_path, net)
        nodes = {name: field.node(name) for name in "abcd"}
        places = [(name, medium) for medium, ends in media.items() for name in ends]
        watchers = [await wire(net, name, "watch", medium) for name, medium in places]
        for watcher in watchers:
            assert watcher.stdout is not None
            assert await watcher.stdout.readline() == b"watching\n"
        async with members(*nodes.values()):
            await knows(nodes["a"], *"bcd")
            await knows(nodes["d"], *"abc")
            await nodes["a"].ask("send", to="d", first=0, count=50)
            for _ in range(5):
                before = (await knows(nodes["d"], "b"))["born"]["b"]
                await nodes["b"].ask("shout")
                await until(
                    nodes["d"], lambda status, before=before: status["born"]["b"] > before, what="the broadcast"
                )
        kid = gl1.kid_of(field.ids["b"]).hex()
        floods: Counter[str] = Counter()
        requests: Counter[str] = Counter()
        for place, watcher in zip(places, watchers, strict=True):
            watcher.kill()
            said, _ = await watcher.communicate()
            for line_ in said.splitlines():
                passed = json.loads(line_)
                key = json.dumps([passed["id"], place])
                if passed["kind"] == frame.FLOOD:
                    # Its first birth may have met neighbours that were not up yet, and pulled it later.
                    floods[key] += passed["id"][0] == kid and passed["id"][3] > 1
                    assert passed["ttl"] >= 5
                elif passed["id"][1]:  # class C, each sent once; a request that was slow is asked anew
                    requests[key] += 1
        floods = +floods
        assert len(floods) >= 5 * 4  # five broadcasts, four nodes; on cables that were not covered yet
        assert set(floods.values()) == {1}, floods.most_common(3)
        assert len(requests) >= 100
        assert requests.most_common(1)[0][1] <= 3, requests.most_common(3)  # tries of one hop


async def test_t9_an_evicted_node_is_refused_by_all_who_hear_of_it(tmp_path: Path) -> None:
    with network({"lan": ["gateway", "a", "b", "far"]}) as net:
        field = Field(tmp_path, net)
        gateway = field.gateway(links=["lan"])
        a, b, far = (field.node(name) for name in ("a", "b", "far"))
        async with members(gateway, a, b, far):
            for node in (a, b, far):
                await knows(node, "gw")
            await knows(far, "b")
            net.silence("lan", "far")
            await until(a, lambda status: "far" not in status["routes"], what="far is away")
            await gateway.ask("revoke", node=field.ids["b"])
            for node in (gateway, a):
                await until(node, lambda status: "b" not in status["routes"], what="b is none of them")
            net.impair("lan")
            await knows(far, "a")
            await until(far, lambda status: "b" not in status["routes"], what="far is told")
            with pytest.raises(AssertionError, match="b does not answer"):
                await far.ask("send", to="b", first=0, count=1, timeout=1)
            assert not await b.ask("notes")


async def test_what_babeld_has_measured_is_what_a_neighbour_costs(tmp_path: Path) -> None:
    with network({"eth0": ["a", "b"]}) as net:
        field = Field(tmp_path, net)
        a, b = field.node("a"), field.node("b")
        with babeld(net, "a", tmp_path, eth0="wireless"), babeld(net, "b", tmp_path, eth0="wireless"):
            async with members(a, b):
                await knows(a, "b")
                # The kernel says that it is a cable, which costs 96; babeld was told otherwise.
                await until(a, lambda status: status["routes"].get("b") == ["b", "lan/eth0", 256], what="babeld's cost")


async def test_members_of_a_group_hear_each_other_over_neighbours_and_the_gateway_has_everything_once(
    tmp_path: Path,
) -> None:
    with network(line("gateway", "door", "relay", "lamp")) as net:
        field = Field(tmp_path, net)
        relay, lan = field.node("relay"), {"links": ["lan"]}
        ids = [provision(tmp_path, field.authority, name) for name in ("door", "lamp")]
        field.ids |= dict(zip(("door", "lamp"), ids, strict=True))
        key = {"groups": [renew("hall", ids, last=0, now=time.time_ns()).packed().hex()]}
        gateway = field.gateway(**lan, **key)
        door, lamp = (field.node(name, confidential="hall", **key) for name in ("door", "lamp"))
        async with members(gateway, door, relay, lamp):
            await knows(lamp, "gw", "door")
            await knows(door, "gw", "lamp")
            await knows(relay, "door")
            await door.ask("events", first=0, count=20)
            await stored(gateway, range(20))
            await until(door, lambda status: not status["spooled"], what="each is acknowledged")
            await door.ask("reading", value=4.5)
            heard: list[float] = []
            while 4.5 not in heard:
                heard = await lamp.ask("notes")
            assert sorted(heard) == sorted([*range(20), 4.5])
            told = await gateway.ask("stored")
            assert (told["twice"], told["frames"]) == (0, 1)
            for member in (gateway, relay, lamp):
                rejected = (await member.ask("status"))["rejected"]
                assert not rejected.keys() & {"unreadable", "misaddressed"}, (member.name, rejected)
