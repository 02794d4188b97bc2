# SPDX-License-Identifier: GPL-3.0-or-later
"""The signed policy at work: set, changed, deleted and attacked, with gateways and nodes on real brokers."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ganglion.errors import (
    GanglionError,
    InvalidError,
    LocalProtocolError,
    NotFoundError,
    RefusedError,
    UnreachableError,
)
from ganglion.mesh.authority import Authority
from ganglion.mesh.client import MeshClient
from ganglion.mesh.fleet_limits import read as read_limits
from ganglion.mesh.identity import Identity
from ganglion.mesh.kv import Kv
from ganglion.mesh.member import Cause, Peer
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.policy import DEFAULT, Policy, read
from ganglion.mesh.signed_config import LIMITS, POLICIES
from ganglion.units import SECOND
from ganglion_micro import gl1
from support.brokers import Broker, on_every_broker
from support.mesh import Attacker, Gateway, enrolled, running
from support.transports import Counted
from support.waiting import until, until_answered

#: Seconds until everybody who is there must go by a new policy. Over a broker it takes well under one; a machine of
#: many tests has its time.
EFFECTIVE = 60.0
#: Gateways may look, nobody may do anything else but speak.
LOOK = [
    {"name": "look", "who": "role:gateway", "may": "call", "what": "echo"},
    {"name": "speak", "who": "role:node", "may": ["say", "send"], "what": "*"},
]


@pytest.fixture
def gateway(tmp_path: Path, broker: Broker) -> Gateway:
    return Gateway(tmp_path, broker.url)


def rules(*listed: dict[str, Any]) -> Policy:
    return read({"rules": list(listed)})


async def echo(params: dict[str, Any], peer: Peer) -> Any:
    return params


def serving(gateway: Gateway, name: str, **options: Any) -> MeshClient:
    node = gateway.node(name, **options)
    for method in ("echo", "act"):
        node.on_request(method, echo)
    return node


async def has(node: MeshClient, policy: Policy, *, within: float = EFFECTIVE) -> None:
    await until(lambda: node.statistics().policy == policy.version, within=within, what=f"the policy {policy.version}")


def _knows(gateway: Gateway, node: MeshClient) -> bool:
    peer = gateway.client.member.peers.get(node.identity.kid)
    return peer is not None and peer.epoch == node.member.epoch


async def joined(gateway: Gateway, *nodes: MeshClient) -> None:
    await enrolled(*nodes)
    for node in nodes:
        await until(lambda node=node: _knows(gateway, node), what="the gateway knows it, as it is since its start")


@on_every_broker
async def test_a_policy_holds_within_seconds_and_a_refusal_says_why(gateway: Gateway) -> None:
    node = serving(gateway, "fridge")
    async with running(gateway.client, node):
        await joined(gateway, node)
        ask = gateway.client.request
        assert node.statistics().policy == 0
        assert await ask("act", {}, to="fridge", timeout=60) == {}
        made = gateway.client.desk.set_config(POLICIES, rules(*LOOK))
        assert made.version == gateway.client.statistics().policy > 0
        await has(node, made)
        assert await ask("echo", {"a": 1}, to="fridge", timeout=60) == {"a": 1}
        refused = rf"'act' is refused to gateway: no rule lets it call act \(policy {made.version}\)"
        with pytest.raises(RefusedError, match=refused):
            await ask("act", {}, to="fridge", timeout=60)
        assert node.member.rejected[Cause.UNAUTHORISED] == 1
        denying = gateway.client.desk.set_config(
            POLICIES, rules(*LOOK, {"name": "no", "who": "*", "may": "call", "what": "*", "deny": True})
        )
        await has(node, denying)
        with pytest.raises(RefusedError, match="'echo' is refused to gateway: the rule 'no' denies it"):
            await ask("echo", {}, to="fridge", timeout=60)
        back = gateway.client.desk.set_config(POLICIES, DEFAULT)
        await has(node, back)
        assert await ask("act", {}, to="fridge", timeout=60) == {}
        peer = gateway.client.member.peers[node.identity.kid]
        await until(lambda: peer.policy == back.version, what="the gateway knows that the node has it")


async def test_who_was_away_gets_it_and_who_restarts_still_has_it(gateway: Gateway) -> None:
    node, other = serving(gateway, "fridge"), serving(gateway, "room")
    async with running(gateway.client):
        async with running(node, other):
            await joined(gateway, node, other)
        first = gateway.client.desk.set_config(POLICIES, rules(*LOOK))
        other = serving(gateway, "room")
        async with running(other):
            await has(other, first, within=60)
    kept = serving(gateway, "room")
    assert kept.statistics().policy == first.version, "before there is any connection"
    gateway.authority = Authority.open(gateway.folder / "authority", now=time.time_ns())
    gateway.start()
    assert gateway.client.statistics().policy == first.version
    async with running(gateway.client, kept):
        await joined(gateway, kept)
        with pytest.raises(RefusedError, match="no rule lets it call act"):
            await gateway.client.request("act", {}, to="room", timeout=60)


async def test_tags_parameters_and_receivers_count(gateway: Gateway) -> None:
    panel = gateway.node("panel", key=gateway.keys.create(tags=("panel",)), follow=["+"])
    lamp = serving(gateway, "lamp", key=gateway.keys.create(tags=("kitchen",)), follow=["+"])
    attic = serving(gateway, "attic", follow=["+"])
    async with running(gateway.client, panel, lamp, attic):
        await joined(gateway, panel, lamp, attic)
        rule = {
            "name": "dim",
            "who": "tag:panel",
            "may": "call",
            "what": "act",
            "at": "tag:kitchen",
            "params": {"n": [1, 2]},
        }
        speak = {"name": "speak", "who": "*", "may": ["say", "send"], "what": "*"}
        list_ = {"name": "list", "who": "*", "may": "call", "what": "methods"}
        made = gateway.client.desk.set_config(POLICIES, rules(rule, speak, list_))
        await has(lamp, made)
        await has(attic, made)
        assert await panel.request("act", {"n": 2}, to="lamp", timeout=60) == {"n": 2}
        listed = await panel.request("methods", {}, to="lamp", timeout=60)
        assert [each["name"] for each in listed["methods"]] == ["act", "methods"], "with some parameters"
        for who, to, params in ((panel, "lamp", {"n": 3}), (panel, "attic", {"n": 1}), (attic, "lamp", {"n": 1})):
            with pytest.raises(RefusedError, match="no rule lets it call act"):
                await who.request("act", params, to=to, timeout=60)


@on_every_broker
async def test_without_a_policy_everything_is_refused_but_joining_and_it_comes_back(gateway: Gateway) -> None:
    node = serving(gateway, "fridge", heartbeat=0.05)
    async with running(gateway.client, node):
        await joined(gateway, node)
        gone = gateway.client.desk.set_config(POLICIES, Policy(0, ()))
        await has(node, gone)
        with pytest.raises(RefusedError, match="'echo' is refused to gateway: the policy was deleted"):
            await gateway.client.request("echo", {}, to="fridge", timeout=60)
        kept = node.publish_event("alert", {"value": 1})
        counted = gateway.client.member.rejected
        await until(lambda: counted[Cause.UNAUTHORISED], what="the event is refused")
        renewed = await node.request("credential.renew", {}, timeout=60)
        assert type(renewed) is bytes, "a member stays one"
        late = gateway.node("late")
        async with running(late):
            await joined(gateway, late)
            await has(late, gone)
        assert gateway.store.values == []
        assert node.statistics().delivery.spooled == 1
        frames = len(gateway.store.frames)
        await until(lambda: len(gateway.store.frames) > frames, what="it shows that it lives")
        assert gateway.store.frames[-1].body == []
        stored: list[str] = []
        node.on_stored = stored.append
        await has(node, gateway.client.desk.set_config(POLICIES, DEFAULT))
        await until(lambda: stored == [kept], within=60, what="the event that waited")
        assert await gateway.client.request("echo", {}, to="fridge", timeout=60) == {}


async def test_an_event_that_a_rule_is_against_is_refused_to_its_sender_and_holds_nothing_up(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    async with running(gateway.client, node):
        await joined(gateway, node)
        stored: list[str] = []
        node.on_stored = stored.append
        deny = {"name": "no-notes", "who": "tag:none", "may": "say", "what": "note", "deny": True}
        only = {"name": "alerts", "who": "role:node", "may": "say", "what": "alert"}
        gateway.client.desk.set_config(POLICIES, rules(deny, only))
        for i in range(300):
            node.publish_event("note", {"value": i})
        event = node.publish_event("alert", {"value": "heard"})
        await until(lambda: stored == [event], what="the event behind them")
        await until(lambda: node.statistics().delivery.refused == 300, what="the refusals")
        assert gateway.store.values == ["heard"]
        assert (node.statistics().delivery.spooled, node.statistics().delivery.acknowledged) == (0, 1)
        assert gateway.client.member.rejected[Cause.UNAUTHORISED] >= 300


async def test_readings_that_may_not_be_sent_are_dropped_and_others_taken(gateway: Gateway) -> None:
    node = gateway.node("fridge", heartbeat=0)
    async with running(gateway.client, node):
        await joined(gateway, node)
        gateway.client.desk.set_config(
            POLICIES, rules({"name": "r", "who": "role:node", "may": "send", "what": "fridge/*"})
        )
        for stream in ("fridge/temperature", "camera/face", "fridge/door"):
            node.publish_reading(stream, 1, 1)
        await until(lambda: gateway.store.readings, what="the readings")
        assert [stream for stream, _, _ in gateway.store.readings] == ["fridge/temperature", "fridge/door"]
        assert gateway.client.member.rejected[Cause.UNAUTHORISED] == 1


async def test_what_is_being_done_ends_when_it_is_allowed_no_more(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    began, ended = asyncio.Event(), asyncio.Event()

    async def forever(params: dict[str, Any], peer: Peer) -> Any:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    node.on_request("forever", forever)
    async with running(gateway.client, node):
        await joined(gateway, node)
        call = asyncio.create_task(gateway.client.request("forever", {}, to="fridge", timeout=60))
        await asyncio.wait_for(began.wait(), 60)
        gateway.client.desk.set_config(POLICIES, rules(*LOOK))
        await asyncio.wait_for(ended.wait(), 60)
        with pytest.raises(GanglionError, match="was cancelled"):
            await call


class Withheld(MqttTransport):
    """A way to a broker that keeps the policy and the limits back."""

    def subscribe(self, filter: str, qos: int = 0) -> None:
        if not filter.endswith(("/c/policy", "/c/limits")):
            super().subscribe(filter, qos)


async def test_who_joins_is_given_policy_and_limits_with_its_credential(gateway: Gateway) -> None:
    async with running(gateway.client):
        limits = gateway.client.desk.set_config(
            LIMITS, read_limits({"limit": [{"nodes": "name:late", "where": {"name": "a"}, "high": 1}]})
        )
        made = gateway.client.desk.set_config(POLICIES, rules(*LOOK))
        late = MeshClient(
            transport=Withheld(gateway.url, backoff=Counted()),
            state=gateway.folder / "late",
            name="late",
            enrol_key=gateway.keys.create().text,
        )
        held: list[Any] = []
        late.on_limits = lambda: held.append(late.limits)
        async with running(late):
            await enrolled(late)
            await has(late, made)
            assert held[-1] == (limits.version, [{"where": {"name": "a"}, "high": 1}])


async def test_neither_a_replay_nor_a_deletion_nor_a_forgery_changes_anything(gateway: Gateway) -> None:
    node = serving(gateway, "fridge")
    mesh = gateway.authority.mesh_id
    attacker = Attacker(gateway.url, mesh)
    topic = gl1.config_topic(mesh, "policy")
    async with attacker.running(), running(gateway.client, node):
        await joined(gateway, node)
        old = gateway.client.desk.set_config(POLICIES, DEFAULT)
        replayed = gateway.authority.config(POLICIES, now=time.time_ns())
        new = gateway.client.desk.set_config(POLICIES, rules(*LOOK))
        right = gateway.authority.config(POLICIES, now=time.time_ns())
        assert old.version < new.version
        assert replayed is not None
        assert right is not None
        await has(node, new)
        heard = len(attacker.on("c/policy"))
        list_ = gateway.authority.revocations(now=time.time_ns())
        forged = POLICIES.sign(Identity.create(), gateway.authority.mesh, DEFAULT, version=2**31, now=time.time_ns())
        altered = right.data[:-64] + bytes(64)
        attacks = (replayed.data, b"", forged, altered, list_.data, b"\xff" * 100)
        refused = node.member.rejected.copy()
        for payload in attacks:
            await attacker.says(topic, payload, retain=True)
        await attacker.says(gl1.revoked_topic(mesh), right.data, retain=True)
        for cause, count in ((Cause.MISADDRESSED, 3), (Cause.FORGED, 2)):
            await until(
                lambda cause=cause, count=count: node.member.rejected[cause] - refused[cause] >= count, what=cause.value
            )
        assert node.statistics().policy == new.version
        assert gateway.client.statistics().policy == new.version
        with pytest.raises(RefusedError, match="no rule lets it call act"):
            await gateway.client.request("act", {}, to="fridge", timeout=60)
        await until(
            lambda: (
                attacker.on("c/policy")[heard + len(attacks) :] and attacker.on("c/policy")[-1].payload == right.data
            ),
            what="the gateway has put it right",
        )
        again = serving(gateway, "late")
        async with running(again):
            await enrolled(again)
            await has(again, new)


async def test_an_authority_from_a_backup_learns_the_newer_policy_from_the_broker(gateway: Gateway) -> None:
    async with running(gateway.client):
        await until(lambda: gateway.client.statistics().connected, what="connected")
        made = gateway.client.desk.set_config(POLICIES, rules(*LOOK))
        listener = Attacker(gateway.url, gateway.authority.mesh_id)
        async with listener.running():
            await until(lambda: listener.on("c/policy"), what="the policy on the broker")
    (gateway.folder / "authority" / "policy").unlink()
    gateway.authority = Authority.open(gateway.folder / "authority", now=time.time_ns())
    gateway.start()
    assert gateway.client.statistics().policy == 0
    async with running(gateway.client):
        await has(gateway.client, made, within=60)
        assert gateway.client.desk.set_config(POLICIES, DEFAULT).version > made.version


async def test_a_node_sets_no_policy_and_one_that_does_not_fit_is_refused(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    with pytest.raises(LocalProtocolError):
        node.desk.set_config(POLICIES, DEFAULT)
    for count in (52, 60):
        words = [f"{i:0128}" for i in range(9)]
        large = [{"name": str(i), "who": "*", "may": "call", "what": words} for i in range(count)]
        with pytest.raises(InvalidError, match=r"\d+ bytes, and 6\d+"):
            gateway.client.desk.set_config(POLICIES, rules(*large))
    assert gateway.client.statistics().policy == 0


async def test_a_rule_ends_at_its_time_by_the_clock_of_who_judges(gateway: Gateway) -> None:
    later = 0
    node = serving(gateway, "fridge", clock=lambda: time.time_ns() + later)
    async with running(gateway.client, node):
        await joined(gateway, node)
        until_ = time.time_ns() + 100 * SECOND
        made = gateway.client.desk.set_config(POLICIES, rules({**LOOK[0], "until": until_}, LOOK[1]))
        await has(node, made)
        assert await gateway.client.request("echo", {}, to="fridge", timeout=60) == {}
        later = 101 * SECOND
        with pytest.raises((RefusedError, UnreachableError), match="no rule lets it call echo"):
            await gateway.client.request("echo", {}, to="fridge", timeout=60)


async def _holds(kv: Kv, key: str) -> bool:
    with suppress(NotFoundError):
        return bool(await kv.get({"key": key}))
    return False


async def test_who_writes_what_all_share_is_judged_where_it_is_written(gateway: Gateway) -> None:
    node = serving(gateway, "fridge")
    async with running(gateway.client, node):
        await joined(gateway, node)
        here, there = (Kv(client.state, client.rights) for client in (gateway.client, node))
        assert (await there.set({"key": "shared/x", "value": 1}))["value"] == 1
        made = gateway.client.desk.set_config(
            POLICIES, rules(*LOOK, {"name": "w", "who": "*", "may": "write", "what": "shared/a*"})
        )
        await has(node, made)
        assert (await there.set({"key": "shared/ab", "value": 1}))["value"] == 1
        await until_answered(lambda: _holds(here, "shared/ab"), what="the gateway has it")
        refused = r"'shared/x' may not be written here: no rule lets it write shared/x \(policy \d+\)"
        for write in (there.set, there.delete, there.add, there.remove):
            with pytest.raises(RefusedError, match=refused):
                await write({"key": "shared/x", "value": 2, "member": 2})
        gone = gateway.client.desk.set_config(POLICIES, Policy(0, ()))
        await has(node, gone)
        with pytest.raises(RefusedError):
            await here.set({"key": "shared/ab", "value": 2})
        assert (await here.get({"key": "shared/ab"}))["value"] == 1
