# SPDX-License-Identifier: GPL-3.0-or-later
"""gl1.cddl against what a mesh at work says on its broker: every message fits it, and none fits that is damaged.

pycddl looks into no byte string that stands in an array, and of a choice of arrays at the first alone. So each layer
(message, headers, MSG, credential) is validated by itself, and a MSG by the rule of its kind. It does not see that a
map has a key more than its rule, nor a number in the place of a byte string of a given size.
"""

import re
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pycddl import Schema, ValidationError

from ganglion.errors import GanglionError
from ganglion.mesh.enrol import EnrolKey
from ganglion.mesh.fleet_limits import read as read_limits
from ganglion.mesh.group import renew
from ganglion.mesh.keyholder import Confidential
from ganglion.mesh.member import Peer
from ganglion.mesh.policy import read
from ganglion.mesh.signed_config import LIMITS, POLICIES
from ganglion_micro import cbor, cose, gl1, mac0
from support.brokers import Broker
from support.leaves import Pair
from support.mesh import NOW, Attacker, Gateway, Site, enrolled, running
from support.micro_member import World
from support.waiting import until

CDDL = (Path(__file__).parents[2] / "firmware" / "ganglion_micro" / "gl1.cddl").read_text()
NOBODY = "a" * 26
#: Kind -> the rules of a MSG of that kind, as the file has them.
RULES: dict[int, list[str]] = {}
for rule, kind in re.findall(r"^([a-z-]+-msg) = msg<(\d+), ", CDDL, re.MULTILINE):
    RULES.setdefault(int(kind), []).append(rule)


@cache
def schema(rule: str) -> Schema:
    return Schema(f"captured = {rule}\n" + re.sub(r"bstr \.cbor [\w-]+", "bstr", CDDL))


def fits(rule: str, data: bytes) -> bool:
    try:
        schema(rule).validate_cbor(data)
    except ValidationError:
        return False
    return True


def message_fits(data: bytes) -> bool:
    """Whether all layers of a message fit their rules."""
    if not fits("GL1", data):
        return False
    header, _, payload, _ = cbor.decode(data).value
    return fits("headers", header) and msg_fits(payload)


def msg_fits(payload: bytes) -> bool:
    kind = cbor.decode(payload)[1]
    return fits("relayed-msg", payload) and any(fits(rule, payload) for rule in RULES.get(kind, ()))


def credential_fits(data: bytes) -> bool:
    header, _, payload, _ = cbor.decode(data).value
    return fits("GL1", data) and fits("headers", header) and fits("credential", payload)


POLICY = {
    "rules": [
        {"name": "all", "who": "*", "may": ["call", "send"], "what": "*"},
        {"name": "alerts", "who": "*", "may": "say", "what": ["alert", "x/*"], "at": "role:gateway"},
        {"name": "no", "who": "tag:a", "may": "call", "what": "b", "until": 7, "deny": True, "params": {"c": [1, "d"]}},
    ]
}

LIMIT = {
    "nodes": "name:fridge",
    "where": {"driver": "gpio", "line": 17},
    "max_on": "5m",
    "quiet_hours": ["22:00-07:00"],
}


@pytest.fixture
async def capture(tmp_path: Path, broker: Broker) -> dict[str, bytes]:
    """A mesh's life as its broker heard it: topic and kind -> the last such message."""
    gateway = Gateway(tmp_path, broker.url)
    secret = gateway.node("door", confidential=Confidential(group="hall"), heartbeat=0.2)
    node, refused = gateway.node("fridge"), gateway.node("late", key=EnrolKey.create(gateway.authority))
    listener = Attacker(broker.url, gateway.authority.mesh_id)

    async def obey(params: dict[str, Any], peer: Peer) -> Any:
        if not params:
            raise ValueError("nothing to do")
        return params

    node.on_request("led", obey)
    secret.on_request("led", obey)
    async with listener.running(), running(gateway.client):
        async with running(node, refused, secret):
            await enrolled(node, secret)
            gateway.client.desk.keys.issue(renew("hall", [secret.identity.node_id], last=0, now=time.time_ns()))
            secret.publish_event("alert", {"value": "opened", "topic": "alert/door"})
            await until(lambda: secret.member.groups.newest, what="the key")
            secret.publish_reading("door/open", True, 1)
            assert await gateway.client.request("led", {"on": 1}, to="door", timeout=60) == {"on": 1}
            gateway.client.desk.set_config(POLICIES, read(POLICY))
            gateway.client.desk.set_config(LIMITS, read_limits({"limit": [LIMIT, {**LIMIT, "nodes": ["tag:a", "*"]}]}))
            await until(lambda: node.statistics().policy and node.statistics().limits, what="the policy, the limits")
            node.publish_event("note", {})
            await until(lambda: node.statistics().delivery.refused, what="the refusal")
            node.publish_event("alert", {"value": 8.5, "topic": "sensor/fridge"})
            await node.saved()
            node.publish_reading("fridge/temperature", 4.5, 1)
            assert await gateway.client.request("led", {"on": True}, to="fridge", timeout=60) == {"on": True}
            with pytest.raises(GanglionError, match="failed"):
                await gateway.client.request("led", {}, to="fridge", timeout=60)
            await until(lambda: refused.statistics().refusal, what="the enrolment that is refused")
            await until(lambda: not node.statistics().delivery.spooled, what="the acknowledgement")
            await until(lambda: gateway.store.readings, what="the reading of the door")
            await until(lambda: "opened" in gateway.store.values, what="the alert of the door")
            await until(
                lambda: not gateway.client.desk.keys.waits("hall", secret.identity.node_id), what="it has the key"
            )
            await node.state.write(lambda replica, now: replica.set("shared/target", 4, now=now))
            await until(lambda: listener.on("/sync"), what="two that compare what they hold")
        await until(lambda: listener.on("/death"), what="the goodbye")
        wanted = {1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14}
        await until(lambda: kinds(listener) >= wanted, what="messages of every kind")
    return {f"{at} {message.topic}": message.payload for at, message in enumerate(listener.heard) if message.payload}


def kinds(listener: Attacker) -> set[int]:
    return {kind for message in listener.heard if (kind := kind_of(message.payload)) is not None}


def kind_of(data: bytes) -> int | None:
    try:
        return gl1.unpack(cose.parse(data).payload).kind
    except cbor.CBORError:
        return None  # the bundle


async def test_every_message_of_a_mesh_at_work_fits_and_damaged_ones_do_not(capture: dict[str, bytes]) -> None:
    seen: set[tuple[int, type]] = set()
    for topic, data in capture.items():
        if topic.endswith("/c/bundle"):
            assert fits("bundle", data)
            assert credential_fits(cbor.decode(data)["issuer"])
            continue
        assert message_fits(data), (topic, cose.parse(data).payload.hex())
        msg = cbor.decode(cose.parse(data).payload)
        if (what := (msg[1], type(msg[6]))) not in seen:
            seen.add(what)
            for damage in (*envelopes(data), *(sealed(each) for each in payloads(msg))):
                assert not message_fits(damage), (topic, damage.hex())
        if msg[1] == gl1.BIRTH:
            assert credential_fits(msg[6]["credential"])
        if msg[1] == gl1.KEY:
            assert wrapped_fits(cbor.decode(msg[6]))
        elif msg[1] == gl1.CRDT:
            assert credential_fits(msg[6][0])
        elif isinstance(msg[6], cbor.Tag):
            assert wrapped_fits(msg[6]) if msg[6].number == 96 else fits("sealed-headers", msg[6].value[0])
    assert {"bundle", "birth"} <= {topic.rpartition("/")[2] for topic in capture}
    assert {kind for kind, _ in seen} == set(RULES)
    assert {kind for kind, body in seen if body is cbor.Tag} == {4, 5, 6, 14}
    assert {(gl1.REVOCATION, list), (gl1.REVOCATION, dict)} <= seen
    plain = [cose.parse(data).payload for topic, data in capture.items() if not topic.endswith("/c/bundle")]
    assert not any(b"opened" in each or b"door/open" in each for each in plain)


def wrapped_fits(wrapped: cbor.Tag) -> bool:
    protected, _, _, [[how, _, _]] = wrapped.value
    layers = {"wrapped": cbor.encode(wrapped), "wrapped-headers": protected, "recipient-headers": how}
    return all(fits(rule, data) for rule, data in layers.items())


def test_a_handover_fits_and_another_does_not() -> None:
    packed = renew("hall", [NOBODY], last=0, now=NOW).packed()
    assert fits("handover", packed)
    group, number, key, members = cbor.decode(packed)
    for wrong in (
        ["", number, key, members],
        [group, 2**32, key, members],
        [group, number, key[1:], members],
        [group, number, key, [b"short"]],
        [group, number, key],
    ):
        assert not fits("handover", cbor.encode(wrong))


def sealed(payload: list[Any]) -> bytes:
    return cose.sign1(cbor.encode(payload), bytes(8), b"", lambda signed: bytes(64))


def envelopes(data: bytes) -> Iterator[bytes]:
    """The message in shapes that it must not have."""
    header, unprotected, payload, signature = cbor.decode(data).value
    for number, parts in (
        (17, [header, unprotected, payload, signature]),
        (18, [header, unprotected, payload]),
        (18, [header, unprotected, payload, signature, 0]),
        (18, [header, unprotected, None, signature]),
        (18, [header, unprotected, payload, signature[:-1]]),
        (18, [header, unprotected, payload, signature + b"\x00"]),
        (18, [cbor.encode({1: -8, 4: bytes(8)}), unprotected, payload, signature]),
        (18, [cbor.encode({1: -19, 4: bytes(7)}), unprotected, payload, signature]),
        (18, [cbor.encode({1: -19}), unprotected, payload, signature]),
        (18, [cbor.encode({4: bytes(8)}), unprotected, payload, signature]),
    ):
        yield cbor.encode(cbor.Tag(number, parts))
    yield cbor.encode(cbor.decode(data).value)


def payloads(msg: list[Any]) -> Iterator[list[Any]]:
    """The MSG with one field of another type or out of bounds, and its body without what it must have."""
    wrong: tuple[tuple[int, Any], ...] = (
        *((0, each) for each in (0, 2, None, "1")),
        *((1, each) for each in (99, -1, "event")),
        *((2, each) for each in (b"short", "" if isinstance(msg[6], cbor.Tag) else "group", False)),
        *((3, each) for each in (2**32, -1, 1.5, None)),
        *((4, each) for each in (-1, 1.5, None)),
        *((5, each) for each in (-1, 1.5, "now")),
        *((6, each) for each in (None, 7, "text")),
    )
    for at, value in wrong:
        yield [*msg[:at], value, *msg[at + 1 :]]
    yield msg[:-1]
    yield [*msg, 0]
    body = msg[6]
    if isinstance(body, dict):
        for name in REQUIRED & body.keys():
            yield [*msg[:6], {key: value for key, value in body.items() if key != name}]
            yield [*msg[:6], {**body, name: 1.5}]
    elif isinstance(body, cbor.Tag):
        yield [*msg[:6], cbor.Tag(98, body.value)]
        yield [*msg[:6], cbor.Tag(body.number, body.value[:-1])]
        yield [*msg[:6], cbor.Tag(body.number, ["text", *body.value[1:]])]
        yield [*msg[:6], cbor.Tag(body.number, [*body.value[:2], None, *body.value[3:]])]
    else:
        yield [*msg[:6], [["stream", "now", 1]]]
        yield [*msg[:6], [["stream", 1]]]


#: Names that a body must have wherever one of its kind has them.
REQUIRED = {"name", "nonce", "epoch", "credential", "class", "id", "ok", "stored", "key", "gateways"}


#: Kind -> the rules of what a leaf says, and of what its parent says.
LEAF_RULES = {
    way: {int(kind): rule for rule, kind in re.findall(rf"^({way}-[a-z]+) = msg<(\d+), ", CDDL, re.MULTILINE)}
    for way in ("up", "down")
}


def leaf_talk() -> list[tuple[str, bytes]]:
    """What a leaf and its parent say to each other, and who says it."""
    pair = Pair().join()
    pair.carry("leaf", pair.reading())
    pair.leaf.event("alert", "door", {"open": True})
    pair.pass_ms(1)
    pair.carry("parent", pair.ask("one", a=1, b=2))
    pair.carry("parent", pair.ask("two"))
    return [("up" if who == "leaf" else "down", data) for who, data in pair.said]


def test_what_a_leaf_and_its_parent_say_fits_and_damaged_it_does_not(tmp_path: Path) -> None:
    seen = set()
    for way, data in leaf_talk():
        header, _, payload, tag = cbor.decode(data).value
        msg = cbor.decode(payload)
        rule = LEAF_RULES[way][msg[1]]
        seen.add(rule)
        assert fits("LEAF", data)
        assert fits("leaf-headers", header)
        assert fits(rule, payload), payload.hex()
        other = "down" if way == "up" else "up"
        assert not any(fits(each, payload) for each in LEAF_RULES[other].values())
        for damaged in payloads(msg):
            assert not fits(rule, cbor.encode(damaged)), damaged
        assert not fits("LEAF", cbor.encode(cbor.Tag(17, [header, {}, payload, tag + b"\x00"])))
        assert not fits("LEAF", cbor.encode(cbor.Tag(18, [header, {}, payload, tag])))
    assert seen == {*LEAF_RULES["up"].values(), *LEAF_RULES["down"].values()}
    assert not fits("LEAF", Site(tmp_path).member("fridge").event().payload)
    whole = mac0.mac0(payload, bytes(8), b"", bytes(32), mac0.HMAC_256_256)
    assert not fits("LEAF", whole)
    for alg in (mac0.HMAC_256_256, 6, -19):
        assert not fits("leaf-headers", cbor.encode({1: alg, 4: bytes(8)}))


def test_what_a_board_says_that_is_a_full_member_fits(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.board.event("alert", "alert/door", {"open": True})
    world.join()
    world.board.readings([("soil", 41.5)])
    world.ask()
    world.ask("two", nonce=bytes(8))
    world.go(2000)
    said = [*world.said, (*world.board.will, 1, False)]
    assert all(message_fits(data) for _, data, _, _ in said)
    seen = {kind_of(data) for _, data, _, _ in said}
    assert seen == {gl1.ENROL, gl1.BIRTH, gl1.DEATH, gl1.EVENT, gl1.BATCH, gl1.REQUEST, gl1.REPLY}


CHANGES: list[Callable[[dict[Any, Any]], Any]] = [
    *(lambda claims, label=label: claims.pop(label) for label in (1, 2, 4, 5, 6, 7, 8, "name", "roles", "tags")),
    lambda claims: claims.update({1: b"mesh"}),
    lambda claims: claims.update({4: 1.5}),
    lambda claims: claims.update({6: -1}),
    lambda claims: claims.update({7: bytes(15)}),
    lambda claims: claims.update({8: {1: {1: 1, -1: 6, -2: bytes(31)}}}),
    lambda claims: claims.update({8: {1: {1: 2, -1: 6, -2: bytes(32)}}}),
    lambda claims: claims.update(roles="node"),
    lambda claims: claims.update(tags=[1]),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_credential_with_other_claims_does_not_fit(tmp_path: Path, change: Callable[[dict[Any, Any]], Any]) -> None:
    payload = cose.parse(Site(tmp_path).member("fridge").credential).payload
    assert fits("credential", payload)
    claims = cbor.decode(payload)
    change(claims)
    assert not fits("credential", cbor.encode(claims))


RULE = {"name": "r", "who": "*", "may": ["call"], "what": "x"}
DAMAGE: list[dict[str, Any]] = [
    *({key: value for key, value in RULE.items() if key != gone} for gone in RULE),
    {**RULE, "who": []},
    {**RULE, "may": 1.5},
    {**RULE, "what": ""},
    {**RULE, "at": 1.5},
    {**RULE, "until": -1},
    {**RULE, "deny": False},
    {**RULE, "params": {"a": None}},
    {**RULE, "params": {1: 1}},
]


@pytest.mark.parametrize("damage", DAMAGE, ids=str)
def test_a_policy_with_another_rule_does_not_fit(damage: dict[str, Any]) -> None:
    def body(*rules: Any) -> bytes:
        return cbor.encode({"policy": list(rules)})

    assert fits("config", body(*POLICY["rules"]))
    assert fits("config", body())
    assert not fits("config", cbor.encode({}))
    assert fits("config", body(RULE))
    assert not fits("config", body(RULE, damage))
