# SPDX-License-Identifier: GPL-3.0-or-later
"""`aioble.client`: what a connected device serves."""

from collections.abc import AsyncIterator
from typing import Any

from ganglion.shims.bluetooth import radio as air
from ganglion.shims.buffers import readable
from ganglion.shims.modules.aioble.core import GattError
from ganglion.shims.modules.aioble.device import DeviceConnection
from ganglion.shims.modules.bluetooth import UUID


class ClientService:
    """A service of the other side's; `connection.service` and `connection.services` make them."""

    def __init__(self, connection: DeviceConnection, found: air.RemoteService) -> None:
        self.connection = connection
        self.uuid = UUID(found.uuid)
        self._found = found

    def __str__(self) -> str:
        return f"Service: {self._found.start} {self._found.end} {self.uuid}"

    async def characteristic(self, uuid: UUID, timeout_ms: int | None = 2000) -> "ClientCharacteristic | None":
        """The first characteristic of this UUID; None where there is none."""
        async for each in self.characteristics(uuid, timeout_ms):
            return each
        return None

    async def characteristics(
        self, uuid: UUID | None = None, timeout_ms: int | None = 2000
    ) -> AsyncIterator["ClientCharacteristic"]:
        """Its characteristics, for `async for`."""
        for each in self._found.characteristics:
            if uuid is None or bytes(uuid) == each.uuid:
                yield ClientCharacteristic(self, each)


class _Value:
    """What can be read and written."""

    uuid: UUID
    properties: int
    _handle: int

    def _connection(self) -> DeviceConnection:
        raise NotImplementedError

    def _check(self, flags: int) -> None:
        if not self.properties & flags:
            raise ValueError("Unsupported")

    async def read(self, timeout_ms: int | None = 1000) -> bytes:
        """Its value.

        Raises:
            ValueError: it cannot be read.
            GattError: the other side refuses.
            asyncio.TimeoutError, DeviceDisconnectedError: it did not answer.
        """
        self._check(air.READ)
        with self._connection().timeout(timeout_ms):
            try:
                return await self._connection()._asked().read(self._handle)
            except air.GattRefusedError as refusal:
                raise GattError(refusal.status) from None

    async def write(self, data: Any, response: bool | None = None, timeout_ms: int | None = 1000) -> None:
        """Sets its value; with a response, when the other side has said so, which is so where it can nothing else.

        Raises:
            ValueError: it cannot be written.
            GattError: the other side refuses.
            asyncio.TimeoutError, DeviceDisconnectedError: it did not answer.
        """
        self._check(air.WRITE | air.WRITE_NO_RESPONSE)
        if response is None:
            response = not self.properties & air.WRITE_NO_RESPONSE
        with self._connection().timeout(timeout_ms):
            try:
                await self._connection()._asked().write(self._handle, readable(data), response)
            except air.GattRefusedError as refusal:
                raise GattError(refusal.status) from None


class ClientCharacteristic(_Value):
    """A characteristic of the other side's; `properties` are the FLAG_ constants of `bluetooth`."""

    def __init__(self, service: ClientService, found: air.RemoteCharacteristic) -> None:
        self.service, self.connection = service, service.connection
        self.uuid, self.properties = UUID(found.uuid), found.properties
        self._found, self._handle = found, found.handle

    def __str__(self) -> str:
        return f"Characteristic: {self._found.end} {self._handle} {self.properties} {self.uuid}"

    def _connection(self) -> DeviceConnection:
        return self.connection

    async def descriptor(self, uuid: UUID, timeout_ms: int | None = 2000) -> "ClientDescriptor | None":
        """The first descriptor of this UUID; None where there is none."""
        async for each in self.descriptors(timeout_ms):
            if each.uuid == uuid:
                return each
        return None

    async def descriptors(self, timeout_ms: int | None = 2000) -> AsyncIterator["ClientDescriptor"]:
        """Its descriptors, for `async for`; BlueZ keeps that of `subscribe` to itself."""
        for each in self._found.descriptors:
            yield ClientDescriptor(self, each)

    async def subscribe(self, notify: bool = True, indicate: bool = False) -> None:
        """Asks for notifications, indications, or none any more.

        Raises:
            ValueError: it has none.
            GattError: the other side refuses.
        """
        bits = air.NOTIFIES * bool(notify) + air.INDICATES * bool(indicate)
        with self.connection.timeout(1000):
            try:
                await self.connection._asked().subscribe(self._found, bits)
            except air.GattRefusedError as refusal:
                raise GattError(refusal.status) from None

    async def notified(self, timeout_ms: int | None = None) -> bytes:
        """The last notification that was not fetched, or the next.

        Raises:
            ValueError: it has none.
            asyncio.TimeoutError, DeviceDisconnectedError: none came.
        """
        self._check(air.NOTIFY)
        return await self._next(False, timeout_ms)

    async def indicated(self, timeout_ms: int | None = None) -> bytes:
        """As `notified`, of indications."""
        self._check(air.INDICATE)
        return await self._next(True, timeout_ms)

    async def _next(self, indication: bool, timeout_ms: int | None) -> bytes:
        inbox = self.connection._inbox(self._handle, indication)
        with self.connection.timeout(timeout_ms):
            while not inbox.values:
                await inbox.flag.wait()
        inbox.flag.clear()
        return inbox.values.popleft()


class ClientDescriptor(_Value):
    """A descriptor of the other side's."""

    def __init__(self, characteristic: ClientCharacteristic, found: air.RemoteDescriptor) -> None:
        self.characteristic = characteristic
        self.uuid = UUID(found.uuid)
        self.properties = air.READ | air.WRITE_NO_RESPONSE
        self._handle = found.handle

    def __str__(self) -> str:
        return f"Descriptor: {self._handle} {self.properties} {self.uuid}"

    def _connection(self) -> DeviceConnection:
        return self.characteristic.connection
