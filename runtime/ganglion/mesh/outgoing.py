# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member says to its gateway: readings, which may be lost, and events, which may not."""

from collections.abc import Callable, Mapping
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh.delivery import Delivery
from ganglion.mesh.keyholder import KeyHolder
from ganglion.mesh.member import Member
from ganglion.mesh.readings import Readings
from ganglion.mesh.spool import Key
from ganglion.mesh.ways import Ways
from ganglion_micro import cbor, gl1

#: The heartbeat, which says nothing that could be confidential.
UPTIME = "system/uptime"


class Outgoing:
    """That of one member. Runs on one event loop.

    Args:
        member: Seals.
        ways: Lead to the gateway.
        delivery: Keeps what must arrive.
        keys: Of groups.
        ready: Whether others hear and believe this member now.
        clock: Nanoseconds since the Unix epoch.

    Attributes:
        readings: Gathers them into frames.
    """

    def __init__(
        self,
        member: Member,
        *,
        ways: Ways,
        delivery: Delivery,
        keys: KeyHolder,
        ready: Callable[[], bool],
        clock: Callable[[], int],
    ) -> None:
        self._member = member
        self._ways = ways
        self._delivery = delivery
        self._keys = keys
        self._ready = ready
        self._clock = clock
        self.readings = Readings(self._send)

    def reading(self, stream: str, value: Any, timestamp: int, topic: str) -> None:
        """See `MeshClient.publish_reading`."""
        confidential = stream != UPTIME and bool(self._keys.group_of(topic or stream))
        self.readings.add(stream, value, timestamp, confidential=confidential)

    def _send(self, readings: list[cbor.Encoded], confidential: bool) -> bool:
        if not (self._ready() and self._ways.leads) or (confidential and not self._keys.has_key):
            return False
        group = self._keys.confidential.group if confidential else ""
        self._ways.send(self._member.seal(gl1.BATCH, readings, now=self._clock(), group=group), 0)
        return True

    def event(self, cls: str, body: Mapping[str, Any], *, must_arrive: bool) -> str:
        """See `MeshClient.publish_event`."""
        said, group = {**body, "class": cls}, self._keys.group_of_event(cls, body)
        if group and not self._keys.has_key:
            if must_arrive:
                self._keys.hold(cls, said)
            return ""
        try:
            sealed = self._member.seal(gl1.EVENT, said, now=self._clock(), name=cls, group=group)
        except ValueError as error:
            raise InvalidError(f"the event cannot be sent: {error}", where=cls) from error
        self.readings.flush()
        if must_arrive:
            self._delivery.post(sealed)
        elif self._ready():
            self._ways.send(sealed, 1)
        return self.event_id((sealed.epoch, sealed.seq))

    def event_id(self, key: Key) -> str:
        """What an event of this member is called everywhere."""
        return f"{self._member.identity.node_id}-{key[0]}-{key[1]}"
