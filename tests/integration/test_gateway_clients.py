# SPDX-License-Identifier: GPL-3.0-or-later
"""Both clients of `ganglion_gateway.client` at a real gateway: they have the same answers, and channels go on."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from ganglion.client import documents
from ganglion.errors import NotFoundError, RefusedError, UnreachableError, UsageError
from ganglion_gateway.client import (
    AsyncGatewayClient,
    Call,
    GatewayClient,
    access,
    auth,
    enrolment,
    events,
    fleet,
    mesh,
)
from support.gateway import Process, process, start


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Process]:
    async with process(tmp_path / "state") as started:
        yield started


async def both(gateway: Process, call: Call[Any]) -> Any:
    """The answer to a question that changes nothing, which must be the same of both."""
    waited = await asyncio.to_thread(GatewayClient(gateway.url, gateway.token).ask, call)
    async with AsyncGatewayClient(gateway.url, gateway.token) as client:
        assert await client.ask(call) == waited
    return waited


async def test_both_have_the_same_answers_in_the_types_that_are_said(gateway: Process) -> None:
    async with AsyncGatewayClient(gateway.url, gateway.token) as client:
        made: Any = await client.ask(access.post_users(name="olena", role="operator"))
        key: Any = await client.ask(enrolment.post_enrol_keys(uses=3, ttl="1h").once("k1"))
        assert await client.ask(enrolment.post_enrol_keys(uses=3, ttl="1h").once("k1")) == key
        program: Any = await client.ask(access.post_api_keys(name="screen", scopes=["read"]))
        login: Any = await client.ask(auth.post_auth_login(name="olena", password=made["password"]))
    users: Any = await both(gateway, access.get_users())
    keys: Any = await both(gateway, access.get_api_keys())
    enrol_keys: Any = await both(gateway, enrolment.get_enrol_keys())
    me: Any = await both(gateway, auth.get_auth_me())
    entries: Any = await both(gateway, Call("GET", "/api/v1/audit"))
    for document, kind in (
        (made, documents.NewUser),
        (key, documents.NewEnrolKey),
        (program, documents.NewApiKey),
        (login, documents.Granted),
        (users, documents.Users),
        (users["users"][0], documents.User),
        (keys["api_keys"][0], documents.ApiKey),
        (enrol_keys["enrol_keys"][0], documents.EnrolKey),
        (me, documents.Me),
        (entries["entries"][0], documents.Entry),
        (await both(gateway, fleet.get_nodes()), documents.Nodes),
        (await both(gateway, fleet.get_members()), documents.Members),
        (await both(gateway, events.get_events()), documents.Events),
        (await both(gateway, enrolment.get_pending()), documents.Pending),
    ):
        assert set(document) == set(get_type_hints(kind)), kind


async def test_both_have_the_same_errors(gateway: Process) -> None:
    wrong = "gt_wrong"
    for call, error in ((fleet.get_nodes_node("attic"), NotFoundError), (events.get_traces_last(), NotFoundError)):
        with pytest.raises(error) as first:
            await asyncio.to_thread(GatewayClient(gateway.url, gateway.token).ask, call)
        async with AsyncGatewayClient(gateway.url, gateway.token) as client:
            with pytest.raises(error) as second:
                await client.ask(call)
        assert str(first.value) == str(second.value)
    async with AsyncGatewayClient(gateway.url, wrong) as client:
        with pytest.raises(RefusedError, match="does not know the token"):
            await client.ask(fleet.get_nodes())
        with pytest.raises(RefusedError, match="does not know the token"):
            await anext(client.channels("events/#"))
    async with AsyncGatewayClient("http://127.0.0.1:1", wrong) as client:
        with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1"):
            await client.ask(fleet.get_nodes())
    with pytest.raises(UsageError):
        AsyncGatewayClient("ftp://x", "")


async def test_lists_and_streams_are_followed_to_their_end(gateway: Process) -> None:
    async with AsyncGatewayClient(gateway.url, gateway.token) as client:
        for i in range(5):
            await client.ask(access.post_users(name=f"u{i}"))
        found = [user["name"] async for user in client.pages(access.get_users(limit=2), "users")]
        assert [line async for line in client.follow(mesh.get_kv_watch(seconds=0.2))] == []
        with pytest.raises(NotFoundError):
            await client.told(fleet.post_nodes_node_commands("attic", method="ping"), lambda _: None)
    waiting = GatewayClient(gateway.url, gateway.token)
    assert found == ["admin", "u0", "u1", "u2", "u3", "u4"]
    assert await asyncio.to_thread(lambda: [one["name"] for one in waiting.pages(access.get_users(), "users")]) == found
    whole = await asyncio.to_thread(waiting.whole, access.get_users(limit=2), "users")
    assert [one["name"] for one in whole["users"]] == found
    assert whole["next"] is None


async def test_a_loop_over_channels_may_be_left(gateway: Process) -> None:
    """In an interpreter of its own: what is left behind is said as that ends."""
    program = """
import asyncio, sys
from ganglion_gateway.client import AsyncGatewayClient

async def main():
    async with AsyncGatewayClient(sys.argv[1], sys.argv[2]) as gateway:
        for name in ("first", "second"):
            async for message in gateway.channels("presence/+", "events/#", after="0.0"):
                print(name, message["type"])
                break
        await asyncio.sleep(0.2)
        print(len(asyncio.all_tasks()), "tasks")
        following = aiter(gateway.channels("presence/+", after="0.0"))
        await anext(following)

asyncio.run(main())
"""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "default", "-c", program, gateway.url, gateway.token, stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(60):
        out, err = await child.communicate()
    assert out.decode().splitlines() == ["first missed", "second missed", "1 tasks"]
    assert err.decode() == ""
    assert child.returncode == 0


async def test_channels_go_on_after_the_gateway_was_away(tmp_path: Path) -> None:
    first = await start(tmp_path / "state", "mqtt://127.0.0.1:1")
    port = first.url.rpartition(":")[2]
    try:
        async with AsyncGatewayClient(first.url, first.token) as client:
            stream = client.channels("presence/+")
            waiting = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0.5)  # it has subscribed by then, or does so at the second gateway
            await first.end()
            second = await start(tmp_path / "state", "mqtt://127.0.0.1:1", "--port", port)
            try:
                async with asyncio.timeout(60):
                    message = await waiting
                assert message == {"type": "missed"}  # a restart forgets what was said, and the client is told so
            finally:
                waiting.cancel()
                await stream.aclose()
                await second.end()
    finally:
        await first.end()
