# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhook events into the outbox of a gateway that is not running yet, beside sqlite3 alone; and out of it by hand.

    python -m ganglion_tools.bench.gateway_outbox STATE URL SECRET

`fill` goes the way that events of nodes go, from `Intake.events` on: rows, transaction, outbox. `bare` writes the same
rows by sqlite3 without anything around it. `plain` is the loop that somebody would write by hand to deliver them.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from ganglion.errors import GanglionError
from ganglion.mesh.member import Received
from ganglion_gateway.fleet import Fleet
from ganglion_gateway.intake import Intake
from ganglion_gateway.inventory import Inventory
from ganglion_gateway.live import Live
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.settings import Retention
from ganglion_gateway.store import webhooks
from ganglion_gateway.store.database import Database
from ganglion_gateway.webhook import signature
from ganglion_micro import gl1
from ganglion_tools.bench.gateway_worker import Document, serve

#: Events that the mesh hands over at once.
_BATCH = 512
_NODE = "n" * 26
_BARE = """
CREATE TABLE events (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE, node TEXT, cls TEXT, topic TEXT, value TEXT, at INTEGER
);
CREATE TABLE outbox (number INTEGER PRIMARY KEY, event TEXT REFERENCES events (id), message TEXT UNIQUE, state TEXT);
"""


class Outbox:
    """What is asked for.

    Args:
        state: The gateway's folder.
        url: Of the endpoint.
        secret: Of the endpoint.
    """

    def __init__(self, state: Path, url: str, secret: str) -> None:
        self._state = state
        self._url = url
        self._secret = secret

    async def fill(self, count: int) -> Document:
        """So many events, accepted; seconds that it took, and of processor time.

        Raises:
            GanglionError: the outbox does not hold them all.
        """
        async with Database.open_(self._state / "gateway.db") as database:
            await database.write(lambda connection: webhooks.save(connection, self._endpoint()))
            live = Live()
            fleet = Fleet(live.presence)
            intake = Intake(
                database,
                fleet,
                live,
                Inventory(database, fleet, time.time_ns),
                metrics=Metrics(),
                retention=Retention(),
                on_events=lambda batch: None,
                clock=time.time_ns,
            )
            received = [_received(number) for number in range(count)]
            began, spent = time.perf_counter(), time.process_time()
            for start in range(0, count, _BATCH):
                await intake.events(received[start : start + _BATCH])
            seconds, spent = time.perf_counter() - began, time.process_time() - spent
            waiting = (await webhooks.counts(database))[_COMMAND_LINE][webhooks.PENDING]
        if waiting != count:
            raise GanglionError(f"the outbox holds {waiting} of {count} events")
        return {"seconds": seconds, "spent": spent}

    def _endpoint(self) -> dict[str, Any]:
        names = {"id": _COMMAND_LINE, "name": "bench", "url": self._url, "secret": self._secret, "classes": ["alert"]}
        return {**names, "allow_http": True, "allow_private": True, "enabled": True, "created": 1}

    async def bare(self, count: int) -> Document:
        """The same rows, by sqlite3 alone; seconds that it took."""
        database = self._bare()
        values = [(number, json.dumps(_value(number))) for number in range(count)]
        began = time.perf_counter()
        for start in range(0, count, _BATCH):
            part = values[start : start + _BATCH]
            with database:
                database.executemany(
                    "INSERT INTO events (id, node, cls, topic, value, at) VALUES (?, ?, 'alert', 'alert/bench', ?, ?)",
                    [(f"{_NODE}-1-{number}", _NODE, value, time.time_ns()) for number, value in part],
                )
                database.executemany(
                    "INSERT INTO outbox (event, message, state) VALUES (?, ?, 'pending')",
                    [(f"{_NODE}-1-{number}", _message(number)) for number, _ in part],
                )
        seconds = time.perf_counter() - began
        database.close()
        return {"seconds": seconds}

    async def plain(self, count: int) -> Document:
        """Delivers as many of these in order: signed, posted by aiohttp, marked and committed, one after the other."""
        import aiohttp

        database, key = self._bare(), signature.key_of(self._secret)
        began = time.perf_counter()
        async with aiohttp.ClientSession() as session:
            rows = database.execute("SELECT number, event, message FROM outbox ORDER BY number LIMIT ?", (count,))
            for number, event, message in rows.fetchall():
                value, at = database.execute("SELECT value, at FROM events WHERE id = ?", (event,)).fetchone()
                body = json.dumps({"id": event, "data": {"value": json.loads(value), "timestamp": at}}).encode()
                now = str(int(time.time()))
                headers = {"webhook-id": message, "webhook-timestamp": now, "content-type": "application/json"}
                headers["webhook-signature"] = _signed(key, f"{message}.{now}.".encode() + body)
                async with session.post(self._url, data=body, headers=headers) as answer:
                    await answer.read()
                with database:
                    database.execute("UPDATE outbox SET state = 'delivered' WHERE number = ?", (number,))
        seconds = time.perf_counter() - began
        database.close()
        return {"seconds": seconds}

    def _bare(self) -> sqlite3.Connection:
        path = self._state / "bare.db"
        is_new = not path.exists()
        database = sqlite3.connect(path)
        database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + (_BARE if is_new else ""))
        return database


#: Of the endpoint that `ganglion gateway --webhook` names.
_COMMAND_LINE = "command-line"


def _value(number: int) -> dict[str, Any]:
    return {"number": number, "celsius": round(20 + number % 70 / 10, 1)}


def _message(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _received(number: int) -> Received:
    now = time.time_ns()
    body = {"class": "alert", "topic": "alert/bench", "value": _value(number), "source": "bench", "run": ""}
    return Received(gl1.EVENT, _NODE, None, body | {"timestamp": now}, 1, number, now)


def _signed(key: bytes, text: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()


async def main(state: str, url: str, secret: str) -> None:
    """Does what stdin asks, until it ends."""
    outbox = Outbox(Path(state), url, secret)
    await serve({name: getattr(outbox, name) for name in ("fill", "bare", "plain")})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
