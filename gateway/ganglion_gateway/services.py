# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of one gateway, as pages and routes need them. `gateway.py` makes them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ganglion.mesh.authority import Authority
from ganglion.mesh.calls import Ticket
from ganglion.mesh.kv import Kv
from ganglion.mesh.looking import Looking
from ganglion.mesh.policy import Policy
from ganglion.mesh.progress import Tell
from ganglion.mesh.signed_config import D, Form, SignedConfig
from ganglion_gateway.access.accounts import Accounts
from ganglion_gateway.access.limiter import Failures
from ganglion_gateway.access.sessions import Sessions
from ganglion_gateway.access.tokens import Keyring, Principal
from ganglion_gateway.api.idempotency import Idempotency
from ganglion_gateway.approvals import Approvals
from ganglion_gateway.consents import Consents
from ganglion_gateway.fleet import Fleet
from ganglion_gateway.groups import GroupRegister
from ganglion_gateway.intents.answers import IntentAnswers
from ganglion_gateway.inventory import Inventory
from ganglion_gateway.jobs import Jobs
from ganglion_gateway.leases import Leases
from ganglion_gateway.live import Live
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.model.budget import Budgets
from ganglion_gateway.release.office import Office
from ganglion_gateway.rollout.desk import Desk
from ganglion_gateway.scripting.bench import Bench
from ganglion_gateway.settings import Settings
from ganglion_gateway.store import audit
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.keys import EnrolKeys
from ganglion_gateway.webhook.courier import Courier
from ganglion_gateway.webhook.hooks import Hooks


class Mesh(Protocol):
    """What routes need of the mesh."""

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        ...

    @property
    def unheard(self) -> int:
        """Subscriptions that the broker refuses for now."""
        ...

    @property
    def mesh_id(self) -> str:
        """13 letters."""
        ...

    @property
    def kv(self) -> Kv:
        """What all members share, as the gateway has it."""
        ...

    @property
    def looking(self) -> Looking:
        """What it sees of the mesh."""
        ...

    def revoke(self, node_id: str) -> None:
        """See `MeshClient.revoke`."""
        ...

    def decided(self, node_id: str) -> None:
        """See `MeshClient.decided`."""
        ...

    @property
    def node_id(self) -> str:
        """The gateway's own, 26 letters."""
        ...

    @property
    def policy(self) -> Policy:
        """What holds at the gateway."""
        ...

    def config(self, form: Form[D]) -> SignedConfig[D] | None:
        """See `Service.config`."""
        ...

    def set_config(self, form: Form[D], config: D) -> D:
        """See `Service.set_config`."""
        ...

    def policy_of(self, node_id: str) -> int | None:
        """The version of the policy that a node has said it has; None where it has said nothing."""
        ...

    async def request(
        self,
        method: str,
        params: dict[str, Any],
        *,
        to: str,
        called: str = "",
        timeout: float,
        on_progress: Tell | None = None,
        ticket: Ticket | None = None,
    ) -> Any:
        """See `MeshClient.request`."""
        ...

    def statistics(self) -> dict[str, Any]:
        """See `MeshStatistics`."""
        ...


@dataclass(slots=True, kw_only=True)
class Services:
    """One gateway.

    Attributes:
        leases: What only one of several gateways may do, and whether this one does.
        started: Whether it has come up: database at the newest revision, fleet loaded, tasks running.
        first_password: That of the user `admin` where this start has made it; to be shown once, and forgotten.
        clock: Nanoseconds since the Unix epoch.
    """

    settings: Settings
    database: Database
    leases: Leases
    authority: Authority
    approvals: Approvals
    consents: Consents
    enrol_keys: EnrolKeys
    groups: GroupRegister
    releases: Office
    rollouts: Desk
    keyring: Keyring
    accounts: Accounts
    idempotency: Idempotency
    sessions: Sessions
    failures: Failures
    fleet: Fleet
    inventory: Inventory
    jobs: Jobs
    live: Live
    courier: Courier
    hooks: Hooks
    mesh: Mesh
    intents: IntentAnswers
    budgets: Budgets
    bench: Bench
    metrics: Metrics
    clock: Callable[[], int]
    started: bool = False
    first_password: str | None = None

    async def note(self, actor: Principal, action: str, target: str, detail: dict[str, Any]) -> None:
        """Writes into the audit what somebody did."""
        at = self.clock()
        await self.database.write(
            lambda connection: audit.record(
                connection, at=at, actor=actor.name, action=action, target=target, detail=detail
            )
        )
