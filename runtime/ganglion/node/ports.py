# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's scripts may do to the world: each call goes to the part that does it."""

import json
from typing import Any

from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.errors import RefusedError
from ganglion.guardian import Actuators, Decision
from ganglion.mesh.client import MeshClient
from ganglion.mesh.transport import Transport
from ganglion.mova.ports import PromptReply, PromptRequest
from ganglion.sensors import Sensors

#: Seconds that the gateway has for its answer beyond the model's own time.
_ON_TOP = 2.0
#: Steps that reach beyond the bus: a run with one of them leaves its episode with the gateway.
_OUTWARD = frozenset(("prompt", "tool_api", "actuate"))


class NodePorts:
    """`ganglion.mova.ports.Ports` of a node.

    Args:
        mesh: None for a node outside any mesh.
        transport: None for a node without a broker.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        clock: Clock,
        sensors: Sensors,
        actuators: Actuators,
        mesh: MeshClient | None,
        transport: Transport | None,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._sensors = sensors
        self._actuators = actuators
        self._mesh = mesh
        self._transport = transport

    async def prompt(self, request: PromptRequest) -> PromptReply:
        """Asks the gateway's model."""
        seconds = request.seconds or 30.0
        params = {
            "prompt": request.prompt,
            "system": request.system,
            "schema": request.schema,
            "model": request.model,
            "temperature": request.temperature,
            "max_tokens": request.tokens,
            "seconds": seconds,
            "run": request.run,
        }
        asked = {key: value for key, value in params.items() if value is not None}
        answer = await self._in_mesh("ask a model").request("prompt", asked, timeout=seconds + _ON_TOP)
        tokens = answer.get("tokens") or {}
        return PromptReply(value=answer["value"], tokens=sum(tokens.values()) or None, model=answer.get("model"))

    async def actuate(self, actuator: str, value: Any, *, owner: str, for_ns: int | None, priority: int) -> Decision:
        """Asks the guardian."""
        return await self._actuators.actuate(actuator, value, owner=owner, for_ns=for_ns, priority=priority)

    def publish(self, topic: str, value: Any, *, must_arrive: bool, run: str) -> str:
        """An event of the mesh, whose class is the topic's first level; or with `mqtt:` a plain, unsigned message."""
        if topic.startswith("mqtt:"):
            if self._transport is None:
                raise RefusedError(f"{topic} cannot be published: this node has no broker; set mqtt.broker")
            self._transport.publish(topic[5:], json.dumps(value).encode())
            return ""
        body = {"topic": topic, "value": value, "timestamp": self._clock.now(), "source": run, "run": run}
        return self._in_mesh(f"publish {topic}").publish_event(topic.partition("/")[0], body, must_arrive=must_arrive)

    def emit(self, topic: str, value: Any, *, source: str) -> None:
        """An event of this node's bus."""
        self._bus.emit(topic, value, timestamp=self._clock.now(), source=source)

    async def read(self, sensor: str) -> Any:
        """Samples a sensor now."""
        return await self._sensors.read(sensor)

    def episode(self, episode: dict[str, Any]) -> None:
        """Keeps the record of a run that reached beyond the bus: it goes to the gateway and must arrive."""
        if self._mesh is None:
            return
        steps = episode["steps"]
        if any(step["action"] in _OUTWARD or (step["action"] == "publish" and step["detail"]) for step in steps):
            self._mesh.publish_event("episode", episode)

    def _in_mesh(self, what: str) -> MeshClient:
        if self._mesh is None:
            raise RefusedError(f"cannot {what}: this node is in no mesh; set mesh.enrol_key_file")
        return self._mesh
