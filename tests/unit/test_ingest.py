# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.ingest on members without a broker: the gateway's end of delivery, in batches, acknowledged and bounded."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from ganglion.mesh import ingest, policy
from ganglion.mesh.identity import Identity
from ganglion.mesh.ingest import Ingest
from ganglion.mesh.member import Received, Sealed
from ganglion.mesh.rights import Rights
from ganglion.mesh.screening import Screening
from ganglion_gateway.mesh import _stored
from ganglion_micro import gl1
from support.mesh import NOW, Site, Store
from support.waiting import until


class Intake:
    """An ingest with a store, fed by a node."""

    def __init__(self, folder: Path) -> None:
        site = Site(folder)
        self.node, self.gateway = site.member("fridge"), site.member("gateway", role="gateway")
        assert self.gateway.hears(self.node.birth())
        assert self.node.hears(self.gateway.birth())
        self.store = Store()
        self.wire: list[Sealed] = []
        self.ingest = Ingest(self.gateway.member, store=self.store.take, publish=self.wire.append, clock=lambda: NOW)

    def event(self, value: Any) -> Received:
        received = self.gateway.hears(self.node.event(value))
        assert received is not None
        return received

    def acknowledged(self) -> list[list[int]]:
        """The keys that the node hears of, in order."""
        heard = [self.node.hears(sealed) for sealed in self.wire]
        return [key for one in heard if one is not None for key in one.body["stored"]]


async def test_events_that_come_together_are_one_batch_and_one_acknowledgement(tmp_path: Path) -> None:
    intake = Intake(tmp_path)
    events = [intake.event(i) for i in range(100)]
    for event in events:
        intake.ingest.take(event)
    task = asyncio.create_task(intake.ingest.run())
    await until(lambda: intake.wire)
    assert (intake.store.batches, len(intake.wire), intake.ingest.stored) == ([100], 1, 100)
    assert intake.acknowledged() == [[event.epoch, event.seq] for event in events]
    task.cancel()


async def test_a_copy_of_a_stored_event_is_acknowledged_without_the_store(tmp_path: Path) -> None:
    intake = Intake(tmp_path)
    event = intake.event(1)
    task = asyncio.create_task(intake.ingest.run())
    intake.ingest.take(event)
    await until(lambda: len(intake.wire) == 1)
    intake.ingest.take(event)
    intake.ingest.take(event)
    await until(lambda: len(intake.wire) == 2)
    assert intake.store.batches == [1]
    task.cancel()


async def test_more_events_than_may_wait_are_left_to_be_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "WAITING", 3)
    intake = Intake(tmp_path)
    events = [intake.event(i) for i in range(5)]
    for event in events:
        intake.ingest.take(event)
    assert intake.ingest.refused == 2
    task = asyncio.create_task(intake.ingest.run())
    await until(lambda: intake.ingest.stored == 3)
    for event in events[3:]:
        intake.ingest.take(event)
    await until(lambda: intake.ingest.stored == 5)
    assert intake.store.values == [0, 1, 2, 3, 4]
    task.cancel()


async def test_what_is_known_to_be_stored_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "_STORED", 10)
    intake = Intake(tmp_path)
    for i in range(30):
        intake.ingest.take(intake.event(i))
    task = asyncio.create_task(intake.ingest.run())
    await until(lambda: intake.ingest.stored == 30)
    assert len(intake.ingest._known) == 10
    task.cancel()


async def test_what_was_signed_before_a_rotation_is_acknowledged_and_refused_under_the_key_of_now(
    tmp_path: Path,
) -> None:
    """Neighbours know no way to the node id of before."""
    intake = Intake(tmp_path)
    node, gateway, site = intake.node, intake.gateway, intake.node.site
    early, late, unsaid = intake.event(1), intake.event(2), intake.event(3)
    task = asyncio.create_task(intake.ingest.run())
    intake.ingest.take(early)
    await until(lambda: len(intake.wire) == 1)
    identity, former = Identity.create(), node.member.identity.node_id
    node.credential = site.authority.issue(identity.public, name="fridge", roles=["node"], now=NOW, former=former)
    node.member.become(identity, 2)
    assert gateway.hears(node.birth())
    intake.ingest.take(early)
    await until(lambda: len(intake.wire) == 2)
    intake.ingest.take(late)
    await until(lambda: len(intake.wire) == 3)
    rights = Rights(lambda: None, clock=lambda: NOW)
    silent = {"name": "silent", "who": "*", "may": "say", "what": "*", "deny": True}
    rights.policy = policy.read({"version": 1, "rules": [silent]})
    screening = Screening(gateway.member, rights, publish=intake.wire.append)
    assert not screening.takes(unsaid)
    screening.answer(NOW)
    assert [sealed.to for sealed in intake.wire] == [gl1.kid_of(former), *[identity.kid] * 3]
    heard = [node.hears(sealed) for sealed in intake.wire]
    bodies = [one.body for one in heard if one is not None]
    assert [body["stored"] for body in bodies] == [[[1, early.seq]], [[1, early.seq]], [[1, late.seq]], []]
    assert bodies[3]["refused"] == [[1, unsaid.seq]]
    task.cancel()


async def test_a_database_that_is_away_is_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    intake = Intake(tmp_path)

    class Away:
        async def events(self, received: list[Received]) -> None:
            raise OperationalError("INSERT INTO events", {}, Exception("server closed\nKey (value)=(secret)"))

    away: Any = Away()
    intake.ingest = Ingest(
        intake.gateway.member, store=partial(_stored, away), publish=intake.wire.append, clock=lambda: NOW
    )
    intake.ingest.take(intake.event(1))
    task = asyncio.create_task(intake.ingest.run())
    await until(lambda: intake.ingest.failed)
    task.cancel()
    [record] = caplog.records
    assert record.exc_info is None
    assert record.getMessage().endswith("their nodes send them again: the database: server closed")
