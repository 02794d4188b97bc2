# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until the path of an event is known whole, and exports it.

A node tells its run some seconds after the event, a webhook may be tried for hours: the path is looked at again and
again, less and less often, and exported once nothing in it is pending any more, or after the last look.
"""

import asyncio
import heapq
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ganglion.units import SECOND
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.settings import Settings
from ganglion_gateway.store.database import why
from ganglion_gateway.trace import PENDING
from ganglion_gateway.tracing.spans import Span, is_sampled, spans, trace_id, traceparent

_log = structlog.get_logger(__name__)

#: Seconds from the event to each look at its path.
LOOKS = (1, 3, 7, 15, 31, 63, 127, 255, 511, 1023)
#: Paths that are waited for. Beyond, the new ones are dropped and counted.
WAITING = 10_000
_TICK = 0.5
#: Seconds that the collector has for the last spans when the gateway ends.
_GRACE = 3.0

Document = dict[str, Any]


class Sink(Protocol):
    """Where spans go."""

    def send(self, trace_id: int, spans: Sequence[Span]) -> None:
        """Takes the spans of one trace; does not wait."""
        ...


class Tracing:
    """Exports the paths of events.

    Args:
        share: Of the events, from 0 to 1.
        path: The document of an event's path, by its id; None for an event that is not there.
        sink: Takes the spans.
        metrics: Counts what is exported and what is dropped.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(
        self,
        share: float,
        path: Callable[[str], Awaitable[Document | None]],
        sink: Sink,
        *,
        metrics: Metrics,
        clock: Callable[[], int],
    ) -> None:
        self._share = share
        self._path = path
        self._sink = sink
        self._metrics = metrics
        self._clock = clock
        self._waiting: list[tuple[int, int, int, str]] = []  # when, the look, the event's time, its id

    def headers(self, event: str, endpoint: str) -> dict[str, str]:
        """What a webhook says of the trace that it belongs to; nothing where that is not exported."""
        return {"traceparent": traceparent(event, endpoint)} if is_sampled(event, self._share) else {}

    def stored(self, events: Iterable[str]) -> None:
        """Events are there, by their ids."""
        now = self._clock()
        for event in events:
            if not is_sampled(event, self._share):
                continue
            if len(self._waiting) >= WAITING:
                self._metrics.traces.labels("dropped").inc()
                continue
            heapq.heappush(self._waiting, (now + LOOKS[0] * SECOND, 0, now, event))

    async def run(self) -> None:
        """Looks until cancelled."""
        while True:
            await asyncio.sleep(_TICK)
            await self.look()

    async def look(self) -> None:
        """At every path whose time has come."""
        while self._waiting and self._waiting[0][0] <= self._clock():
            _, look, began, event = heapq.heappop(self._waiting)
            try:
                document = await self._path(event)
            except SQLAlchemyError as error:
                _log.warning("trace not readable", event_id=event, reason=why(error))
                document = {"status": PENDING, "lines": []}
            if document is None:
                continue
            if document["status"] == PENDING and look + 1 < len(LOOKS):
                heapq.heappush(self._waiting, (began + LOOKS[look + 1] * SECOND, look + 1, began, event))
            elif found := spans(document) if document["lines"] else []:
                self._sink.send(trace_id(event), found)
                self._metrics.traces.labels("exported").inc()


@asynccontextmanager
async def opened(
    settings: Settings,
    path: Callable[[str], Awaitable[Document | None]],
    *,
    metrics: Metrics,
    clock: Callable[[], int],
) -> AsyncIterator[Tracing]:
    """What exports to the collector of the settings, until the block ends; without one it keeps no trace."""
    if settings.traces is None:
        yield Tracing(0, path, _Nowhere(), metrics=metrics, clock=clock)
        return
    from ganglion_gateway.tracing.export import Exporter  # 20 MB that only who wants traces has to have

    exporter = Exporter(settings.traces.url, version=settings.version, instance=settings.name)
    try:
        yield Tracing(settings.traces.share, path, exporter, metrics=metrics, clock=clock)
    finally:
        # Its thread may wait for a collector that does not answer; nobody waits for it longer than this.
        closing = threading.Thread(target=exporter.close, name="traces", daemon=True)
        closing.start()
        for _ in range(int(_GRACE / 0.05)):
            if not closing.is_alive():
                break
            await asyncio.sleep(0.05)


class _Nowhere:
    def send(self, trace_id: int, spans: Sequence[Span]) -> None:
        """Nothing is sampled, so nothing comes."""
