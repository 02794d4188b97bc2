# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of one gateway, as pages and routes need them. `gateway.py` makes them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ganglion_gateway.access.limiter import Failures
from ganglion_gateway.access.sessions import Sessions
from ganglion_gateway.access.tokens import Keyring, Principal
from ganglion_gateway.fleet import Fleet
from ganglion_gateway.live import Live
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.settings import Settings
from ganglion_gateway.store import audit
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.keys import EnrolKeys
from ganglion_gateway.webhook.courier import Courier


class Mesh(Protocol):
    """What routes need of the mesh."""

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        ...

    async def request(self, method: str, params: dict[str, Any], *, to: str, timeout: float) -> Any:
        """See `MeshClient.request`."""
        ...


@dataclass(slots=True, kw_only=True)
class Services:
    """One gateway.

    Attributes:
        started: Whether it has come up: database at the newest revision, fleet loaded, tasks running.
        model: What the language model is called; "" for none.
        clock: Nanoseconds since the Unix epoch.
    """

    settings: Settings
    database: Database
    enrol_keys: EnrolKeys
    keyring: Keyring
    sessions: Sessions
    failures: Failures
    fleet: Fleet
    live: Live
    courier: Courier
    mesh: Mesh
    metrics: Metrics
    model: str
    clock: Callable[[], int]
    started: bool = False

    async def note(self, actor: Principal, action: str, target: str, detail: dict[str, Any]) -> None:
        """Writes into the audit what somebody did."""
        at = self.clock()
        await self.database.write(
            lambda connection: audit.record(
                connection, at=at, actor=actor.name, action=action, target=target, detail=detail
            )
        )
