# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated node of `ganglion bench gateway`: identity, credential, birth, events and answers as a real one has them.

It has no connection and no clock of its own: `gateway_nodes` carries the messages of many. What it does not do is keep
events on a disk; it sends again what was not acknowledged.
"""

from collections.abc import Sequence
from typing import Any

from ganglion.mesh.authority import Authority
from ganglion.mesh.courier import Courier
from ganglion.mesh.credential import NODE
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Member, Received, Sealed
from ganglion.mesh.spool import Row
from ganglion_micro import gl1

#: What its board has, so that a page of the inventory looks as it does of a real node.
SENSORS = {
    f"room.{name}": {"unit": unit, "kind": "bme280"} for name, unit in (("temperature", "Cel"), ("humidity", "%"))
}


class SimulatedNode:
    """One.

    Args:
        authority: Lets it in.
        name: What its credential calls it.
        now: Nanoseconds since the Unix epoch.

    Attributes:
        member: Seals and opens.
        courier: Which of its events is to be sent again when.
        stored: Events that the gateway has acknowledged.
    """

    __slots__ = ("_credential", "_heard", "courier", "member", "name", "stored")

    def __init__(self, authority: Authority, name: str, *, now: int) -> None:
        identity = Identity.create()
        self.name = name
        self.member = Member(identity, mesh=authority.mesh_id, epoch=1)
        self.member.adopt(authority.trust(now=now))
        self._credential = authority.issue(identity.public, name=name, roles=[NODE], tags=["bench"], now=now)
        self.courier = Courier()
        self.stored = 0
        self._heard = 0

    @property
    def id(self) -> str:
        """Its node id."""
        return self.member.identity.node_id

    def birth(self, now: int) -> Sealed:
        """That it is there."""
        body = {
            "board": "sim",
            "sw": "ganglion/bench",
            "caps": {"sensors": SENSORS, "methods": ["release.desire"]},
            "name": self.name,
            "nonce": self.member.nonce,
            "epoch": 1,
            "credential": self._credential,
        }
        return self.member.seal(gl1.BIRTH, body, now=now)

    def event(self, cls: str, value: Any, *, now: int, at: float) -> Row:
        """Something that must arrive; `at` is in seconds of the clock that `courier` is asked with."""
        body = {"class": cls, "topic": f"{cls}/bench", "value": value, "source": "bench", "run": "", "timestamp": now}
        sealed = self.member.seal(gl1.EVENT, body, now=now, name=cls)
        row = Row(sealed.epoch, sealed.seq, sealed.topic, sealed.payload)
        self.courier.sent(row, at)
        return row

    def reading(self, value: float, now: int) -> Sealed:
        """A batch of one reading."""
        return self.member.seal(gl1.BATCH, [["room/temperature", now, value]], now=now)

    def hear(self, births: Sequence[tuple[str, bytes]], topic: str, payload: bytes, now: int) -> Received | None:
        """What a message to this node says, where it is to be believed.

        Args:
            births: Of gateways, all that came so far; those that it has not heard it hears first.
        """
        for born in births[self._heard :]:
            self.member.open(*born, now=now)
        self._heard = len(births)
        received = self.member.open(topic, payload, now=now)
        if received is not None and received.kind == gl1.REPLY and "stored" in received.body:
            for key in received.body["stored"]:
                self.courier.arrived(tuple(key))
                self.stored += 1
        return received

    def ask(self, method: str, params: dict[str, Any], *, now: int) -> Sealed:
        """A request to the gateway that it has heard last."""
        gateway = self.member.gateway
        assert gateway is not None
        body = {"id": f"{method}{now}", "method": method, "params": params, "nonce": gateway.nonce}
        return self.member.seal(gl1.REQUEST, body | {"deadline": now + 60_000_000_000}, now=now, to=gateway.node_id)

    def answer(self, request: Received, result: Any, *, now: int) -> Sealed:
        """The answer to a request of the gateway."""
        body = {"id": request.body["id"], "ok": True, "result": result}
        return self.member.seal(gl1.REPLY, body, now=now, to=request.node_id)
