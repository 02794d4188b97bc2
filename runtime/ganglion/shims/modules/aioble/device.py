# SPDX-License-Identifier: GPL-3.0-or-later
"""`aioble.device`: devices by their addresses, and connections with them, made from here or from there."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from ganglion.shims.bluetooth.radio import Link, Served
from ganglion.shims.modules.aioble import core
from ganglion.shims.modules.asyncio.core import get_event_loop
from ganglion.shims.modules.asyncio.event import ThreadSafeFlag
from ganglion.shims.modules.bluetooth import UUID

if TYPE_CHECKING:
    from ganglion.shims.modules.aioble.client import ClientService


class DeviceDisconnectedError(Exception):
    """The connection ended while something was waited for."""


class Inbox:
    """What came and was not fetched yet: the last, as `aioble` keeps it."""

    def __init__(self) -> None:
        self.values: deque[bytes] = deque(maxlen=1)
        self.flag = ThreadSafeFlag()

    def put(self, data: bytes) -> None:
        self.values.append(data)
        self.flag.set()


class DeviceTimeout:
    """`with connection.timeout(ms):` ends what is inside after a time, or when the connection ends.

    Raises:
        asyncio.TimeoutError: the time is over.
        DeviceDisconnectedError: the connection ended, or had.
    """

    def __init__(self, connection: "DeviceConnection | None", timeout_ms: int | None) -> None:
        self._connection, self._timeout_ms = connection, timeout_ms
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._why: type[Exception] | None = None

    def __enter__(self) -> None:
        if self._connection is not None:
            if not self._connection.is_connected():
                raise DeviceDisconnectedError
            self._connection._timeouts.append(self)
        self._task = asyncio.current_task()
        if self._timeout_ms:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._timeout_ms / 1000, self.end, asyncio.TimeoutError)

    def end(self, why: type[Exception]) -> None:
        """Cancels who waits inside."""
        if self._why is None and self._task is not None:
            self._why = why
            self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._connection is not None:
            self._connection._timeouts.remove(self)
        if self._why is None or self._task is None:
            return
        self._task.uncancel()
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            raise self._why from None


class Device:
    """A device that may be near.

    Args:
        addr_type: ADDR_PUBLIC or ADDR_RANDOM.
        addr: Six bytes, or `aa:bb:cc:dd:ee:ff`.
    """

    def __init__(self, addr_type: int, addr: Any) -> None:
        self.addr_type = addr_type
        self.addr = bytes(addr) if len(addr) == 6 else bytes.fromhex(addr.replace(":", ""))
        self._connection: DeviceConnection | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and (self.addr_type, self.addr) == (other.addr_type, other.addr)

    def __hash__(self) -> int:
        return hash((self.addr_type, self.addr))

    def __str__(self) -> str:
        kind = "ADDR_PUBLIC" if self.addr_type == 0 else "ADDR_RANDOM"
        return f"Device({kind}, {self.addr_hex()}{', CONNECTED' if self._connection else ''})"

    __repr__ = __str__

    def addr_hex(self) -> str:
        return self.addr.hex(":")

    async def connect(self, timeout_ms: int | None = 10000) -> "DeviceConnection":
        """The connection; the same one while it lasts.

        Raises:
            asyncio.TimeoutError: it was not found in that time.
            OSError: the board has no radio.
        """
        if self._connection is not None:
            return self._connection
        from ganglion.shims.modules.aioble.central import cancel_pending

        await cancel_pending()
        made = DeviceConnection(self)
        with DeviceTimeout(None, timeout_ms):
            link = await core.radio().connect((self.addr_type, self.addr), made._heard, made._ended)
        made._begin(link=link)
        return made


class DeviceConnection:
    """A connection. Who made it asks for services; who was connected to has them.

    Attributes:
        device: The other side.
        mtu: Bytes of a packet, when that was agreed.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self.encrypted = self.authenticated = self.bonded = False
        self.key_size: int | bool = False
        self.mtu: int | None = None
        self._link: Link | None = None
        self._served: Served | None = None
        self._inboxes: dict[tuple[int, bool], Inbox] = {}
        self._timeouts: list[DeviceTimeout] = []
        self._is_up = False
        self._over = asyncio.Event()

    def is_connected(self) -> bool:
        return self._is_up

    def timeout(self, timeout_ms: int | None) -> DeviceTimeout:
        """For `with`: a time for what is inside."""
        return DeviceTimeout(self, timeout_ms)

    async def disconnect(self, timeout_ms: int | None = 2000) -> None:
        """Ends it.

        Raises:
            asyncio.TimeoutError: it did not end in that time.
        """
        await self.disconnected(timeout_ms, disconnect=True)

    async def disconnected(self, timeout_ms: int | None = 60000, disconnect: bool = False) -> None:
        """Waits until it ends, or has ended.

        Raises:
            asyncio.TimeoutError: it did not in that time.
        """
        if not self._is_up:
            return
        with DeviceTimeout(None, timeout_ms):
            if disconnect and (side := self._link or self._served) is not None:
                await side.disconnect()
            await self._over.wait()

    async def service(self, uuid: UUID, timeout_ms: int | None = 2000) -> "ClientService | None":
        """The first service of this UUID; None where there is none."""
        async for each in self.services(uuid, timeout_ms):
            return each
        return None

    async def services(self, uuid: UUID | None = None, timeout_ms: int | None = 2000) -> AsyncIterator["ClientService"]:
        """The other side's services, for `async for`.

        Raises:
            asyncio.TimeoutError, DeviceDisconnectedError: they were not told.
        """
        from ganglion.shims.modules.aioble.client import ClientService

        with self.timeout(timeout_ms):
            found = await self._asked().services()
        for each in found:
            if uuid is None or bytes(uuid) == each.uuid:
                yield ClientService(self, each)

    async def exchange_mtu(self, mtu: int | None = None, timeout_ms: int | None = 1000) -> int:
        """The MTU that both sides can.

        Raises:
            ValueError: it is not connected.
        """
        if not self._is_up:
            raise ValueError("Not connected")
        if mtu:
            core.config(mtu=mtu)
        with self.timeout(timeout_ms):
            self.mtu = await self._asked().exchange_mtu(core.known()["mtu"])
        return self.mtu

    async def pair(self, *arguments: Any, **options: Any) -> NoReturn:
        raise NotImplementedError("aioble: connections are not paired on this board; on Linux, pair with bluetoothctl")

    async def l2cap_accept(self, psm: int, mtu: int, timeout_ms: int | None = None) -> NoReturn:
        raise NotImplementedError("aioble: there are no L2CAP channels on this board")

    l2cap_connect = l2cap_accept

    async def __aenter__(self) -> "DeviceConnection":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.disconnect()

    def _begin(self, *, link: Link | None = None, served: Served | None = None) -> None:
        """It is there, from the one side or the other."""
        self._link, self._served = link, served
        self._is_up = True
        self.device._connection = self
        if served is not None:
            served.listen(self._ended, lambda mtu: setattr(self, "mtu", mtu))

    def _asked(self) -> Link:
        if self._link is None:
            raise ValueError("Not supported: the central has made this connection, and asks")
        return self._link

    def _inbox(self, handle: int, indication: bool) -> Inbox:
        return self._inboxes.setdefault((handle, indication), Inbox())

    def _heard(self, handle: int, data: bytes, indication: bool) -> None:
        self._inbox(handle, indication).put(data)

    def _ended(self) -> None:
        """It is over: who waits for something of it is told."""
        self._is_up = False
        self.device._connection = None
        self._over.set()
        for each in list(self._timeouts):
            get_event_loop().call_soon(each.end, DeviceDisconnectedError)
