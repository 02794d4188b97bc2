# SPDX-License-Identifier: GPL-3.0-or-later
"""Real gateways for tests: in this process, asked over ASGI; or a process of their own, asked over HTTP.

async with here(tmp_path, broker.url) as site: ...      # site.http asks the API as the administrator
async with served(site) as url: ...                     # the same over HTTP, for what runs `ganglion` commands
async with process(tmp_path, broker.url) as gateway: ...
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, nullcontext
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from ganglion.mesh.member import Received
from ganglion_gateway import rows
from ganglion_gateway.access.guard import Guard
from ganglion_gateway.api.app import application, guarded
from ganglion_gateway.gateway import Gateway, open_gateway
from ganglion_gateway.server import configuration
from ganglion_gateway.settings import Settings
from ganglion_gateway.store import events
from ganglion_gateway.store.database import secure
from ganglion_gateway.webhook.schedule import Policy
from ganglion_micro import gl1
from support import described
from support.mesh import NOW
from support.migrated import put
from support.waiting import until

#: A port on which nobody listens: the broker is away.
NO_BROKER = "mqtt://127.0.0.1:1"
#: Seconds that a process has to become ready, or to end, on a machine that does much else.
PATIENCE = 180.0


class Here:
    """A gateway in this process.

    Attributes:
        gateway: Its parts.
        guard: What stands before its application.
        http: Asks as the administrator.
        stranger: Asks without a token.
        token: The administrator's.
    """

    def __init__(
        self, gateway: Gateway, guard: Guard, http: httpx.AsyncClient, stranger: httpx.AsyncClient, token: str
    ) -> None:
        self.gateway = gateway
        self.guard = guard
        self.services = gateway.services
        self.http = http
        self.stranger = stranger
        self.token = token

    async def get(self, path: str, **params: Any) -> Any:
        """The document at a path of the API."""
        answer = await self.http.get(f"/api/v1{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """What the API answers to a document."""
        answer = await self.http.post(f"/api/v1{path}", json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


@asynccontextmanager
async def here(
    folder: Path, broker: str | tuple[str, ...] = NO_BROKER, *, policy: Policy | None = None, **settings: Any
) -> AsyncIterator[Here]:
    """A gateway with its state in `folder`, until the block ends."""
    chosen = Settings(state=folder, broker=broker, version="0.0-test", **settings)
    if chosen.database is None:
        migrated(folder)
    async with open_gateway(chosen, policy=policy) as gateway:
        app = guarded(application(gateway.services), gateway.services)
        token = (folder / "token").read_text().strip()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        base = "http://gateway.test"
        async with (
            httpx.AsyncClient(transport=transport, base_url=base) as stranger,
            httpx.AsyncClient(transport=transport, base_url=base, headers={"authorization": f"Bearer {token}"}) as http,
        ):
            for client in (stranger, http):
                client.event_hooks = {"response": [described.check]}
            yield Here(gateway, app, http, stranger, token)


def migrated(state: Path) -> None:
    """A state folder whose database in SQLite needs no migrations; one that is there is left as it is."""
    secure(state)
    put(state / "gateway.db")


async def happen(site: Here, *seqs: int) -> None:
    """Stores alerts of a node as if it had said them, and has their webhooks delivered."""
    received = [
        Received(
            gl1.EVENT,
            "n" * 26,
            None,
            {"class": "alert", "topic": "alert/x", "value": seq, "timestamp": NOW, "source": "s", "run": ""},
            1,
            seq,
            NOW,
        )
        for seq in seqs
    ]
    now = site.services.clock()
    batch = rows.event_rows(received, now)
    await site.services.database.write(lambda connection: events.save(connection, batch, now))
    site.services.courier.wake()


@asynccontextmanager
async def served(site: Here) -> AsyncIterator[str]:
    """A gateway of this process over HTTP; its URL."""
    app = guarded(application(site.services), site.services)
    server = uvicorn.Server(configuration(app, site.services.settings))
    server.capture_signals = nullcontext  # type: ignore[method-assign, assignment] - signals are pytest's
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started or serving.done(), what="the server listening")
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


class Process:
    """`ganglion gateway`, started.

    Attributes:
        ready: The line that it said.
        token: The administrator's.
    """

    def __init__(self, child: asyncio.subprocess.Process, ready: dict[str, Any], state: Path, log: Path) -> None:
        self._child = child
        self.ready = ready
        self.log = log
        self.pid = child.pid
        self.token = (state / "token").read_text().strip()
        self.http = httpx.AsyncClient(
            base_url=ready["url"], headers={"authorization": f"Bearer {self.token}"}, trust_env=False
        )

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Signals it and waits; its exit code."""
        if self._child.returncode is None:
            self._child.send_signal(how)
        async with asyncio.timeout(PATIENCE):
            code = await self._child.wait()
        await self.http.aclose()
        return code


async def start(
    state: Path,
    broker: str,
    *words: str,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    within: Sequence[str] = (),
) -> Process:
    """Starts a gateway on a free port; returns when it says that it is ready.

    Args:
        within: The words before its own that start it elsewhere: in a node of a `network`.

    Raises:
        AssertionError: it ended instead; its log is in the message.
    """
    log = log or state.with_suffix(".log")
    known = {name: value for name, value in os.environ.items() if not name.startswith(("GANGLION_", "PYTEST_"))}
    if "--database" not in words:
        migrated(state)
    with log.open("ab") as stderr:
        child = await asyncio.create_subprocess_exec(
            *[
                *within,
                sys.executable,
                "-m",
                "ganglion",
                "gateway",
                "--state",
                str(state),
                "--broker",
                broker,
                "--port",
                "0",
            ],
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env={**known, "PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})},
        )
    assert child.stdout is not None
    async with asyncio.timeout(PATIENCE):
        line = await child.stdout.readline()
        if not line:
            code = await child.wait()
            raise AssertionError(f"the gateway ended with {code}: {log.read_text()[-3000:]}")
    return Process(child, json.loads(line), state, log)


@asynccontextmanager
async def process(
    state: Path,
    broker: str = NO_BROKER,
    *words: str,
    environment: Mapping[str, str] | None = None,
    within: Sequence[str] = (),
) -> AsyncIterator[Process]:
    """A gateway in a process of its own, until the block ends."""
    started = await start(state, broker, *words, environment=environment, within=within)
    try:
        yield started
    finally:
        await started.end(signal.SIGKILL)
