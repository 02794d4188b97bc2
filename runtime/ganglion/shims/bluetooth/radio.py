# SPDX-License-Identifier: GPL-3.0-or-later
"""What `aioble` asks of a radio, simulated or real: Bluetooth Low Energy without pairing (Core specification, volume 3,
parts C, F and G).

UUIDs are bytes in the order of the air, of 2, 4 or 16; addresses six bytes as they are written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

#: Types of an advertising report: connectable, not connectable, and what a scanner that asks gets besides.
ADV_IND, ADV_NONCONN_IND, SCAN_RSP = 0, 3, 4
#: Properties of a characteristic, as they are on the air.
READ, WRITE_NO_RESPONSE, WRITE, NOTIFY, INDICATE = 0x02, 0x04, 0x08, 0x10, 0x20
#: Bits of the Client Characteristic Configuration, and its UUID.
NOTIFIES, INDICATES = 1, 2
CCCD = b"\x02\x29"
#: Bytes of a packet before anybody has asked for more (part F, 5.2.1).
DEFAULT_MTU = 23

Address = tuple[int, bytes]
#: Called with the handle of a characteristic, what it sent, and whether that is an indication.
Heard = Callable[[int, bytes, bool], None]


class GattRefusedError(Exception):
    """The other side answered with an error.

    Args:
        status: Its number (part F, 3.4.1.1).
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Report:
    """What a scanner heard of a device."""

    address: Address
    kind: int
    rssi: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Advert:
    """What a device says of itself."""

    data: bytes
    response: bytes
    connectable: bool


@dataclass(frozen=True, slots=True)
class RemoteDescriptor:
    """A descriptor that a client has found."""

    uuid: bytes
    handle: int


@dataclass(frozen=True, slots=True)
class RemoteCharacteristic:
    """A characteristic that a client has found; `handle` is its value's."""

    uuid: bytes
    handle: int
    end: int
    properties: int
    descriptors: tuple[RemoteDescriptor, ...]


@dataclass(frozen=True, slots=True)
class RemoteService:
    """A service that a client has found."""

    uuid: bytes
    start: int
    end: int
    characteristics: tuple[RemoteCharacteristic, ...]


class Link(Protocol):
    """A connection, as the side that made it has it. What the other side refuses is a GattRefusedError."""

    async def services(self) -> Sequence[RemoteService]: ...
    async def read(self, handle: int) -> bytes: ...
    async def write(self, handle: int, data: bytes, response: bool) -> None: ...

    async def subscribe(self, characteristic: RemoteCharacteristic, bits: int) -> None:
        """Asks for notifications, indications, both, or none any more.

        Raises:
            ValueError: it has none.
        """
        ...

    async def exchange_mtu(self, mtu: int) -> int: ...
    async def disconnect(self) -> None: ...


class Entry(Protocol):
    """A value of a server's, with what it does when it is asked for or written: `aioble`'s own objects are such."""

    uuid: bytes
    flags: int
    handle: int
    value: bytes
    #: Bytes that a central may write, and whether they are put behind those that are there.
    room: int
    append: bool

    def asked(self, link: "Served") -> int:
        """Before it is read: 0, or the status that the client gets."""
        ...

    def written(self, link: "Served") -> None: ...


class Served(Protocol):
    """A connection, as the side that was connected to has it."""

    central: Address
    mtu: int | None

    def notify(self, handle: int, data: bytes) -> None: ...

    async def indicate(self, handle: int, data: bytes) -> None: ...

    def subscription(self, handle: int) -> int:
        """The bits that the other side has set."""
        ...

    def listen(self, lost: Callable[[], None], exchanged: Callable[[int], None]) -> None:
        """Has functions called when it ends, and with the MTU that was agreed."""
        ...

    async def disconnect(self) -> None: ...


#: A characteristic with its descriptors, and a service with its characteristics.
CharacteristicTable = tuple[Entry, Sequence[Entry]]
ServiceTable = tuple[bytes, Sequence[CharacteristicTable]]


class Radio(Protocol):
    """One radio. What it cannot is an OSError with the remedy as its note, or a NotImplementedError that says so."""

    @property
    def mac(self) -> Address: ...

    async def scan(self, found: Callable[[Report], None], *, active: bool) -> None:
        """Begins to report what is heard."""
        ...

    async def stop_scan(self) -> None: ...

    async def connect(self, address: Address, heard: Heard, lost: Callable[[], None]) -> Link:
        """Waits for the device, until whoever waits is cancelled."""
        ...

    def serve(self, services: Sequence[ServiceTable]) -> None:
        """Gives each entry its handle, and has centrals find them from now on."""
        ...

    def update(self, entry: Entry) -> None:
        """Tells the value of an entry to who has subscribed to it."""
        ...

    def advertise(self, advert: Advert | None, connected: Callable[[Served], None]) -> None:
        """Says this until a central connects; None says nothing any more."""
        ...

    def stop(self) -> None:
        """Ends all connections, and is silent."""
        ...
