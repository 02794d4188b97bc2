# SPDX-License-Identifier: GPL-3.0-or-later
"""A member's life: what runs while it takes part, and its goodbye."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Protocol

from ganglion.mesh.outgoing import UPTIME
from ganglion.mesh.parts import Parts
from ganglion.mesh.transport import carry


class Request(Protocol):
    """Asks the gateway: `MeshClient.request`."""

    def __call__(self, method: str, params: dict[str, Any], *, timeout: float) -> Awaitable[Any]: ...


class Life:
    """That of one member.

    Args:
        parts: What it is made of.
        request: For the next credential.
        heartbeat: Seconds between readings of `system/uptime`; 0 for none.
    """

    def __init__(self, parts: Parts, *, request: Request, heartbeat: float) -> None:
        self._parts = parts
        self._request = request
        self._heartbeat = heartbeat

    async def run(self) -> None:
        """See `MeshClient.run`."""
        parts = self._parts
        transport = asyncio.create_task(carry(parts.transport, again=parts.rekeyed))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(parts.delivery.run())
                tasks.create_task(parts.presence.run())
                tasks.create_task(parts.state.run())
                if parts.overlay is not None:
                    parts.overlay.begin()
                    tasks.create_task(parts.overlay.run())
                if parts.service is not None:
                    tasks.create_task(parts.service.run(parts.session.joined))
                else:
                    tasks.create_task(self._beat())
                    tasks.create_task(parts.rotation.run())
                    tasks.create_task(
                        parts.node.run(
                            parts.member,
                            publish=parts.ways.send_now,
                            renew=self._renew,
                            joined=parts.session.joined,
                        )
                    )
                await asyncio.shield(transport)  # never ends by itself; an error of it ends everything
        finally:
            try:
                await parts.methods.aclose()
                parts.outgoing.readings.flush()
                if parts.ready:
                    await parts.presence.leave()
            finally:
                transport.cancel()
                with suppress(asyncio.CancelledError):
                    await transport
                if parts.floor is not None:
                    parts.floor.close()

    async def _renew(self) -> Any:
        """The gateway's answer with the next credential."""
        return await self._request("credential.renew", {"x25519": self._parts.member.identity.x25519}, timeout=30.0)

    async def _beat(self) -> None:
        began, parts = time.monotonic(), self._parts
        while self._heartbeat > 0:
            if parts.ready:
                parts.outgoing.reading(UPTIME, round(time.monotonic() - began, 3), parts.clock(), "")
            await asyncio.sleep(self._heartbeat)
