# SPDX-License-Identifier: GPL-3.0-or-later
"""`[leaves]`: where a node hears devices that cannot sign. Loaded where the file has the table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavesSection:
    """`[leaves]`: the node is the parent of devices that cannot sign, which `ganglion leaf add` lets in.

    Attributes:
        host: Address of this machine on which they are heard.
        port: UDP port.
        serial: Serial ports, each with one at its end, as `/dev/ttyACM0` or `/dev/serial/by-id/…`.
        baud: Bits a second of those.
    """

    host: str = "0.0.0.0"  # noqa: S104 - they are elsewhere on the LAN, and nothing is believed without a key
    port: int = 8475
    serial: tuple[str, ...] = ()
    baud: int = 115200

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise ValueError("port is 1 to 65535")
        if len(set(self.serial)) < len(self.serial):
            raise ValueError("serial names a port twice")
        if self.baud < 300:
            raise ValueError(f"baud is 300 or more, not {self.baud}")
