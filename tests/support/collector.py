# SPDX-License-Identifier: GPL-3.0-or-later
"""A collector of OpenTelemetry traces: takes OTLP over HTTP, decoded by the protocol's own published messages."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Taken(NamedTuple):
    """A span that came."""

    service: str
    trace: str
    id: str
    parent: str
    name: str
    start: int
    end: int
    failed: bool
    attributes: dict[str, str]


class Collector:
    """Listens on loopback; `spans` are those that came."""

    def __init__(self) -> None:
        self.spans: list[Taken] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                wanted = self.path == "/v1/traces" and self.headers["content-type"] == "application/x-protobuf"
                if wanted:
                    collector._take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200 if wanted else 404)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _take(self, request: ExportTraceServiceRequest) -> None:
        for group in request.resource_spans:
            resource = {one.key: one.value.string_value for one in group.resource.attributes}
            for scope in group.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        Taken(
                            resource["service.name"],
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            span.name,
                            span.start_time_unix_nano,
                            span.end_time_unix_nano,
                            span.status.code == 2,
                            {one.key: one.value.string_value for one in span.attributes},
                        )
                    )


@contextmanager
def collector() -> Iterator[Collector]:
    """One that runs until the block ends."""
    made = Collector()
    thread = threading.Thread(target=made._server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made._server.shutdown()
        made._server.server_close()
        thread.join(10)
