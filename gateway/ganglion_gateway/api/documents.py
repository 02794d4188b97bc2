# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API takes and gives, as JSON. Times are nanoseconds since the Unix epoch."""

import base64
import binascii
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from ganglion.errors import InvalidError
from ganglion.mesh.fleet_limits import MAX_LIMITS
from ganglion.mesh.policy import MAX_RULES
from ganglion.sentences import say
from ganglion.units import duration
from ganglion_gateway import verdict
from ganglion_gateway.api.forms import LINE, LINE_OR_NONE, SHA256, WORD
from ganglion_gateway.fleet import Node
from ganglion_gateway.leaves import leaf_documents, leaf_of

MAX_PAGE = 500
#: The longest that a secret holds after it was replaced, in nanoseconds.
_MAX_KEEP = duration("30d")
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="entries of one page")]
Cursor = Annotated[str | None, Query(max_length=512, description="`next` of the page before")]

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=LINE)]
Word = Annotated[str, Field(min_length=1, max_length=64, pattern=WORD)]


class Document(BaseModel):
    """A body that names exactly what it means."""

    model_config = ConfigDict(extra="forbid")


class CommandBody(Document):
    """`POST /nodes/{node}/commands`."""

    method: Word
    params: dict[str, Any] = {}
    timeout: float = Field(default=10.0, gt=0, le=300, description="seconds")


class EnrolKeyBody(Document):
    """`POST /enrol-keys`."""

    uses: int = Field(default=1, ge=1, le=100_000, description="nodes that may join by it")
    ttl: str = Field(default="24h", max_length=16, description="how long it holds: 15m, 24h, 7d")
    tags: list[Word] = Field(default=[], max_length=32)
    name: str = Field(default="", max_length=64, pattern=LINE_OR_NONE)


class ApprovalBody(Document):
    """`POST /pending/{node}/approve`."""

    name: Name | None = Field(default=None, description="what the node is called; by default what it asks for")
    tags: list[Word] = Field(default=[], max_length=32)


class SealBody(Document):
    """`POST /firmware/seal`."""

    sha256: str = Field(pattern=SHA256, description="of the manifest, in hexadecimal")


class RevocationBody(Document):
    """`POST /nodes/{node}/revoke`."""

    reason: str = Field(default="", max_length=256, pattern=LINE_OR_NONE)


class MembersBody(Document):
    """`POST /groups/{name}/add` and `/remove`."""

    nodes: list[Word] = Field(default=[], max_length=256, description="nodes, by name or id")
    tags: list[Word] = Field(default=[], max_length=32, description="whoever has one of them")


class GroupBody(MembersBody):
    """`POST /groups`."""

    name: str = Field(max_length=32, description="1 to 32 of a-z A-Z 0-9 _ -")


class PolicyBody(Document):
    """`POST /mesh/policy`."""

    rules: list[dict[str, Any]] = Field(max_length=MAX_RULES)
    version: int | None = Field(default=None, ge=0, description="that which the document was made from")


class LimitsBody(Document):
    """`POST /mesh/limits`."""

    limit: list[dict[str, Any]] = Field(max_length=MAX_LIMITS, description="none withdraws all")
    version: int | None = Field(default=None, ge=0, description="that which the document was made from")


class WebhookBody(Document):
    """`POST /webhooks`."""

    url: str = Field(max_length=2000)
    name: str = Field(default="", max_length=64, pattern=LINE_OR_NONE)
    secret: str | None = Field(default=None, max_length=128, description="whsec_…; one is made where none is given")
    classes: list[Literal["*"] | Word] = Field(default=["alert"], min_length=1, max_length=32)
    allow_http: bool = False
    allow_private: bool = False


class RotationBody(Document):
    """`POST /webhooks/{webhook}/rotate` and `/hooks/{hook}/rotate`."""

    secret: str | None = Field(default=None, max_length=128, description="one is made where none is given")
    keep: str = Field(default="24h", max_length=16, description="how long the secret before holds, too: 0s to 30d")

    def nanoseconds(self) -> int:
        """How long the secret before holds.

        Raises:
            InvalidError: it is no time, or too long a one.
        """
        keep = duration(self.keep, where="keep")
        if not 0 <= keep <= _MAX_KEEP:
            raise InvalidError(say("a secret that was replaced holds for 30d at most"), where="keep")
        return keep


class WebhookChanges(Document):
    """`PATCH /webhooks/{webhook}`: what is left out, or null, stays."""

    url: str | None = Field(default=None, max_length=2000)
    name: str | None = Field(default=None, max_length=64, pattern=LINE_OR_NONE)
    classes: list[Literal["*"] | Word] | None = Field(default=None, min_length=1, max_length=32)
    allow_http: bool | None = None
    allow_private: bool | None = None
    enabled: bool | None = Field(default=None, description="false: events are not for it any more")
    paused: bool | None = Field(default=None, description="true: events wait for it, and are delivered afterwards")


class TagsBody(Document):
    """`POST /nodes/{node}/tags`."""

    add: list[Word] = Field(default=[], max_length=32, description="tags to give it")
    remove: list[Word] = Field(default=[], max_length=32, description="tags to take away")


def node_document(node: Node, now: int) -> dict[str, Any]:
    """A node, with the latest value of every sensor, and how it is."""
    facts = node.facts
    return {
        "id": node.id,
        "name": node.name,
        "board": node.board,
        "sw": node.sw,
        "tags": node.tags,
        "tags_added": facts.added,
        "tags_removed": facts.removed,
        "online": node.online,
        "health": verdict.health(node, now),
        "vitals": facts.vitals,
        "vitals_at": facts.vitals_at or None,
        "first_seen": node.first_seen,
        "last_seen": node.last_seen,
        "died": node.died,
        "epoch": node.epoch,
        "clock": node.clock,
        "credential_expires": node.credential_expires,
        "revoked": node.revoked,
        "former": node.former,
        "caps": node.caps,
        "sensors": {
            sensor: {"value": latest.value, "unit": latest.unit, "timestamp": latest.timestamp}
            for sensor, latest in sorted(node.sensors.items())
        },
        "leaves": leaf_documents(node),
    }


def event_document(row: dict[str, Any]) -> dict[str, Any]:
    """An event; `leaf` is the one of its node that it is of, which the node vouches for."""
    fields = ("id", "node", "topic", "value", "source", "run", "timestamp", "received", "stored")
    return {"class": row["cls"], **{name: row[name] for name in fields}, "leaf": leaf_of(row)}


def webhook_document(row: dict[str, Any], counts: dict[str, int], lane: dict[str, Any] | None) -> dict[str, Any]:
    """An endpoint without its secret."""
    shown = {name: value for name, value in row.items() if name not in ("secret", "former_secret")}
    return {**shown, "messages": counts, "state": lane}


def enrol_key_document(row: dict[str, Any]) -> dict[str, Any]:
    """An enrol key without what makes it one."""
    fields = ("id", "name", "tags", "uses", "uses_left", "created", "expires", "revoked")
    return {name: row[name] for name in fields}


def write_cursor(number: int) -> str:
    """Where the next page begins, in letters that say nothing."""
    return base64.urlsafe_b64encode(number.to_bytes(8, "big")).rstrip(b"=").decode()


def read_cursor(text: str | None) -> int | None:
    """The number in a cursor.

    Raises:
        InvalidError: it is none of ours.
    """
    if text is None:
        return None
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != 8 or (number := int.from_bytes(data, "big")) >= 2**63:
        raise InvalidError(say("is no cursor: use `next` of the page before"), where="cursor")
    return number


def page(name: str, rows: list[dict[str, Any]], documents: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """A page, and where the next one begins; null on the last."""
    return {name: documents, "next": write_cursor(rows[-1]["number"]) if len(rows) == limit else None}
