# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages on a serial line beside a console's text, the same at both ends: PPP's framing (RFC 1662, section 4).

    7e  message and its FCS-32, little-endian; each of 00-1f 7d 7e as 7d and that octet xor 20  7e

A frame has no control characters, so no message looks like Ctrl-C or Ctrl-A to a REPL, and a line end in what might be
one says that it is text. Both flags are sent, and a flag behind what was no frame may begin the next: whatever is lost,
inserted or torn, the first whole frame after it is found, and what was no frame is kept as text.
"""

from binascii import crc32

_FLAG, _ESCAPE = 0x7E, 0x7D
#: Octets between two flags at most: 1024 of a message and 4, each of two.
_MOST = 2056


def framed(data: bytes) -> bytes:
    """The octets that carry a message."""
    data += crc32(data).to_bytes(4, "little")
    out = bytearray(b"~")
    for octet in data:
        if octet < 32 or octet in (_FLAG, _ESCAPE):
            out.append(_ESCAPE)
            octet ^= 32
        out.append(octet)
    out.append(_FLAG)
    return bytes(out)


class Unframer:
    """Finds messages in what comes, in pieces of any size.

    Attributes:
        text: What was in no frame; who wants it takes it out, and what is older than 1024 octets is gone.
    """

    def __init__(self) -> None:
        self.text = bytearray()
        self._frame = None  # type: bytearray | None

    def feed(self, data: "bytes | bytearray") -> "list[bytes]":
        """The messages that are whole now."""
        found = []
        for octet in data:
            frame = self._frame
            if octet == _FLAG:
                message = _message(frame) if frame else b""
                if message:
                    found.append(message)
                    self._frame = None
                    continue
                if frame:
                    self._say(frame)
                self._frame = bytearray()
            elif frame is None:
                self.text.append(octet)
            else:
                frame.append(octet)
                if octet < 32 or len(frame) > _MOST:
                    self._say(frame)
                    self._frame = None
        if len(self.text) > 1024:
            self.text = self.text[-1024:]
        return found

    def _say(self, frame: bytearray) -> None:
        self.text.append(_FLAG)
        self.text.extend(frame)


def _message(frame: "bytes | bytearray") -> bytes:
    """The message in a frame; empty where it is none, or damaged."""
    out = bytearray()
    escape = 0
    for octet in frame:
        if octet == _ESCAPE and not escape:
            escape = 32
        else:
            out.append(octet ^ escape)
            escape = 0
    data = bytes(out[:-4])
    return data if not escape and crc32(data).to_bytes(4, "little") == out[-4:] else b""
