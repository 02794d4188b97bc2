# SPDX-License-Identifier: GPL-3.0-or-later
"""`ntptime`: asks a time server (RFC 4330) and sets the script's clock."""

import socket as _socket
import time as _time

from ganglion.shims import clock as _clock

host = "pool.ntp.org"
#: Seconds to wait for the answer.
timeout = 1
#: Seconds from 1900, where NTP counts from, to 1970.
_EPOCH = 2_208_988_800
_PORT = 123


def time() -> int:
    """Seconds since 1970 by the server.

    Raises:
        OSError: it does not answer in time.
    """
    query = bytes((0x1B,)) + bytes(47)  # version 3, client
    with _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM) as talk:
        talk.settimeout(timeout)
        talk.sendto(query, _socket.getaddrinfo(host, _PORT, _socket.AF_INET)[0][-1])
        answer = talk.recv(48)
    if len(answer) < 48:
        raise OSError("the time server's answer is too short")
    seconds = int.from_bytes(answer[40:44], "big")
    # The counter begins again in 2036: the lower half is the new era
    return seconds - _EPOCH + (0 if seconds & 0x80000000 else 1 << 32)


def settime() -> None:
    """Sets the clock that `time` and `machine.RTC` tell; the machine's stays as it is."""
    _clock.set_offset(time() * 1_000_000_000 - _time.time_ns())
