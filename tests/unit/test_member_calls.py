# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.calls and mesh.ingest on members without a broker: what is answered again, refused, bounded."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ganglion.errors import UnreachableError
from ganglion.mesh import calls, ingest
from ganglion.mesh.calls import Calls
from ganglion.mesh.ingest import Ingest
from ganglion.mesh.member import Cause, Peer, Received, Sealed
from ganglion.units import SECOND
from ganglion_micro import gl1
from support.mesh import NOW, Site, Store
from support.waiting import until


class Pair:
    """A node that serves and a gateway that asks; `wire` is what the node said."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        self.node = self.site.member("fridge")
        self.gateway = self.site.member("gateway", role="gateway")
        assert self.node.hears(self.gateway.birth())
        assert self.gateway.hears(self.node.birth())
        self.wire: list[Sealed] = []
        self.calls = Calls(self.node.member, publish=self.wire.append, clock=lambda: self.site.now, roles=["gateway"])
        self.served: list[dict[str, Any]] = []
        self.calls.on_request("led", self._led)

    async def _led(self, params: dict[str, Any], peer: Peer) -> Any:
        self.served.append(params)
        return len(self.served)

    def ask(self, **changes: Any) -> None:
        """The gateway's request arrives at the node."""
        body = {
            "id": "r1",
            "method": "led",
            "params": {},
            "nonce": self.node.member.nonce,
            "deadline": NOW + 9 * SECOND,
        }
        to = self.node.member.identity.node_id
        received = self.node.hears(self.gateway.member.seal(gl1.REQUEST, body | changes, now=self.site.now, to=to))
        assert received is not None
        self.calls.take_request(received)

    def replies(self) -> list[dict[str, Any]]:
        """What the gateway hears of the node's answers."""
        heard = [self.gateway.hears(sealed) for sealed in self.wire]
        self.wire.clear()
        return [one.body for one in heard if one is not None]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


async def test_the_answer_is_kept_for_a_request_that_comes_again(pair: Pair) -> None:
    pair.ask()
    await until(lambda: pair.wire)
    for _ in range(3):
        pair.ask()
    assert pair.replies() == [{"id": "r1", "ok": True, "result": 1}] * 4
    assert len(pair.served) == 1


async def test_after_five_minutes_it_is_another_request(pair: Pair) -> None:
    pair.ask()
    await until(lambda: pair.wire)
    pair.site.now += calls.KEPT + 1
    pair.ask(deadline=pair.site.now + SECOND)
    await until(lambda: len(pair.served) == 2)


async def test_the_same_id_of_two_members_is_two_requests(pair: Pair) -> None:
    pair.ask()
    await until(lambda: pair.wire)
    pair.gateway = pair.site.member("second", role="gateway")
    assert pair.node.hears(pair.gateway.birth())
    assert pair.gateway.hears(pair.node.birth())
    pair.ask()
    await until(lambda: len(pair.served) == 2)


@pytest.mark.parametrize(
    "changes", [{"method": 1}, {"params": []}, {"deadline": None}, {"deadline": True}, {"id": "x" * 65}], ids=str
)
async def test_a_request_without_what_it_needs_is_dropped_and_counted(pair: Pair, changes: dict[str, Any]) -> None:
    pair.ask(**changes)
    assert pair.node.member.rejected == {Cause.MALFORMED: 1}
    assert not pair.wire


async def test_a_request_whose_time_is_over_is_not_begun(pair: Pair) -> None:
    pair.ask(deadline=NOW)
    await until(lambda: pair.wire)
    assert pair.replies()[0]["error"]["code"] == "unreachable"
    assert not pair.served


async def test_more_requests_than_can_be_served_are_told_to_come_later(pair: Pair) -> None:
    go = asyncio.Event()

    async def wait(params: dict[str, Any], peer: Peer) -> Any:
        await go.wait()

    pair.calls.on_request("wait", wait)
    for i in range(calls._SERVED + 1):
        pair.ask(id=f"r{i}", method="wait")
    assert [reply["error"]["code"] for reply in pair.replies()] == ["busy"]
    go.set()
    await until(lambda: len(pair.wire) == calls._SERVED)


async def test_answers_are_kept_within_a_bound(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_ANSWERS", 10)
    for i in range(30):
        pair.ask(id=f"r{i}")
        await until(lambda: pair.wire)
        pair.wire.clear()
    assert len(pair.calls._answers) == 10


async def test_what_is_being_served_ends_with_the_member(pair: Pair) -> None:
    ended = asyncio.Event()

    async def forever(params: dict[str, Any], peer: Peer) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    pair.calls.on_request("forever", forever)
    pair.ask(method="forever")
    await asyncio.sleep(0)
    await pair.calls.aclose()
    assert ended.is_set()


async def test_an_answer_of_somebody_else_wakes_nobody(pair: Pair) -> None:
    asks = Calls(pair.gateway.member, publish=pair.wire.append, clock=lambda: NOW, roles=None)
    peer = pair.gateway.member.find("fridge")
    thief = pair.site.member("thief")
    assert pair.gateway.hears(thief.birth())
    task = asyncio.create_task(asks.request(lambda: peer, "fridge", "led", {}, 0.2))
    await until(lambda: pair.wire)
    received = pair.node.hears(pair.wire[0])
    assert received is not None
    answer = {"id": received.body["id"], "ok": True, "result": "thief"}
    to = pair.gateway.member.identity.node_id
    heard = pair.gateway.hears(thief.member.seal(gl1.REPLY, answer, now=NOW, to=to))
    assert heard is not None
    asks.take_reply(heard)
    with pytest.raises(UnreachableError, match="no answer"):
        await task


# The gateway's end of delivery


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
