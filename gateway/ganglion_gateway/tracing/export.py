# SPDX-License-Identifier: GPL-3.0-or-later
"""Spans to a collector, by OTLP over HTTP: the one module that knows OpenTelemetry, imported where it is asked for."""

from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from ganglion_gateway.tracing.spans import Span

_KINDS = {"webhook": trace.SpanKind.CLIENT, "gateway": trace.SpanKind.CONSUMER, "mesh": trace.SpanKind.PRODUCER}


class Exporter:
    """Sends spans in batches, from a thread of its own; beyond its queue of 2,048 the new ones are dropped.

    Args:
        url: Of the collector, as in `http://127.0.0.1:4318/v1/traces`.
        version: Of the software.
        instance: What this gateway is called.
    """

    def __init__(self, url: str, *, version: str, instance: str) -> None:
        self._ids = _Ids()
        self._processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=url))
        gateway = {"service.name": "ganglion-gateway", "service.version": version, "service.instance.id": instance}
        self._gateway = self._provider(gateway)
        self._node = self._provider({"service.name": "ganglion-node"})

    def _provider(self, resource: dict[str, str]) -> TracerProvider:
        # Which traces are kept is decided before they come here.
        provider = TracerProvider(
            sampler=ALWAYS_ON, resource=Resource.create(resource), id_generator=self._ids, shutdown_on_exit=False
        )
        provider.add_span_processor(self._processor)
        return provider

    def send(self, trace_id: int, spans: Sequence[Span]) -> None:
        """Queues the spans of one trace."""
        for span in spans:
            self._ids.trace, self._ids.span = trace_id, span.id
            tracer = (self._node if span.on_node else self._gateway).get_tracer("ganglion")
            context = None
            if span.parent is not None:
                parent = trace.SpanContext(trace_id, span.parent, is_remote=False, trace_flags=trace.TraceFlags(1))
                context = trace.set_span_in_context(trace.NonRecordingSpan(parent))
            made = tracer.start_span(
                span.name,
                context,
                kind=_KINDS.get(str(span.attributes.get("ganglion.stage")), trace.SpanKind.INTERNAL),
                attributes=span.attributes,
                start_time=span.start,
            )
            if span.error:
                made.set_status(trace.StatusCode.ERROR, span.error)
            made.end(span.end)

    def close(self) -> None:
        """Sends what waits, and ends the thread. It may take as long as the collector takes: 10 seconds a batch."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]


class _Ids(IdGenerator):
    """Gives the ids that were set last, as ours follow from the event."""

    trace = 0
    span = 0

    def generate_trace_id(self) -> int:
        return self.trace

    def generate_span_id(self) -> int:
        return self.span
