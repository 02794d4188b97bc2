# SPDX-License-Identifier: GPL-3.0-or-later
"""What each kind of account may publish and subscribe: the topics of the mesh, one rule a line. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """MQTT topic filters.

    Attributes:
        publish: Topics on which the broker passes on what the account says; its will too.
        subscribe: Topics that reach the account.
    """

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def gateway(mesh: str) -> Rights:
    """The gateway hears all of its mesh and speaks to every member of it."""
    return Rights(publish=(f"gl1/{mesh}/#",), subscribe=(f"gl1/{mesh}/#",))


def node(mesh: str, ids: Sequence[str]) -> Rights:
    """A node speaks in its own subtree and into the inboxes of others; it hears its own and what is for everybody.

    Args:
        ids: Its node id, and those that it had under earlier keys.
    """
    base = f"gl1/{mesh}"
    return Rights(
        publish=(
            *(f"{base}/n/{own}/#" for own in ids),
            *(f"{base}/g/+/{own}/#" for own in ids),
            f"{base}/n/+/q",
            f"{base}/n/+/r",
            f"{base}/n/+/sync",
            f"{base}/l/+",
        ),
        subscribe=(
            *(f"{base}/n/{own}/#" for own in ids),
            *(f"{base}/l/{own}" for own in ids),
            f"{base}/l/_",
            f"{base}/l/gw",
            f"{base}/c/#",
            f"{base}/g/#",
            f"{base}/n/+/birth",
            f"{base}/n/+/s",
        ),
    )


def enrol(mesh: str) -> Rights:
    """Whoever has no account yet asks to be let in, and hears the answer; nobody's inbox, no events, no births.

    One account for all of them: which node id asks, the broker cannot know, the gateway does by its signature.
    """
    base = f"gl1/{mesh}"
    return Rights(
        publish=(f"{base}/n/+/enrol",),
        subscribe=(
            f"{base}/c/bundle",
            f"{base}/c/gateway/+",
            f"{base}/c/revoked",
            f"{base}/c/policy",
            f"{base}/c/limits",
            f"{base}/n/+/credential",
        ),
    )
