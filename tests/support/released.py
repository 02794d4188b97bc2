# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that runs releases, as a service manager runs it: started again whenever it ends, until the test is over."""

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from ganglion.release.folder import Folder
from ganglion.release.record import Record
from support.gateway import Here
from support.waiting import until, until_answered

CONFIG = """
[node]
name = "fridge"
board = "sim"
[mqtt]
broker = "{broker}"
[mesh]
links = []
enrol_key_file = "enrol.key"
[sensor.fridge]
kind = "bme280"
bus = "sim"
every = "200ms"
"""
#: A script that is healthy; its name is the file's.
GOOD = """
version: "2.2"
dialect: edge/1
name: {name}
triggers:
  - {{id: once, start: true, run: note}}
protocols:
  - name: note
    steps:
      - {{id: keep, action: publish, topic: note/{name}, value: 1}}
"""


class Service:
    """A node under a supervisor."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "node.log"
        self.starts = 0
        self.process: asyncio.subprocess.Process | None = None
        self.stopped = False
        self.awake = asyncio.Event()
        self.awake.set()

    @property
    def record(self) -> Record:
        """What the node knows, as its disk has it."""
        return Folder(self.folder / "state" / "release").load()

    def kill(self) -> None:
        """As a power cut ends it; it is started again."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)

    async def sleep(self) -> None:
        """Stops it, and starts it no more until `awake` is set."""
        self.awake.clear()
        assert self.process is not None
        self.process.terminate()
        await asyncio.wait_for(self.process.wait(), 60)

    async def run(self) -> None:
        """Starts it whenever it has ended."""
        words = ["-m", "ganglion", "node", "run", str(self.folder / "node.toml"), "--state", str(self.folder / "state")]
        while not self.stopped:
            await self.awake.wait()
            if self.stopped:
                return  # it was over while it slept
            with self.log.open("ab") as log:
                self.process = await asyncio.create_subprocess_exec(
                    sys.executable, *words, stdout=asyncio.subprocess.DEVNULL, stderr=log, env=os.environ
                )
            self.starts += 1
            await self.process.wait()
            await asyncio.sleep(0.05)


@asynccontextmanager
async def serviced(folder: Path, config: str) -> AsyncIterator[Service]:
    """A node with this configuration, until the block ends."""
    (folder / "node.toml").write_text(config)
    service = Service(folder)
    running = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        service.stopped = True
        service.awake.set()
        if service.process is not None and service.process.returncode is None:
            service.process.terminate()
        try:
            await asyncio.wait_for(running, 60)
        finally:
            if service.process is not None and service.process.returncode is None:
                service.process.kill()
            sys.stderr.write(service.log.read_text()[-8000:] if service.log.exists() else "")


@asynccontextmanager
async def fridge(
    site: Here, folder: Path, broker: str, extra: str = "", *, of_node: str = ""
) -> AsyncIterator[Service]:
    """A node that has joined the gateway's mesh.

    Args:
        extra: Of its configuration, beyond `CONFIG`.
        of_node: The same, below `[node]`.
    """
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - a folder of a test
    (folder / "enrol.key").write_text((await site.post("/enrol-keys", {}))["key"])
    config = CONFIG.format(broker=broker).replace("[node]", f"[node]\n{of_node}")
    async with serviced(folder, config + extra) as service:
        await until(lambda: any(node.online for node in site.services.fleet.nodes.values()), what="the node has joined")
        yield service


async def create(site: Here, name: str, files: Mapping[str, str | bytes], **more: Any) -> str:
    """A release; its id."""
    return await send(site.http, name, files, **more)


async def send(http: httpx.AsyncClient, name: str, files: Mapping[str, str | bytes], **more: Any) -> str:
    """The same of a gateway that is asked over HTTP."""
    listed = []
    for path, text in files.items():
        data = text.encode() if isinstance(text, str) else text
        sha256 = hashlib.sha256(data).hexdigest()
        answer = await http.put(f"/api/v1/releases/files/{sha256}", content=data)
        assert answer.status_code == 200, answer.text
        listed.append({"path": path, "sha256": sha256})
    made = await http.post("/api/v1/releases", json={"name": name, "files": listed, "window": 3, **more})
    assert made.status_code in (200, 201), made.text
    return str(made.json()["id"])


async def assign(site: Here, release: str | None, node: str = "fridge") -> None:
    """Has a node run a release."""
    answer = await site.http.put(f"/api/v1/nodes/{node}/release", json={"release": release})
    assert answer.status_code == 200, answer.text


async def reported(site: Here, state: str, release: str | None, node: str = "fridge") -> dict[str, Any]:
    """What a node reports of a release, when it is this."""
    found: dict[str, Any] = {}

    async def there() -> bool:
        found.update((await site.get(f"/nodes/{node}"))["release"]["reported"] or {})
        return (found.get("state"), found.get("release")) == (state, release)

    await until_answered(there, what=f"{node} says {state}")
    return found
