# SPDX-License-Identifier: GPL-3.0-or-later
"""A device as a leaf: what its configuration says of its parent, and the way there."""

import os

from ganglion_agent import flash
from ganglion_agent.section import Section
from ganglion_micro.cbor import encode
from ganglion_micro.leaf import NONCE_SIZE, Leaf
from ganglion_micro.leaf_key import parse

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

    from ganglion_agent.device import Device

#: UDP port of a parent.
PORT = 8475
#: Bytes of what the birth has room for besides: units are left out where they would be more.
_ROOM = 640


class Leafed:
    """The parent that `agent.json` names, at the end of a line or on the network, and the key that both share.

    Args:
        folder: Of the key's file; None where it is not to be looked at.
        line: What `uplink` says of the line to the parent; None where it is on the network.

    Attributes:
        key: The leaf's.
        update_key: The text with the key of the issuer, from beside the leaf's; empty where there is none.
        host, port: Of the parent; empty where it is at the end of a line.
        updates: Whose are taken, where nothing else is said.
        turn_ms: The shortest watchdog.

    Raises:
        ConfigError: something is wrong or missing.
    """

    updates = "parent"
    turn_ms = 1000

    def __init__(self, section: Section, folder: "str | None", line: "Section | None") -> None:
        file = section.take("key", str, "leaf.key")
        self.key: "Any" = None
        self.update_key = ""
        if folder is not None:
            text = flash.read(folder + file)
            if text is None:
                raise section.error("key", "{} is not there: `ganglion leaf add NAME` prints it".format(file))
            try:
                self.key = parse(text.decode())
            except (ValueError, UnicodeError) as error:
                raise section.error("key", "{}: {}".format(file, error)) from None
            self.update_key = "".join(text.decode().split()[1:])
        self.host, self.port = "", PORT
        self._line = line
        if line is None:
            parent = section.section("parent")
            self.host = parent.take("host", str)
            self.port = parent.take("port", int, PORT, 1, 65535)
            parent.close()

    @staticmethod
    def asks(leaf: Leaf, asked: "dict[str, Any]", answer: "Any", ns: int) -> bool:
        """Has the parent ask its gateway's model, and call the method `answer`; see `full.Full.asks`."""
        return leaf.event("prompt", "prompt", asked)

    def joins(self, device: "Device", boot: int, about: "dict[str, Any]") -> "tuple[Any, Any]":
        """What speaks with the parent in this boot, and the way there.

        Raises:
            ConfigError: the board has no such UART.
        """
        said = {"board": about["board"], "sw": about["sw"], "units": device.units}
        if len(encode(said)) > _ROOM:
            del said["units"]
        leaf = Leaf(self.key, boot, os.urandom(NONCE_SIZE), said)
        if self._line is not None:
            from ganglion_agent.serial import Serial

            return leaf, Serial(self._line)
        from ganglion_agent.uplink import Udp

        return leaf, Udp(self.host, self.port, device.log)
