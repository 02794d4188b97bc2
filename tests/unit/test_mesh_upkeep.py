# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a member: numbers it cannot store, what it hears after a rotation, lists from aside, a stop in a commit."""

import asyncio
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from ganglion.errors import UnreachableError
from ganglion.mesh import service
from ganglion.mesh.client import MeshClient
from ganglion.mesh.enrol import Enroller
from ganglion.mesh.identity import Identity
from ganglion.mesh.incoming import _are_keys
from ganglion.mesh.member import Cause
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.replication import Replication
from ganglion.mesh.revocation import sign
from ganglion.mesh.rights import Rights
from ganglion.mesh.service import GatewayRole, Service
from ganglion.mesh.state.file import StateFile
from ganglion.mesh.state.replica import Unsaved
from ganglion.mesh.subscriptions import Subscriptions
from ganglion.mesh.transport import Message, NoBroker
from ganglion.mesh.ways import Ways
from ganglion_micro import gl1
from support.mesh import NOW, Keys, Site, Store
from support.waiting import until


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize("key", [[1 << 63, 1], [1, 1 << 63], [1, (1 << 64) - 1], [-1, 1], [1], [1, True], "x"])
def test_an_acknowledgement_of_what_no_spool_can_hold_is_none(key: object) -> None:
    assert _are_keys([[0, 0], [(1 << 63) - 1, (1 << 63) - 1]])
    assert not _are_keys([[1, 1], key])


async def test_an_acknowledgement_with_a_number_too_large_ends_no_node(site: Site, tmp_path: Path) -> None:
    gateway, node = site.member("gateway", role="gateway"), site.member("fridge")
    key = Keys(site.authority).create()
    client = MeshClient(transport=NoBroker(), state=tmp_path / "n", name="n", enrol_key=key.text, clock=lambda: NOW)
    client.member.adopt(site.authority.trust(now=NOW))
    assert node.hears(gateway.birth())
    to = client.identity.node_id
    for body in ({"stored": [[1 << 63, 1]]}, {"stored": [], "refused": [[1, 1 << 63]]}):
        sealed = gateway.member.seal(gl1.REPLY, body, now=NOW, to=to)
        client._incoming.messages([Message(*gateway.birth()[:2]), Message(*sealed[:2])])
    assert client.statistics().rejected == {Cause.MALFORMED: 2}
    task = asyncio.create_task(client.run())
    await asyncio.wait_for(client.saved(), 10)
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_after_a_rotation_only_answers_are_heard_under_the_node_id_before(site: Site) -> None:
    member = site.member("fridge").member
    transport = MqttTransport("mqtt://127.0.0.1")
    subscriptions = Subscriptions(transport, member, follow=(), served=None)
    subscriptions.begin(None)
    inbox = {"r", "q", "sync", "credential", "key", "death"}

    def heard() -> dict[str, set[str]]:
        parts: dict[str, set[str]] = {}
        for topic in transport._filters:
            if (levels := topic.split("/"))[2] == "n" and levels[3] != "+":
                parts.setdefault(levels[3], set()).add(levels[4])
        return parts

    first = member.identity.node_id
    assert heard() == {first: inbox}
    subscriptions.own()
    assert heard() == {first: inbox}
    member.become(Identity.create(), 2)
    subscriptions.own()
    second = member.identity.node_id
    assert heard() == {first: {"r"}, second: inbox}
    member.become(Identity.create(), 3)
    subscriptions.own()
    assert heard() == {second: {"r"}, member.identity.node_id: inbox}


async def test_a_list_that_comes_with_the_credential_is_told_to_who_goes_by_it(site: Site, tmp_path: Path) -> None:
    gateway, keys = site.member("gateway", role="gateway"), Keys(site.authority)
    key = keys.create()
    client = MeshClient(transport=NoBroker(), state=tmp_path / "n", name="n", enrol_key=key.text, clock=lambda: NOW)
    told: list[int] = []
    client._incoming._relisted = lambda: told.append(client.statistics().revocations)
    birth = gateway.birth()
    client._incoming.messages([Message(site.authority.bundle_topic, site.authority.bundle(now=NOW), retain=True)])
    client._incoming.messages([Message(birth.topic, birth.payload)])
    membership = client._membership
    assert membership is not None
    assert membership.trust is not None
    asked = client.member.seal(gl1.ENROL, membership._applicant.ask(membership.trust), now=NOW)
    received = gateway.hears(asked)
    assert received is not None
    answer = await Enroller(site.authority, keys).answer(received, NOW)
    assert answer is not None
    listed = site.authority.revoke("a" * 26, now=NOW)
    given = gateway.member.seal(gl1.CREDENTIAL, {**answer, "revoked": listed.data}, now=NOW, to=received.node_id)
    client._incoming.messages([Message(given.topic, given.payload)])
    assert client.credential is not None
    assert told == [listed.version]


async def test_a_gateway_that_looks_again_tells_of_a_newer_list_and_says_one_that_it_has_united(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_LOOK", 0.01)
    gateway, store = site.member("gateway", role="gateway"), Store()
    told: list[str] = []
    desk = Service(
        GatewayRole(
            authority=site.authority,
            keys=Keys(site.authority),
            on_events=store.take,
            on_frames=store.frames.extend,
            on_birth=store.births.append,
            on_death=store.deaths.append,
        ),
        identity=gateway.member.identity,
        name="gateway",
        member=gateway.member,
        rights=Rights(lambda: None, clock=lambda: site.now),
        clock=lambda: site.now,
        publish=lambda sealed, qos: None,
        relisted=lambda: told.append("relisted"),
        spread=lambda: told.append("spread"),
    )
    task = asyncio.create_task(desk._keep_valid(lambda: None))
    known = site.authority.revoke("a" * 26, now=site.now)
    await until(lambda: told == ["relisted"])
    task.cancel()
    assert gateway.member.standing.revocations is known
    other = {gl1.kid_of("e" * 26): (NOW, NOW)}
    issuer = Identity.load(site.folder / "authority" / "issuer")
    heard = sign(issuer, site.authority.mesh, version=known.version + 1, now=site.now, until=other)
    desk.take_revocations(heard)
    assert told == ["relisted", "spread"]
    both = gateway.member.standing.revocations
    assert both is not None
    assert (both.version, both.until.keys()) == (known.version + 2, known.until.keys() | other.keys())
    desk.take_revocations(both.data)
    assert told == ["relisted", "spread"]


@pytest.mark.parametrize("full", [False, True])
async def test_who_writes_hears_what_became_of_it_though_the_member_stops_in_the_commit(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    entered, go = threading.Event(), threading.Event()
    commit = StateFile.commit

    def slow(self: StateFile, unsaved: Unsaved, *rest: object) -> None:
        if unsaved.entries:
            entered.set()
            assert go.wait(10)
            if full:
                raise sqlite3.OperationalError("database or disk is full")
        commit(self, unsaved, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(StateFile, "commit", slow)
    one = site.member("gateway", role="gateway")
    credential = site.authority.trust(now=NOW).verify(one.credential)
    state = Replication(
        one.member,
        tmp_path / "state.db",
        ways=Ways(one.member, NoBroker()),
        credential=lambda: credential,
        ready=lambda: False,
        clock=lambda: NOW,
    )
    running = asyncio.create_task(state.run())
    written = asyncio.create_task(state.write(lambda replica, now: replica.set("shared/x", 1, now=now)))
    await until(entered.is_set)
    running.cancel()
    await asyncio.sleep(0)
    go.set()
    with suppress(asyncio.CancelledError):
        await running
    done, _ = await asyncio.wait([written], timeout=10)
    assert done, "the writer waits for ever"
    assert (written.exception() is not None) is full
    with pytest.raises(UnreachableError):
        await state.write(lambda replica, now: replica.set("shared/x", 2, now=now))
