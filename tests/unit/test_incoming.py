# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.incoming: one message that fails costs no other, a full disk ends nobody, the policy judges groups."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ganglion.mesh import policy, state_folder
from ganglion.mesh.client import MeshClient
from ganglion.mesh.group import renew
from ganglion.mesh.member import Cause, Received, Sealed
from ganglion.mesh.signed_config import POLICIES
from ganglion.mesh.transport import Message, NoBroker
from ganglion_micro import gl1
from support.mesh import HOUR, NOW, Site
from support.waiting import until


class Hall:
    """A node without a broker, `lamp`, that is handed what comes; and `door`, which is in the group `hall` with it."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder / "site")
        self.state = folder / "lamp"
        mesh = self.site.authority.mesh_id
        self.lamp = MeshClient(
            transport=NoBroker(), state=self.state, name="lamp", mesh=mesh, clock=lambda: self.site.now
        )
        self.heard: list[Any] = []
        self.lamp.on_group = self.hear
        self.door = self.site.member("door")

    def hear(self, received: Received) -> None:
        if received.kind == gl1.EVENT and received.body["value"] == "poison":
            raise OSError(28, "No space left on device")
        self.heard.append(received.body["value"] if received.kind == gl1.EVENT else received.body)

    @property
    def bundle(self) -> Message:
        return Message(gl1.bundle_topic(self.site.authority.mesh_id), self.trust, retain=True)

    @property
    def trust(self) -> bytes:
        return self.site.authority.trust(now=NOW).data

    def meet(self) -> None:
        self.arrive(self.bundle)
        birth = self.door.birth()
        self.arrive(Message(birth.topic, birth.payload))
        ids = [self.lamp.identity.node_id, self.door.member.identity.node_id]
        handover = renew("hall", ids, last=0, now=NOW)
        self.lamp.member.groups.take(handover)
        self.door.member.groups.take(handover)

    def arrive(self, *messages: Message) -> None:
        self.lamp._incoming.messages(messages)

    def event(self, value: str) -> Message:
        body = {"class": "alert", "topic": "alert/door", "value": value}
        return message(self.door.member.seal(gl1.EVENT, body, now=NOW, name="alert", group="hall"))

    def frame(self, *readings: list[Any]) -> Message:
        return message(self.door.member.seal(gl1.BATCH, list(readings), now=NOW, group="hall"))

    def rule(self, version: int, *rules: dict[str, Any]) -> None:
        """A policy of the mesh's authority."""
        issuer, mesh = self.site.authority._issuer, self.site.authority.mesh_id
        made = policy.read({"rules": list(rules)})
        data = POLICIES.sign(issuer, gl1.from_base32(mesh), made, version=version, now=NOW)
        self.arrive(Message(gl1.config_topic(mesh, "policy"), data, retain=True))
        assert self.lamp.rights.policy.version == version

    @property
    def refused(self) -> int:
        return self.lamp.member.rejected[Cause.UNAUTHORISED]


def message(sealed: Sealed) -> Message:
    return Message(sealed.topic, sealed.payload)


@pytest.fixture
async def hall(tmp_path: Path) -> Hall:
    return Hall(tmp_path)


async def test_a_message_that_fails_costs_no_other_of_its_read(hall: Hall, caplog: pytest.LogCaptureFixture) -> None:
    hall.meet()
    hall.arrive(hall.event("one"), hall.event("poison"), hall.event("two"))
    assert hall.heard == ["one", "two"]
    assert hall.lamp.statistics().rejected == {Cause.FAILED: 1}
    assert "No space left" in caplog.text


async def test_a_gateway_that_says_anew_that_it_is_there_has_returned_and_one_that_repeats_itself_has_not(
    hall: Hall,
) -> None:
    returned: list[bool] = []
    hall.lamp._incoming._returned = lambda: returned.append(True)
    hall.arrive(hall.bundle)
    gateway = hall.site.member("gateway", role="gateway")
    before, first, second = (gateway.birth() for _ in range(3))
    hall.arrive(Message(before.topic, before.payload, retain=True), Message(first.topic, first.payload))
    assert len(returned) == 1
    hall.arrive(Message(first.topic, first.payload), Message(second.topic, second.payload, retain=True))
    assert len(returned) == 1


async def test_a_bundle_holds_though_the_disk_does_not_take_it(hall: Hall, caplog: pytest.LogCaptureFixture) -> None:
    place = hall.state / "bundle.cbor"
    place.mkdir()
    hall.meet()
    hall.arrive(hall.event("one"))
    assert hall.heard == ["one"]
    assert not hall.lamp.statistics().rejected
    assert f"bundle.cbor cannot be kept in {hall.state}" in caplog.text


async def test_a_credential_holds_though_the_disk_does_not_take_it_and_is_written_later(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall.meet()
    identity, authority = hall.lamp.identity, hall.site.authority

    def issue(now: int) -> bytes:
        return authority.issue(identity.public, name="lamp", roles=["node"], now=now, lifetime=24 * HOUR)

    mine = hall.lamp._membership
    assert mine is not None
    mine._accept(mine._own(issue(NOW)))
    place = hall.state / "credential.cwt"
    place.unlink()
    place.mkdir()
    hall.site.now = NOW + 20 * HOUR
    renewed: list[bytes] = []

    async def renew_it() -> bytes:
        renewed.append(issue(hall.site.now))
        return renewed[-1]

    monkeypatch.setattr(state_folder, "_RETRY", 0.01)
    joined = asyncio.Event()
    task = asyncio.create_task(
        mine.run(hall.lamp.member, publish=lambda sealed: None, renew=renew_it, joined=joined.set)
    )
    async with asyncio.timeout(60):
        await joined.wait()
    assert (hall.lamp.credential is not None and hall.lamp.credential.data) == renewed[-1]
    place.rmdir()
    await until(place.is_file, what="it is written")
    assert place.read_bytes() == renewed[-1]
    assert not task.done()
    task.cancel()


async def test_what_is_heard_in_a_group_is_judged_by_the_policy(hall: Hall) -> None:
    hall.meet()
    reading = ["door/open", NOW, True]
    hall.arrive(hall.event("before there is a policy"), hall.frame(reading))
    assert hall.heard == ["before there is a policy", [reading]]
    hall.heard.clear()
    speak = {"name": "speak", "who": ["role:node"], "may": ["say", "send"], "what": ["*"]}
    quiet = {"name": "quiet", "who": ["role:node"], "may": ["say"], "what": ["alert"], "deny": True}
    shut = {"name": "shut", "who": ["role:node"], "may": ["send"], "what": ["door/open"], "deny": True}
    hall.rule(1, speak, quiet, shut)
    hall.arrive(hall.event("denied"), hall.frame(reading, ["door/battery", NOW, 3.1]), hall.frame(reading))
    assert hall.heard == [[["door/battery", NOW, 3.1]]]
    assert hall.refused == 3
    hall.rule(2, speak)
    hall.arrive(hall.event("allowed"))
    assert hall.heard[1:] == ["allowed"]
    hall.rule(3)
    hall.arrive(hall.event("the policy is deleted"), hall.frame(reading))
    assert hall.heard[2:] == []
    assert hall.refused == 5
