# SPDX-License-Identifier: GPL-3.0-or-later
"""How one gateway is run: made from the command line and the environment, once, and read by everything."""

from dataclasses import dataclass, field
from pathlib import Path

from ganglion.mesh.links.spec import LinkSpec
from ganglion.units import SECOND
from ganglion_gateway.model.configuration import ModelsSettings

_DAY = 86400 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """The endpoint that the command line names.

    Attributes:
        url: Where alerts go.
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
        audit_age: Nanoseconds.
    """

    readings_age: int = 7 * _DAY
    readings_count: int = 100_000
    events_age: int = 90 * _DAY
    events_count: int = 1_000_000
    audit_age: int = 365 * _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One gateway.

    Attributes:
        state: Folder of the database, keys and token.
        broker: URL of the MQTT broker, or several addresses of it.
        links: The mesh's links beside the broker; None for none.
        host: Address to listen on.
        port: TCP port; 0 lets the kernel pick one.
        name: What its credential calls it.
        webhook: The command line's endpoint.
        models: Language models, and what of them may be used.
        certificate: PEM file of the chain for TLS.
        private_key: PEM file of its key.
        retention: What is deleted when.
        home_assistant: URL of the broker on which the fleet is announced to Home Assistant; "" for nowhere.
        home_assistant_groups: Groups whose confidential readings are announced there all the same.
        version: Of the software.
    """

    state: Path
    broker: str | tuple[str, ...]
    links: tuple[LinkSpec, ...] | None = None
    host: str = "127.0.0.1"
    port: int = 8470
    name: str = "gateway"
    webhook: WebhookSettings | None = None
    models: ModelsSettings = field(default_factory=ModelsSettings)
    certificate: Path | None = None
    private_key: Path | None = None
    retention: Retention = Retention()
    home_assistant: str = ""
    home_assistant_groups: tuple[str, ...] = ()
    version: str = ""
