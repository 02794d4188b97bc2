# SPDX-License-Identifier: GPL-3.0-or-later
"""/ws at a real gateway over real sockets: who is let in, what comes, what is refused, and many at a time."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import cbor2
import psutil
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from ganglion_gateway.api import socket as socket_module
from support.followed import Socket, ask, followed, read
from support.gateway import here
from support.waiting import until

#: Clients of the test of many; GANGLION_CLIENTS=1000 takes half a minute.
MANY = int(os.environ.get("GANGLION_CLIENTS", "100"))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Socket]:
    async with here(tmp_path / "state") as inner, followed(inner) as socket:
        yield socket


@pytest.mark.parametrize("cbor", [False, True], ids=["JSON", "CBOR"])
async def test_what_is_said_is_told_to_those_who_follow_it(site: Socket, cbor: bool) -> None:
    async with site.follow("presence/+", "events/fridge/#", cbor=cbor) as client:
        site.live.tell("events", "hall", "alert", data={"value": 1})
        site.live.tell("events", "fridge", "alert", data={"value": 2})
        site.live.tell("presence", "hall", data={"online": False})
        first, second = await read(client), await read(client)
    assert (first["channel"], first["data"]) == ("events/fridge/alert", {"value": 2})
    assert (second["channel"], second["data"]) == ("presence/hall", {"online": False})


async def test_frames_are_compressed(site: Socket) -> None:
    async with site.follow("logs/#") as client:
        assert [type(each).__name__ for each in client.protocol.extensions] == ["PerMessageDeflate"]


async def test_after_a_break_nothing_is_missed(site: Socket) -> None:
    async with site.follow("events/#") as client:
        site.live.tell("events", "a", "x", data={"n": 0})
        token = (await read(client))["token"]
    for n in range(1, 200):
        site.live.tell("events", "a", "x", data={"n": n})
    async with site.follow("events/#", after=token) as client:
        assert [(await read(client))["data"]["n"] for _ in range(1, 200)] == list(range(1, 200))


async def test_a_node_that_comes_and_goes_is_told(site: Socket) -> None:
    fleet = site.here.services.fleet
    row = {"id": "n" * 26, "name": "hall", "board": "", "sw": "", "epoch": 1, "caps": {}, "tags": []}
    row |= {"credential_expires": 0, "online": False, "first_seen": 1, "last_seen": 1, "died": None}
    async with site.follow("presence/hall") as client:
        fleet.born(row, present=True, now=5)
        fleet.died("n" * 26, 6)
        assert [(await read(client))["data"]["online"] for _ in range(2)] == [True, False]


async def test_a_stranger_is_not_let_in_and_scopes_hold(site: Socket, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with site.connect(token="gt_wrong"):
            raise AssertionError("let in")
    assert refused.value.response.status_code == 401
    assert not [each for each in caplog.records if each.levelname == "ERROR"], "that a stranger came is no fault"
    made = await site.here.post("/api-keys", {"name": "m", "scopes": ["metrics"]})
    async with site.follow(token=made["token"]) as client:
        answer = await ask(client, {"type": "subscribe", "channels": ["events/#"], "id": "q"})
        assert answer["type"] == "error"
        assert "read" in answer["detail"]
        site.live.ring.say("events/a/x", 1, 0)
        await site.here.post(f"/api-keys/{made['id']}/revoke", {})
        site.live.tell("events", "a", "x", data={})
        async with asyncio.timeout(60):
            await client.wait_closed()
        assert client.close_code == 4401


@pytest.mark.parametrize("said", ["", "{", "[]", b"\xff", b"\x81", '{"type":"x"}', "[" * 5000])
async def test_nonsense_is_answered_and_the_connection_stays(site: Socket, said: str | bytes) -> None:
    async with site.follow() as client:
        await client.send(said)
        assert (await read(client))["type"] == "error"
        assert (await ask(client, {"type": "ping"}))["type"] == "pong"


@pytest.mark.parametrize(
    "said",
    [
        r'{"type":"ping","id":"\ud800"}',
        r'{"type":"subscribe","channels":["events/\ud800"]}',
        cbor2.dumps({"type": "ping", "id": 10**5000}),
        bytes.fromhex("d82301"),  # a pattern that is a number
        bytes.fromhex("a1a000"),  # a map as the key of one
        bytes.fromhex("c4821b0de0b6b3a76400001b0de0b6b3a7640000"),  # a decimal beyond all
    ],
)
async def test_what_cannot_be_said_back_is_answered_too(site: Socket, said: str | bytes) -> None:
    async with site.follow() as client:
        await client.send(said)
        assert (await read(client))["type"] == "error"
        assert (await ask(client, {"type": "ping", "id": 2**40}))["id"] == 2**40


async def test_who_says_too_much_is_shown_the_door(site: Socket) -> None:
    async with site.follow() as client:
        await client.send("x" * (socket_module.MAX_SAID + 1))
        async with asyncio.timeout(60):
            await client.wait_closed()
        assert client.close_code == 1009
    async with site.follow() as client:
        for _ in range(200):
            try:
                await client.send('{"type":"ping"}')
            except websockets.ConnectionClosed:
                break
        async with asyncio.timeout(60):
            await client.wait_closed()
        assert client.close_code == 1008
        assert "messages a second" in (client.close_reason or "")


async def test_a_client_that_is_too_slow_is_told_so_and_goes_on_with_what_is_left(
    site: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.live.ring, "_most", 50)
    gate = asyncio.Event()
    send = socket_module._Connection._send

    async def slowly(self: Any, message: Any) -> None:
        await gate.wait()
        await send(self, message)

    monkeypatch.setattr(socket_module._Connection, "_send", slowly)
    async with site.follow("events/#") as client:
        site.live.tell("events", "a", "x", data={"n": -1})
        await asyncio.sleep(0.2)  # it is being told the first, and no further
        for n in range(200):
            site.live.tell("events", "a", "x", data={"n": n})
        gate.set()
        token = (await read(client))["token"]
        async with asyncio.timeout(60):
            await client.wait_closed()
        assert client.close_code == 1013
        assert "too slow" in (client.close_reason or "")
    async with site.connect() as client:
        await read(client)
        answer = await ask(client, {"type": "subscribe", "channels": ["events/#"], "after": token})
        assert answer["missed"] is True
        assert (await read(client))["data"]["n"] == 150


async def test_many_clients_have_all_of_it_and_leave_nothing_behind(site: Socket) -> None:
    process = psutil.Process()

    async def crowd() -> int:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(site.follow("events/#")) for _ in range(MANY)]
            for n in range(20):
                site.live.tell("events", "a", "x", data={"n": n, "text": "x" * 200})

            async def all_of_it(client: ClientConnection) -> list[int]:
                had: list[int] = []
                while len(had) < 20:
                    frame = await read(client)
                    had += [frame["data"]["n"]] if frame["type"] == "message" else []  # or where it is, after a while
                return had

            for had in await asyncio.gather(*map(all_of_it, clients)):
                assert had == list(range(20))
            return process.memory_info().rss

    await crowd()
    first = await crowd()
    second = await crowd()
    await until(lambda: site.live.ring._followers == 0, what="all are gone")
    assert second - first < 16 * 1024 * 1024
