# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's actuators over the mesh: listed, set as the guardian allows, and their values told when they change."""

from collections.abc import Callable
from typing import Any

from ganglion.errors import InvalidError, RefusedError
from ganglion.guardian import Actuators
from ganglion.mesh.parameters import takes
from ganglion.units import SECOND, duration

#: Nanoseconds after which a value is told again: a reading may be lost, and the gateway may be another one.
_AGAIN = 60 * SECOND
#: Letters of why a language model wants something.
_MAX_WHY = 200
#: How the streams of these values begin.
STREAM = "actuator/"


class Commanded:
    """The actuators of a node, for who asks from afar.

    Args:
        actuators: They.
        publish: Sends a reading to the gateway: stream, value, time, topic on the bus.
        now: Nanoseconds since the Unix epoch.
    """

    def __init__(
        self, actuators: Actuators, publish: Callable[[str, Any, int, str], None], now: Callable[[], int]
    ) -> None:
        self._actuators = actuators
        self._publish = publish
        self._now = now
        self._told: dict[str, tuple[Any, int]] = {}

    def serve(self, on_request: Callable[..., None]) -> None:
        """Registers the methods, by `MeshClient.on_request` or what is called like it."""
        on_request("actuators.list", self.list, summary="the actuators, what they were told and by whom")
        on_request("actuators.renew", self.renew, summary="say that you live, who has set some")
        on_request(
            "actuators.set",
            self.set,
            summary="have an actuator set, if it may (actuator, value, for, heartbeat, priority)",
        )

    def tell(self) -> None:
        """Sends the values that have changed since they were sent, and now and then all of them."""
        now = self._now()
        for status in self._actuators.status():
            value, since = self._told.get(status.id, (None, 0))
            if status.id not in self._told or value != status.value or not 0 <= now - since < _AGAIN:
                self._say(status.id, status.value)

    def _say(self, actuator: str, value: Any) -> None:
        now = self._now()
        self._told[actuator] = value, now
        self._publish(STREAM + actuator, value, now, f"actuator/{actuator}")

    @takes()
    async def list(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """Each actuator with its value, who holds it, and its limits, of which each is `from` somebody.

        One that is `barred` may have nothing but its fail-safe value, and it says why. One that is not `certain` has a
        `failure`, which says what did not take the last write and what to do about it.
        """
        said, limits, barred = self._actuators.capabilities(), self._actuators.limits(), self._actuators.barred()
        return {
            "actuators": {
                each.id: {
                    **said[each.id],
                    "value": each.value,
                    "certain": each.certain,
                    "holder": each.holder,
                    "limits": limits[each.id],
                    **({"barred": barred[each.id]} if each.id in barred else {}),
                    **({"failure": each.failure} if each.failure else {}),
                }
                for each in self._actuators.status()
            }
        }

    @takes("actuator", "value", "for", "heartbeat", "priority", "advised", "why")
    async def set(self, params: dict[str, Any], peer: Any) -> dict[str, Any]:
        """Asks the guardian on behalf of who called; `for`, as in `30s`, is when it is made safe again, `heartbeat` in
        what time the caller renews it, and `priority` 0 to 3. With `advised` a language model wants it, and `why` is
        what the person reads who is asked where its risk is `confirm`.

        Raises:
            InvalidError: `actuator` or `value` is missing, or another is no time or no number.
            RefusedError: the guardian says no; the message is its reason.
            NotFoundError: there is no such actuator.
        """
        actuator = params.get("actuator")
        if not isinstance(actuator, str) or "value" not in params:
            raise InvalidError("actuators.set needs actuator and value", where="params")
        priority = params.get("priority", 1)
        if type(priority) is not int:
            raise InvalidError("must be 0 to 3", where="priority")
        advised, why = params.get("advised", False), params.get("why", "")
        if type(advised) is not bool:
            raise InvalidError("must be true or false", where="advised")
        if not isinstance(why, str) or len(why) > _MAX_WHY:
            raise InvalidError(f"must be text of at most {_MAX_WHY} letters", where="why")
        decision = await self._actuators.actuate(
            actuator,
            params["value"],
            owner=_owner(peer),
            for_ns=duration(params["for"], where="for") if "for" in params else None,
            heartbeat_ns=duration(params["heartbeat"], where="heartbeat") if "heartbeat" in params else None,
            priority=priority,
            advised=advised,
            why=why,
        )
        # At once: whoever asked has the answer, and would miss that it changes back before the next look
        self._say(actuator, self._actuators.value(actuator))
        if not decision.accepted:
            raise RefusedError(decision.reason or f"{actuator} is refused")
        return {
            "actuator": actuator,
            "value": decision.value,
            "confirmed": decision.confirmed,
            "displaced": decision.displaced,
        }

    @takes()
    async def renew(self, params: dict[str, Any], peer: Any) -> dict[str, Any]:
        """Who called lives: its heartbeats count anew. The actuators that it holds; none where it was silent before."""
        return {"renewed": await self._actuators.renew(_owner(peer))}


def _owner(peer: Any) -> str:
    return f"mesh:{peer.name}"
