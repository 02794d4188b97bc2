# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's scripts may do to the world: each call goes to the part that does it."""

import json
from typing import Any

from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.errors import InvalidError, RefusedError
from ganglion.guardian import Actuators, Decision
from ganglion.mesh.client import MeshClient
from ganglion.mesh.transport import Transport
from ganglion.mova.ports import PromptReply, PromptRequest
from ganglion.node.acting import GUARDIAN
from ganglion.sensors import Sensors
from ganglion.units import SECOND
from ganglion_micro import cbor
from ganglion_micro.topic import is_name

#: Seconds that the gateway has for its answer beyond the model's own time.
_ON_TOP = 2.0
#: Nanoseconds that the gateway keeps an event for a node which is away: what must arrive, and what is of now or never.
_KEPT = 24 * 3600 * SECOND
_BRIEFLY = 30 * SECOND
#: What the gateway can carry on: letters of a topic, bytes of a value in CBOR, and how deep it may be.
_MAX_TOPIC = 256
_MAX_VALUE = 48 * 1024
_MAX_DEPTH = 12
#: Letters of a model's answer that a person is shown who is asked for consent.
_MAX_WHY = 300
#: The class of what a node tells of its runs.
EPISODE = "episode"
#: Classes that no script may use, since the node itself does.
_OURS = {EPISODE: "its runs", GUARDIAN: "its guardian"}
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
        self._answers: dict[str, str] = {}  # by run: what a model has said last

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
            "tools": list(request.tools) or None,
            "rounds": list(request.rounds) or None,
            "run": request.run,
            "script": request.script,
        }
        asked = {key: value for key, value in params.items() if value is not None}
        answer = await self._in_mesh("ask a model").request("prompt", asked, timeout=seconds + _ON_TOP)
        self._keep(request.run, answer)
        tokens = answer.get("tokens") or {}
        return PromptReply(
            value=answer["value"],
            tokens=sum(tokens.values()) or None,
            model=answer.get("model"),
            calls=answer.get("calls") or [],
        )

    async def actuate(
        self,
        actuator: str,
        value: Any,
        *,
        owner: str,
        for_ns: int | None,
        priority: int,
        within_ns: int | None,
        advised: bool,
        run: str,
    ) -> Decision:
        """Asks the guardian."""
        return await self._actuators.actuate(
            actuator,
            value,
            owner=owner,
            for_ns=for_ns,
            priority=priority,
            within_ns=within_ns,
            advised=advised,
            run=run,
            why=self._answers.get(run.partition("/")[0], ""),
        )

    def publish(self, topic: str, value: Any, *, to: str, must_arrive: bool, run: str) -> str:
        """An event of the mesh, whose class is the topic's first level; or with `mqtt:` a plain, unsigned message."""
        if topic.startswith("mqtt:"):
            if self._transport is None:
                raise RefusedError(f"{topic} cannot be published: this node has no broker; set mqtt.broker")
            text = str(value) if type(value) is int else json.dumps(value)
            self._transport.publish(topic[5:], text.encode())
            return ""
        cls = topic.partition("/")[0]
        if cls in _OURS:
            raise InvalidError(
                f"{topic} cannot be published: {cls} is the class of what the node tells of {_OURS[cls]}"
            )
        mesh = self._in_mesh(f"publish {topic}")
        body = {"topic": topic, "value": value, "timestamp": self._clock.now(), "source": run, "run": run}
        if to:
            _check_onward(topic, value)
            body |= {"to": to, "wait": _KEPT if must_arrive else _BRIEFLY}
        return mesh.publish_event(cls, body, must_arrive=must_arrive)

    def emit(self, topic: str, value: Any, *, source: str) -> None:
        """An event of this node's bus."""
        self._bus.emit(topic, value, timestamp=self._clock.now(), source=source)

    async def read(self, sensor: str) -> Any:
        """Samples a sensor now."""
        return await self._sensors.read(sensor)

    def episode(self, episode: dict[str, Any]) -> None:
        """Keeps the record of a run that reached beyond the bus: it goes to the gateway and must arrive."""
        self._answers.pop(episode["id"], None)
        if self._mesh is None:
            return
        steps = episode["steps"]
        if any(step["action"] in _OUTWARD or (step["action"] == "publish" and step["detail"]) for step in steps):
            self._mesh.publish_event(EPISODE, episode)

    def _keep(self, run: str, answer: dict[str, Any]) -> None:
        """Remembers what a model has answered a run, or a branch of it: a person may have to agree to what follows."""
        said = json.dumps(answer.get("calls") or answer["value"], ensure_ascii=False, default=str)
        self._answers[run.partition("/")[0]] = f"{answer.get('model') or 'a model'} has answered {said}"[:_MAX_WHY]

    def _in_mesh(self, what: str) -> MeshClient:
        if self._mesh is None:
            raise RefusedError(f"cannot {what}: this node is in no mesh; set mesh.enrol_key_file")
        return self._mesh


def _check_onward(topic: str, value: Any) -> None:
    """Refuses here what the gateway could not carry on to another node: the script learns it."""
    if not is_name(topic) or len(topic) > _MAX_TOPIC:
        raise InvalidError(f"must be a topic of 1 to {_MAX_TOPIC} letters without + and #", where=topic[:80])
    try:
        size = len(cbor.encode(value, cbor.MAX_DEPTH - _MAX_DEPTH))
    except cbor.CBORError as error:
        raise InvalidError(f"the value cannot be carried to another node: {error}", where=topic) from error
    if size > _MAX_VALUE:
        raise InvalidError(f"the value has {size} bytes, and {_MAX_VALUE} can be carried to another node", where=topic)
