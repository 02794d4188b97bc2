# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a device without a network to its parent: frames on the serial line of its console, or on another UART.

The console stays what it is: what is printed goes out between the frames, and Ctrl-C comes in between them.
"""

import select
import sys

from ganglion_micro.framing import Unframer, framed

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

    from ganglion_agent.section import Section

#: Octets that are read before everything else gets its turn.
_AT_ONCE = 512


class Serial:
    """Messages to and from a parent, as `uplink.Udp` has them.

    Args:
        section: `uplink` of the configuration: none or all of `uart`, `tx`, `rx`, `baud`.

    Raises:
        ConfigError: the board has no such UART.
    """

    def __init__(self, section: "Section") -> None:
        self._unframer = Unframer()
        self._frames = []  # type: list[bytes]
        way = sys.stdin  # type: Any
        out = sys.stdout  # type: Any
        if section.has("uart"):
            way = out = _uart(section)
        section.close()
        self._poll = select.poll()
        self._poll.register(way, select.POLLIN)
        self._room = select.poll()
        self._room.register(out, select.POLLOUT)
        # What goes through a text's stream is decoded, and its ends of lines are made two octets
        self._in = getattr(way, "buffer", way)
        self._out = getattr(out, "buffer", out)

    def open(self, now_ms: int) -> bool:
        """There is always a line, if perhaps no one at its end."""
        return True

    def send(self, data: bytes) -> None:
        """Sends a message; where the line takes nothing now, it is lost, and comes again if it matters."""
        if self._room.poll(0):
            self._out.write(framed(data))

    def receive(self) -> "bytes | None":
        """A message that has come; None where none has."""
        if not self._frames:
            data = bytearray()
            try:
                while len(data) < _AT_ONCE and self._poll.poll(0):
                    octet = self._in.read(1)
                    if not octet:
                        break
                    data.extend(octet)
            except OSError:
                pass  # the cable is out
            self._frames = self._unframer.feed(data)
            self._unframer.text = bytearray()
        return self._frames.pop(0) if self._frames else None


def _uart(section: "Section") -> "Any":
    from machine import UART

    number, tx, rx = section.take("uart", int), section.take("tx", int), section.take("rx", int)
    baud = section.take("baud", int, 115200, 300, 4000000)
    try:
        return UART(number, baudrate=baud, tx=tx, rx=rx, rxbuf=1024)
    except (OSError, ValueError, TypeError) as error:
        raise section.error("uart", "the board refuses it: {}".format(error)) from None
