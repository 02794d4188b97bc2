# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's API for programs: what can be asked, and two clients of the same, one that waits and one for asyncio.

from ganglion_gateway.client import AsyncGatewayClient, GatewayClient, fleet

for node in GatewayClient(url, token).pages(fleet.get_nodes(), "nodes"): ...

async with AsyncGatewayClient(url, token) as gateway:
    await gateway.ask(fleet.post_nodes_node_commands("fridge", method="status"))
    async for message in gateway.channels("events/#", "presence/+"): ...
"""

from ganglion.client.call import UNSET, Call
from ganglion.client.operations import (
    access,
    audit,
    auth,
    consents,
    enrolment,
    events,
    fleet,
    groups,
    hooks,
    intents,
    jobs,
    limits,
    logs,
    mesh,
    models,
    policy,
    releases,
    rollouts,
    scripts,
    webhooks,
)
from ganglion.client.sync import GatewayClient
from ganglion_gateway.client.asynchronous import AsyncGatewayClient

__all__ = [
    "UNSET",
    "AsyncGatewayClient",
    "Call",
    "GatewayClient",
    "access",
    "audit",
    "auth",
    "consents",
    "enrolment",
    "events",
    "fleet",
    "groups",
    "hooks",
    "intents",
    "jobs",
    "limits",
    "logs",
    "mesh",
    "models",
    "policy",
    "releases",
    "rollouts",
    "scripts",
    "webhooks",
]
