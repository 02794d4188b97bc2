# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: scopes, the roles that are made of them, and the one table of what each route asks for.

What is not in the table is not there: a route that somebody adds is reached by nobody until it has its row.
"""

import re
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

#: What a route may ask for, and what that lets somebody do.
SCOPES = {
    "read": "look at the fleet, its events, the mesh and what runs",
    "operate": "command nodes, fire their triggers, consent, share values, run jobs and rollouts",
    "debug": "open consoles of nodes and listen to the mesh",
    "webhooks": "say where events go out to and who may tell of some, and see the URLs",
    "enrol": "let nodes in and put them out",
    "config": "set the policy, limits, groups and what nodes are to run",
    "audit": "read who did what",
    "metrics": "read /metrics",
    "access": "manage users and API keys",
}
#: Not scopes: what anybody may ask for, and what anybody who is known may.
PUBLIC, KNOWN = "public", "known"


class Role(Enum):
    """What somebody is, and by that may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    DEBUG = "debug"
    ADMIN = "admin"


ROLES: dict[Role, frozenset[str]] = {
    Role.VIEWER: frozenset({"read", "metrics"}),
    Role.OPERATOR: frozenset({"read", "metrics", "operate"}),
    Role.DEBUG: frozenset({"read", "metrics", "operate", "debug"}),
    Role.ADMIN: frozenset(SCOPES),
}

#: Path as FastAPI writes it -> method -> what it asks for.
TABLE: dict[str, dict[str, str]] = {
    "/health/live": {"GET": PUBLIC},
    "/health/ready": {"GET": PUBLIC},
    "/health/startup": {"GET": PUBLIC},
    "/login": {"GET": PUBLIC, "POST": PUBLIC},
    "/logout": {"POST": KNOWN},
    "/metrics": {"GET": "metrics"},
    "/openapi.json": {"GET": KNOWN},
    "/api/v1/auth/login": {"POST": PUBLIC},
    "/api/v1/auth/refresh": {"POST": PUBLIC},
    "/api/v1/auth/logout": {"POST": KNOWN},
    "/api/v1/auth/me": {"GET": KNOWN},
    "/api/v1/auth/password": {"POST": KNOWN},
    "/api/v1/auth/sessions": {"GET": KNOWN},
    "/api/v1/auth/sessions/{session}": {"DELETE": KNOWN},
    "/api/v1/users": {"GET": "access", "POST": "access"},
    "/api/v1/users/{user}": {"GET": "access", "PATCH": "access", "DELETE": "access"},
    "/api/v1/users/{user}/password": {"POST": "access"},
    "/api/v1/api-keys": {"GET": "access", "POST": "access"},
    "/api/v1/api-keys/{key}/revoke": {"POST": "access"},
    "/api/v1/nodes": {"GET": "read"},
    "/api/v1/members": {"GET": "read"},
    "/api/v1/fleet/health": {"GET": "read"},
    "/api/v1/nodes/{node}": {"GET": "read"},
    "/api/v1/nodes/{node}/readings": {"GET": "read"},
    "/api/v1/nodes/{node}/history": {"GET": "read"},
    "/api/v1/nodes/{node}/episodes/{run}": {"GET": "read"},
    "/api/v1/nodes/{node}/calls/{method}": {"GET": "read"},
    "/api/v1/nodes/{node}/commands": {"POST": "operate"},
    "/api/v1/nodes/{node}/release": {"GET": "read", "PUT": "config"},
    "/api/v1/releases": {"GET": "read", "POST": "config"},
    "/api/v1/releases/files/{digest}": {"PUT": "config"},
    "/api/v1/wheels/check": {"POST": "config"},
    "/api/v1/releases/{release}": {"GET": "read"},
    "/api/v1/releases/{release}/nodes": {"GET": "read"},
    "/api/v1/releases/{release}/files/{path:path}": {"GET": "read"},
    "/api/v1/releases/{release}/diff/{other}": {"GET": "read"},
    "/api/v1/nodes/{node}/scripts/{name}": {"GET": "read"},
    "/api/v1/nodes/{node}/webhooks/{name}": {"POST": "operate"},
    "/api/v1/nodes/{node}/revoke": {"POST": "enrol"},
    "/api/v1/nodes/{node}/why": {"GET": "read"},
    "/api/v1/nodes/{node}/tags": {"POST": "config"},
    "/api/v1/nodes/{node}/crashes": {"GET": "read"},
    "/api/v1/nodes/{node}/crashes/{crash}": {"GET": "read"},
    "/api/v1/crashes": {"GET": "read"},
    "/api/v1/logs": {"GET": "read"},
    "/api/v1/logs/watch": {"GET": "read"},
    "/api/v1/jobs": {"GET": "read", "POST": "operate"},
    "/api/v1/jobs/{job}": {"GET": "read"},
    "/api/v1/jobs/{job}/nodes": {"GET": "read"},
    "/api/v1/jobs/{job}/watch": {"GET": "read"},
    "/api/v1/jobs/{job}/cancel": {"POST": "operate"},
    "/api/v1/events": {"GET": "read"},
    "/api/v1/events/{event}": {"GET": "read"},
    "/api/v1/traces/last": {"GET": "read"},
    "/api/v1/traces/{event}": {"GET": "read"},
    "/api/v1/watch": {"GET": "read"},
    "/api/v1/enrol-keys": {"GET": "enrol", "POST": "enrol"},
    "/api/v1/enrol-keys/{key}/revoke": {"POST": "enrol"},
    "/api/v1/pending": {"GET": "read"},
    "/api/v1/pending/{node}/approve": {"POST": "enrol"},
    "/api/v1/webhooks": {"GET": "webhooks", "POST": "webhooks"},
    "/api/v1/webhooks/{webhook}": {"GET": "webhooks", "PATCH": "webhooks", "DELETE": "webhooks"},
    "/api/v1/webhooks/{webhook}/test": {"POST": "webhooks"},
    "/api/v1/webhooks/{webhook}/rotate": {"POST": "webhooks"},
    "/api/v1/webhooks/{webhook}/messages": {"GET": "webhooks"},
    "/api/v1/webhooks/{webhook}/messages/{message}": {"GET": "webhooks"},
    "/api/v1/dlq": {"GET": "webhooks"},
    "/api/v1/dlq/{message}": {"GET": "webhooks"},
    "/api/v1/dlq/replay": {"POST": "webhooks"},
    "/api/v1/dlq/{message}/replay": {"POST": "webhooks"},
    "/api/v1/dlq/drop": {"POST": "webhooks"},
    "/api/v1/dlq/{message}/drop": {"POST": "webhooks"},
    "/api/v1/hooks": {"GET": "webhooks", "POST": "webhooks"},
    "/api/v1/hooks/{hook}": {"DELETE": "webhooks"},
    "/api/v1/hooks/{hook}/rotate": {"POST": "webhooks"},
    "/hooks/{hook}": {"POST": PUBLIC},  # whoever sends one proves by its signature who it is
    "/api/v1/models": {"GET": "read"},
    "/api/v1/models/usage": {"GET": "read"},
    "/api/v1/audit": {"GET": "audit"},
    "/api/v1/mesh/statistics": {"GET": "read"},
    "/api/v1/mesh/peers": {"GET": "read"},
    "/api/v1/mesh/routes": {"GET": "read"},
    "/api/v1/mesh/graph": {"GET": "read"},
    "/api/v1/mesh/ping": {"POST": "operate"},
    "/api/v1/mesh/policy": {"GET": "read", "POST": "config"},
    "/api/v1/mesh/policy/delete": {"POST": "config"},
    "/api/v1/mesh/parties/{node}": {"GET": "read"},
    "/api/v1/mesh/limits": {"GET": "read", "POST": "config"},
    "/api/v1/consents": {"GET": "read"},
    "/api/v1/consents/{consent}/grant": {"POST": "operate"},
    "/api/v1/consents/{consent}/refuse": {"POST": "operate"},
    "/api/v1/groups": {"GET": "read", "POST": "config"},
    "/api/v1/groups/{name}": {"GET": "read"},
    "/api/v1/groups/{name}/add": {"POST": "config"},
    "/api/v1/groups/{name}/remove": {"POST": "config"},
    "/api/v1/groups/{name}/rotate": {"POST": "config"},
    "/api/v1/rollouts": {"GET": "read", "POST": "operate"},
    "/api/v1/rollouts/plan": {"POST": "read"},
    "/api/v1/rollouts/{rollout}": {"GET": "read"},
    "/api/v1/rollouts/{rollout}/nodes": {"GET": "read"},
    "/api/v1/rollouts/{rollout}/notes": {"GET": "read"},
    "/api/v1/rollouts/{rollout}/report": {"GET": "read"},
    "/api/v1/rollouts/{rollout}/watch": {"GET": "read"},
    "/api/v1/rollouts/{rollout}/pause": {"POST": "operate"},
    "/api/v1/rollouts/{rollout}/resume": {"POST": "operate"},
    "/api/v1/rollouts/{rollout}/abort": {"POST": "operate"},
    "/api/v1/firmware/seal": {"POST": "config"},
    "/api/v1/scripts/templates": {"GET": "read"},
    "/api/v1/scripts/check": {"POST": "read"},
    "/api/v1/scripts/graph": {"POST": "read"},
    "/api/v1/scripts/test": {"POST": "operate"},
    "/api/v1/scripts/compile": {"POST": "operate"},
    "/api/v1/scripts/run": {"POST": "operate"},
    "/api/v1/intents/feedback": {"POST": "operate"},
    "/api/v1/kv": {"GET": "read"},
    "/api/v1/kv/watch": {"GET": "read"},
    "/api/v1/kv/keys/{key:path}": {"GET": "read", "PUT": "operate", "POST": "operate", "DELETE": "operate"},
}
#: WebSockets: who is let in; what a channel asks for is in the table of channels.
SOCKETS = {"/api/v1/watch": "read", "/ws": KNOWN}
#: Paths of programs, where all that is in no table is not there. Everything else is the dashboard's.
_PROGRAMS = ("/api", "/health", "/metrics", "/openapi.json", "/login", "/logout", "/hooks", "/ws")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: Where a page hears the gateway, by POST where no WebSocket gets through: it asks no more of who looks than that does.
_HEARS = "/_nicegui_ws/"


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[a-z_]+(?::path)?\})", path)
    return re.compile(
        "".join(
            (".+" if part.endswith(":path}") else "[^/]+") if part[:1] == "{" else re.escape(part) for part in parts
        )
    )


_LITERAL = {path: methods for path, methods in TABLE.items() if "{" not in path}
_PATTERNS = [(_pattern(path), methods) for path, methods in TABLE.items() if "{" in path]


@lru_cache(4096)
def needs(path: str) -> dict[str, str] | None:
    """What each method of a path asks for; None where there is nothing, and for the dashboard `*` for any other.

    Of a path of a program only what the table names is there.
    """
    if (methods := _LITERAL.get(path)) is not None:
        return methods
    for pattern, methods in _PATTERNS:
        if pattern.fullmatch(path):
            return methods
    if any(path == part or path.startswith(part + "/") for part in _PROGRAMS):
        return None
    if path.startswith(_HEARS):
        return {"GET": "read", "POST": "read", "*": "operate"}
    return dict.fromkeys(_SAFE, "read") | {"*": "operate"}


def socket_needs(path: str) -> str | None:
    """What a WebSocket at a path asks for; None where there is none."""
    return SOCKETS.get(path) or ("read" if "*" in (needs(path) or {}) else None)


def held(scopes: Iterable[str]) -> frozenset[str]:
    """Scopes of a list, without those that are none any more."""
    return frozenset(scopes) & frozenset(SCOPES)
