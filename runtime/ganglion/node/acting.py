# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's guardian does by itself, told: on the node's bus, and as a signed event that belongs to the run whose
command it has ended.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ganglion.bus import Bus
from ganglion.errors import RefusedError
from ganglion.guardian import Effect
from ganglion.node.commanded import STREAM

#: The class of these events, and their source on the bus.
GUARDIAN = "guardian"


class Acting:
    """Tells of what `Actuators.on_effect` brings.

    Args:
        bus: Scripts and who watches hear it there, on `actuator/<name>`.
        publish: Has the gateway keep an event: its class and body. None for a node in no mesh.
        now: Nanoseconds since the Unix epoch.
    """

    def __init__(
        self, bus: Bus, publish: Callable[[str, dict[str, Any]], object] | None, now: Callable[[], int]
    ) -> None:
        self._bus = bus
        self._publish = publish
        self._now = now

    def tell(self, effect: Effect, failure: str) -> None:
        """One act, and why it failed, "" where it has not. The guardian tries again, and tells when it is done."""
        topic, now = STREAM + effect.actuator, self._now()
        value = {"value": effect.value, "reason": effect.reason, "owner": effect.owner, "failure": failure}
        with suppress(RefusedError):  # a queue of who listens is full, which must not keep it from the gateway
            self._bus.emit(topic, value, timestamp=now, source=GUARDIAN)
        if self._publish is not None:
            run = effect.run.partition("/")[0]  # the run, and not the branch of it
            body = {"topic": topic, "value": value, "timestamp": now, "source": GUARDIAN, "run": run}
            self._publish(GUARDIAN, body)
