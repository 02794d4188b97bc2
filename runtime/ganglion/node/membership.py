# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's broker and its membership of a mesh, as its configuration has them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganglion.config import Config
from ganglion.errors import InvalidError
from ganglion.mesh.client import MeshClient
from ganglion.mesh.identity import Identity
from ganglion.mesh.keyholder import Confidential
from ganglion.mesh.links.spec import LinkSpec, several
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.transport import NoBroker
from ganglion_micro import gl1


def connection(config: Config, state: Path) -> MqttTransport | None:
    """The way to the broker; None where none is named."""
    if not config.brokers:
        return None
    identity = Identity.load_or_create(state / "identity")
    return MqttTransport(config.brokers, client_id=identity.client_id)


def membership(
    config: Config,
    state: Path,
    transport: MqttTransport | None,
    *,
    birth: Callable[[], dict[str, Any]],
    clock: Callable[[], int],
) -> MeshClient | None:
    """The membership; None where the configuration has no mesh.

    Args:
        birth: What the birth says of the node.
        clock: Nanoseconds since the Unix epoch.

    Raises:
        InvalidError: there is no way to others, or into the mesh.
    """
    section = config.mesh
    if section is None:
        return None
    if transport is None and not section.links:
        raise InvalidError(
            "a mesh needs a broker or neighbours: set mqtt.broker, or links", where=f"{config.path}: mesh"
        )
    joined = (state / "credential.cwt").exists()
    if transport is None and not joined:
        raise InvalidError(
            "a node joins over a broker, once: `ganglion enrol` does that, and then it may have none",
            where=f"{config.path}: mesh",
        )
    return MeshClient(
        transport=transport or NoBroker(),
        state=state,
        name=config.node.name,
        enrol_key=None if joined else config.enrol_key(),
        mesh=section.id,
        root=gl1.from_base32(section.root) if section.root else b"",
        max_stale=section.max_stale,
        links=_links(section.links, config.path),
        birth=birth,
        confidential=Confidential(group=section.confidential, topics=section.confidential_topics),
        clock=clock,
    )


def _links(links: tuple[str, ...], path: Path) -> list[LinkSpec] | None:
    try:
        return several(links, path.parent) or None
    except InvalidError as error:
        raise InvalidError(str(error), where=f"{path}: mesh.links") from None
