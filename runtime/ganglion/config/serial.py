# SPDX-License-Identifier: GPL-3.0-or-later
"""`[serial.NAME]`: which serial ports a node lends. Loaded where the file has such a table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialSection:
    """`[serial.NAME]`: a serial port that is lent to people at the node's console, who reach it over the mesh.

    Attributes:
        port: `/dev/ttyUSB0`, or better a name below `/dev/serial/by-id`; `socket://HOST:PORT`, `rfc2217://HOST:PORT`.
        baud: Bits a second, until who writes there sets others.
        about: What is at its end, for people.
    """

    port: str
    baud: int = 115200
    about: str = ""

    def __post_init__(self) -> None:
        if not self.port.startswith("/") and "://" not in self.port:
            raise ValueError(f'port must be a path such as "/dev/ttyUSB0", not {self.port!r}')
        if self.baud < 50:
            raise ValueError(f"baud is 50 or more, not {self.baud}")
        if len(self.about) > 100 or not self.about.isprintable():
            raise ValueError("about is one line of at most 100 letters")
