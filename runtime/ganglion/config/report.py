# SPDX-License-Identifier: GPL-3.0-or-later
"""`[[report]]`: which readings a node sends."""

import math
from dataclasses import dataclass
from typing import Any

from ganglion.settings import duration_field


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSection:
    """`[[report]]`: readings that the node sends to the gateway. Without any such table it sends all.

    Attributes:
        topic: An MQTT filter of topics below `sensor/`.
        type: A filter of event types, as in `signal.input.external.*`; "" for any.
        where: A filter on events, as `ganglion watch --where` takes it.
        change: A number is sent when it is farther than this from the one of its topic that was sent last.
        sample: The time that a reading waits for a later one of its topic; the latest is sent at its end.
    """

    topic: str = "sensor/#"
    type: str = ""
    where: dict[str, Any] | None = None
    change: float | None = None
    sample: int = duration_field("0s")

    def __post_init__(self) -> None:
        if self.change is not None and not 0 <= self.change < math.inf:
            raise ValueError(f"change is 0 or more, not {self.change:g}")
