# SPDX-License-Identifier: GPL-3.0-or-later
"""What a configuration says of a link: `lan`, `lan:eth0`, or the URL of another broker."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ganglion.errors import InvalidError
from ganglion.mqtt.url import BrokerUrl, addresses

#: An interface's name: the kernel takes up to 15 of these.
_INTERFACE = re.compile(r"[A-Za-z0-9_.@-]{1,15}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSpec:
    """A link beside the member's own broker.

    Attributes:
        interface: Of a LAN; "" for all there are.
        brokers: Address of a broker; none for a LAN.
    """

    interface: str = ""
    brokers: tuple[BrokerUrl, ...] = ()


def several(texts: Sequence[str], folder: Path | None = None) -> list[LinkSpec]:
    """Links, of which no two are the same.

    Args:
        folder: Where files in a URL are looked for.

    Raises:
        InvalidError: one is no link, or is there twice.
    """
    links = [parse(text, folder) for text in texts]
    lans = [link.interface for link in links if not link.brokers]
    if len(set(lans)) < len(lans) or ("" in lans and len(lans) > 1):
        raise InvalidError("lan is every interface: name it alone, or each interface once", where="links")
    brokers = [str(link.brokers[0]) for link in links if link.brokers]
    if len(set(brokers)) < len(brokers):
        raise InvalidError("a broker is named twice", where="links")
    return links


def parse(text: str, folder: Path | None = None) -> LinkSpec:
    """A link.

    Args:
        folder: Where files in a URL are looked for.

    Raises:
        InvalidError: it is neither a LAN nor a broker.
    """
    kind, colon, interface = text.partition(":")
    if kind == "lan":
        if colon and not _INTERFACE.fullmatch(interface):
            raise InvalidError(f"{interface!r} is no name of an interface", where=text)
        return LinkSpec(interface=interface)
    if "://" in text:
        return LinkSpec(brokers=addresses([text], folder))
    raise InvalidError("a link is lan, lan:INTERFACE or the URL of another broker, mqtt://HOST", where=text)
