# SPDX-License-Identifier: GPL-3.0-or-later
"""Members of a real mesh that take what they are to run, and say so as nodes do; nothing is run.

async with crew(gateway, broker.url, folder, ["n0", "n1"]) as members: ...
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from ganglion.errors import GanglionError
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from support.gateway import Process
from support.mesh import enrolled, running

#: Seconds that the gateway has to answer.
_PATIENCE = 30.0
_GOOD = ("downloading", "staged", "trial", "healthy", "committed")
_BAD = ("downloading", "staged", "trial", "reverted")


class Takes:
    """A member.

    Args:
        breaks: Whether it goes back from a release.
    """

    def __init__(self, client: MeshClient, breaks: Callable[[str], bool]) -> None:
        self.client = client
        self.runs = ""
        self._breaks = breaks
        self._number = -1
        self._serial = itertools.count(1)

    async def work(self) -> None:
        """Asks what it is to run, and takes it, until cancelled."""
        while True:
            with suppress(GanglionError):  # the gateway is busy
                wanted = await self.client.request("release.desired", {}, timeout=_PATIENCE)
                if wanted["number"] != self._number:
                    await self._take(wanted["number"], wanted["release"])
                    self._number = wanted["number"]
            await asyncio.sleep(0.1)

    async def _take(self, number: int, release: str) -> None:
        breaks = self._breaks(release)
        for state in ("committed",) if self.runs == release else _BAD if breaks else _GOOD:
            said = {"number": number, "serial": next(self._serial), "at": time.time_ns(), "release": release}
            said |= {"state": state, "why": "no <b>sensors</b>" if state == "reverted" else ""}
            await self.client.request("release.report", said, timeout=_PATIENCE)
        if not breaks:
            self.runs = release


@asynccontextmanager
async def crew(
    gateway: Process,
    broker: str,
    folder: Path,
    names: Sequence[str],
    *,
    breaks: Callable[[str, str], bool] = lambda name, release: False,
) -> AsyncIterator[dict[str, Takes]]:
    """Members of these names with the tag `crew`, until the block ends.

    Args:
        breaks: Whether a node of a name goes back from a release.
    """
    body = {"uses": len(names), "tags": ["crew"]}
    key = (await gateway.http.post("/api/v1/enrol-keys", json=body)).json()["key"]
    caps = {"sensors": {"t": {"unit": "Cel"}}}
    members = {
        name: Takes(
            MeshClient(
                transport=MqttTransport(broker),
                state=folder / name,
                name=name,
                enrol_key=key,
                birth=lambda: {"board": "sim", "sw": "ganglion/0.1.0", "caps": caps},
            ),
            lambda release, name=name: breaks(name, release),  # type: ignore[misc]
        )
        for name in names
    }
    clients = [each.client for each in members.values()]
    async with running(*clients):
        await enrolled(*clients)
        tasks = [asyncio.create_task(each.work()) for each in members.values()]
        try:
            yield members
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
