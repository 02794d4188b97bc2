# SPDX-License-Identifier: GPL-3.0-or-later
"""`[mqtt]`: at which broker the node is; and how any section of the file names one."""

from dataclasses import dataclass
from pathlib import Path

from ganglion.errors import InvalidError
from ganglion.mqtt.url import BrokerUrl, addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSection:
    """`[mqtt]`.

    Attributes:
        broker: `mqtt://host[:port]`, or `mqtts://` for TLS; `ganglion.mqtt.url` has what may follow. Files in it are
            beside the configuration file unless absolute. A list is several addresses of one broker, tried in turn.
    """

    broker: str | tuple[str, ...]


def urls(given: str | tuple[str, ...], path: Path, section: str) -> tuple[BrokerUrl, ...]:
    """The addresses of a broker; files in them are beside the configuration file unless absolute.

    Raises:
        InvalidError: one is no URL; the section is named.
    """
    try:
        return addresses(given, path.absolute().parent)
    except InvalidError as error:
        raise InvalidError(str(error), where=f"{path}: {section}.broker") from None
