# SPDX-License-Identifier: GPL-3.0-or-later
"""From the outbox to a real receiver over real connections: in order, at least once, each event under one id."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from ganglion.units import MILLISECOND
from ganglion_gateway.leases import Leases
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.rows import Batch
from ganglion_gateway.store import events, webhooks
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.tables import outbox
from ganglion_gateway.store.url import DatabaseUrl
from ganglion_gateway.webhook.courier import DELIVERS, Courier
from ganglion_gateway.webhook.schedule import Policy
from ganglion_gateway.webhook.signature import new_secret
from support.receiver import Answer, Receiver, receiver
from support.waiting import until

NODE = "n" * 26
FAST = Policy(first=5 * MILLISECOND, longest=20 * MILLISECOND, rest=5 * MILLISECOND, attempts=4, breaker=100)

#: Of the row of the endpoint, what says whether it is delivered to.
ENDPOINT = {"id": "wh_1", "enabled": True, "paused": False, "url": "http://127.0.0.1/", "secret": new_secret()}
ENDPOINT |= {"former_secret": None}


class Post:
    """A database with one endpoint, and the courier that serves it."""

    def __init__(self, database: Database, url: str, secret: str, *, allow_private: bool = True) -> None:
        self.database = database
        self._row = {
            "id": "wh_1",
            "name": "test",
            "url": url,
            "secret": secret,
            "classes": ["alert"],
            "allow_http": True,
            "allow_private": allow_private,
            "enabled": True,
            "created": 1,
        }

    async def add(self) -> None:
        await self.database.write(lambda connection: webhooks.save(connection, self._row))

    @asynccontextmanager
    async def courier(self, policy: Policy = FAST) -> AsyncIterator[Courier]:
        async with Leases.open_(self.database) as leases:
            courier = Courier(
                self.database,
                leases,
                mesh="m",
                metrics=Metrics(),
                clock=time.time_ns,
                agent="ganglion-test",
                policy=policy,
            )
            task = asyncio.create_task(leases.lead(f"{DELIVERS}{leases.holder}", courier.run))
            try:
                yield courier
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def event(self, *seqs: int) -> None:
        now = time.time_ns()
        rows = [
            {
                "id": f"{NODE}-1-{seq}",
                "node": NODE,
                "cls": "alert",
                "epoch": 1,
                "seq": seq,
                "topic": "alert/fridge",
                "value": seq,
                "source": "fridge",
                "run": "r1",
                "timestamp": now,
                "sealed": now,
                "received": now,
                "stored": now,
            }
            for seq in seqs
        ]
        batch = Batch(events=rows, episodes=[], refused=0, relays=[])
        await self.database.write(lambda connection: events.save(connection, batch, now))

    async def states(self) -> list[tuple[str, int]]:
        rows = await webhooks.history(self.database, "wh_1", state=None, before=None, limit=1000)
        return [(row["state"], row["attempts"]) for row in reversed(rows)]

    async def settled(self, count: int) -> None:
        """Returns when so many messages are no longer pending."""
        done: list[str] = []

        async def look() -> None:
            while len(done) < count:
                done[:] = [state for state, _ in await self.states() if state != webhooks.PENDING]

        await asyncio.wait_for(look(), 60)


def ids(*seqs: int) -> list[str]:
    return [f"{NODE}-1-{seq}" for seq in seqs]


@pytest.fixture
async def database(store_url: DatabaseUrl) -> AsyncIterator[Database]:
    async with Database.open_(store_url) as opened:
        yield opened


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiver(new_secret()) as listening:
        yield listening


@pytest.fixture
async def post(database: Database, hook: Receiver) -> Post:
    made = Post(database, hook.url, hook.secret)
    await made.add()
    return made


async def test_events_are_delivered_signed_and_in_order(post: Post, hook: Receiver) -> None:
    await post.event(*range(50))
    async with post.courier() as courier:
        await until(lambda: len(hook.taken) == 50, what="fifty events taken")
        await post.event(50)
        courier.wake()
        await until(lambda: len(hook.taken) == 51, what="one more taken")
        await post.settled(51)
    assert hook.taken == ids(*range(51))
    assert hook.forged == 0
    assert len({attempt.message for attempt in hook.attempts}) == 51
    assert hook.attempts[0].headers["content-type"].startswith("application/cloudevents+json")


async def test_what_fails_is_tried_again_before_what_is_behind_it_and_under_the_same_id(
    post: Post, hook: Receiver
) -> None:
    hook.answers.extend([Answer(500), Answer(302, (("Location", "http://127.0.0.1:1/"),)), Answer(204)])
    await post.event(1, 2)
    async with post.courier():
        await post.settled(2)
    assert [attempt.event["id"] for attempt in hook.attempts] == ids(1, 1, 1, 2)
    assert len({attempt.message for attempt in hook.attempts[:3]}) == 1
    assert await post.states() == [("delivered", 3), ("delivered", 1)]


async def test_a_message_that_nobody_takes_is_dead_and_the_next_one_goes(post: Post, hook: Receiver) -> None:
    hook.answers.extend([Answer(410)] * 4)
    await post.event(1, 2)
    async with post.courier():
        await post.settled(2)
    assert await post.states() == [("dead", 4), ("delivered", 1)]


async def test_retry_after_is_kept(post: Post, hook: Receiver) -> None:
    hook.answers.append(Answer(429, (("Retry-After", "1"),)))
    await post.event(1)
    patient = Policy(first=MILLISECOND, rest=MILLISECOND)
    began = time.monotonic()
    async with post.courier(patient):
        await post.settled(1)
    assert time.monotonic() - began >= 1
    assert hook.taken == ids(1)


async def test_a_receiver_that_was_down_gets_all_of_it_once_it_is_back(post: Post, hook: Receiver) -> None:
    await hook.stop()
    await post.event(1, 2, 3)
    patient = Policy(first=5 * MILLISECOND, longest=20 * MILLISECOND, rest=5 * MILLISECOND, attempts=10_000)
    async with post.courier(patient) as courier:
        await until(
            lambda: (state := courier.state(ENDPOINT, None)) is not None and state.failures >= 6, what="six failures"
        )
        await hook.start()
        await post.settled(3)
    assert hook.taken == ids(1, 2, 3)


async def test_what_was_not_delivered_is_delivered_after_a_start(post: Post, hook: Receiver) -> None:
    hook.answers.append(Answer(0, hang=True))
    await post.event(1, 2)
    async with post.courier():
        await until(lambda: len(hook.attempts) == 1, what="an attempt under way")
    async with post.courier():
        await post.settled(2)
    messages: dict[str, set[str]] = {}
    for attempt in hook.attempts:
        messages.setdefault(attempt.event["id"], set()).add(attempt.message)
    assert sorted(messages) == ids(1, 2)
    assert all(len(each) == 1 for each in messages.values())


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_stop_does_not_wait_for_a_database_that_takes_nothing(
    post: Post, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(work: Any, *, patient: bool = False) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    await post.event(1)
    with monkeypatch.context() as patched:
        async with asyncio.timeout(60):
            async with post.courier() as courier:
                await post.settled(1)
                await post.event(2)
                patched.setattr(post.database.writer, "write", full)
                courier.wake()
                await until(lambda: len(hook.taken) == 2, what="a delivery that cannot be noted")
    async with post.courier():
        await post.settled(2)
    assert hook.taken == ids(1, 2, 2)
    assert len({attempt.message for attempt in hook.attempts}) == 2, "a receiver can tell that it is the same message"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # PostgreSQL looks at JSON before it takes it
async def test_a_lane_that_stumbles_over_what_we_stored_begins_again(post: Post, hook: Receiver) -> None:
    await post.event(1, 2)

    async def stored(value: str) -> None:
        await post.database.write(
            lambda connection: connection.execute(
                text("UPDATE events SET value = :value WHERE seq = 1"), {"value": value}
            )
        )

    await stored('{"cut": sho')
    async with post.courier():
        with capture_logs() as log:
            await until(lambda: "webhook lane failed" in [line["event"] for line in log], what="a word about it")
        assert hook.attempts == []
        await stored('"mended"')
        await post.settled(2)
    assert hook.taken == ids(1, 2)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_a_private_address_is_not_knocked_at_unless_allowed(
    database: Database, hook: Receiver, host: str
) -> None:
    post = Post(database, hook.url.replace("127.0.0.1", host), hook.secret, allow_private=False)
    await post.add()
    await post.event(1)
    async with post.courier():
        await post.settled(1)
    assert hook.attempts == []
    found: list[Any] = list(await events.attempts(database, f"{NODE}-1-1"))
    assert [row["state"] for row in found] == ["dead"] * 4
    assert "not a public address" in found[0]["error"]


async def test_the_number_of_an_attempt_is_not_given_again(database: Database) -> None:
    async def attempt(connection: AsyncConnection) -> None:
        (number,) = (await connection.execute(select(outbox.c.number))).scalars()
        made = {"outbox": number, "at": 1, "took": 1, "status": 204, "error": ""}
        await webhooks.record(connection, [made, made], [])

    post = Post(database, "https://hook.example/", new_secret())
    numbers = []
    for seq in (1, 2):
        await post.add()
        await post.event(seq)
        await database.write(attempt)
        numbers.append(await webhooks.newest_attempt(database))
        await database.write(lambda connection: webhooks.remove(connection, "wh_1"))
        assert await webhooks.newest_attempt(database) == 0, "they have gone with their endpoint"
    assert numbers == [2, 4], "who follows reads behind the last one"
