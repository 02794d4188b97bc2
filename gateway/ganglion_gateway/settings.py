# SPDX-License-Identifier: GPL-3.0-or-later
"""How one gateway is run: made from the command line and the environment, once, and read by everything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from ganglion.errors import UsageError
from ganglion.mesh.links.spec import LinkSpec
from ganglion.units import SECOND
from ganglion_gateway.model.configuration import ModelsSettings
from ganglion_gateway.store.url import DatabaseUrl

_DAY = 86400 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSettings:
    """A collector of OpenTelemetry traces.

    Attributes:
        url: Takes OTLP over HTTP, as `http://127.0.0.1:4318/v1/traces`.
        share: Of the events, from 0 to 1.
    """

    url: str
    share: float = 1.0

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "TraceSettings | None":
        """From OpenTelemetry's own variables: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, or `OTEL_EXPORTER_OTLP_ENDPOINT`
        without the path, and `OTEL_TRACES_SAMPLER_ARG`. None without an endpoint.

        Raises:
            UsageError: the endpoint is no URL of http or https, or the share no number from 0 to 1.
        """
        url, name = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""), "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
        if not url and (base := environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")):
            url, name = base.rstrip("/") + "/v1/traces", "OTEL_EXPORTER_OTLP_ENDPOINT"
        if not url:
            return None
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"{name} is {url!r}: give it as http://127.0.0.1:4318")
        given = environment.get("OTEL_TRACES_SAMPLER_ARG", "1")
        try:
            share = float(given)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            raise UsageError(f"OTEL_TRACES_SAMPLER_ARG is {given!r}: the share of events to trace, from 0 to 1")
        return cls(url=url, share=share)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """The endpoint that the command line names.

    Attributes:
        url: Where alerts go; checked already.
        secret_file: Holds the `whsec_…`; None for one in the state folder, made where there is none.
        allow_private: Deliver to private and loopback addresses, and over http.
    """

    url: str
    secret_file: Path | None = None
    allow_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is deleted when.

    Attributes:
        readings_age: Nanoseconds.
        readings_count: Of one sensor.
        events_age: Nanoseconds; events with a webhook or a node to go to are kept.
        events_count: Of all classes together.
        audit_age: Nanoseconds; so long rollouts are kept, too, after they are over.
        logs_age: Nanoseconds; warnings and errors of nodes.
        logs_count: Of all nodes together.
        crashes_age: Nanoseconds.
        crashes_count: Of all nodes together.
        jobs_age: Nanoseconds after their end.
        jobs_count: That have ended.
    """

    readings_age: int = 7 * _DAY
    readings_count: int = 100_000
    events_age: int = 90 * _DAY
    events_count: int = 1_000_000
    audit_age: int = 365 * _DAY
    logs_age: int = 14 * _DAY
    logs_count: int = 500_000
    crashes_age: int = 90 * _DAY
    crashes_count: int = 10_000
    jobs_age: int = 30 * _DAY
    jobs_count: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One gateway.

    Attributes:
        state: Folder of keys and token, and of the database where it has no place of its own.
        database: Where the database is; None for a file of SQLite in the state folder.
        broker: URL of the MQTT broker, or several addresses of it.
        links: The mesh's links beside the broker; None for none.
        host: Address to listen on.
        port: TCP port; 0 lets the kernel pick one.
        name: What its credential calls it.
        webhook: The command line's endpoint.
        models: Language models, and what of them may be used.
        traces: Where the paths of events go; None for nowhere.
        certificate: PEM file of the chain for TLS.
        private_key: PEM file of its key.
        trusted_proxies: Networks of proxies that are believed who asks, and by which scheme.
        retention: What is deleted when.
        home_assistant: URL of the broker on which the fleet is announced to Home Assistant; "" for nowhere.
        home_assistant_groups: Groups whose confidential readings are announced there all the same.
        version: Of the software.
    """

    state: Path
    broker: str | tuple[str, ...]
    database: DatabaseUrl | None = None
    links: tuple[LinkSpec, ...] | None = None
    host: str = "127.0.0.1"
    port: int = 8470
    name: str = "gateway"
    webhook: WebhookSettings | None = None
    models: ModelsSettings = field(default_factory=ModelsSettings)
    traces: TraceSettings | None = None
    certificate: Path | None = None
    private_key: Path | None = None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    retention: Retention = Retention()
    home_assistant: str = ""
    home_assistant_groups: tuple[str, ...] = ()
    version: str = ""

    @property
    def store(self) -> DatabaseUrl:
        """Where the database is."""
        return self.database or DatabaseUrl.file(self.state / "gateway.db")
