# SPDX-License-Identifier: GPL-3.0-or-later
"""`aioble.server`: services of this board's own."""

from collections import deque
from typing import Any

from ganglion.shims.bluetooth import radio as air
from ganglion.shims.buffers import readable
from ganglion.shims.modules.aioble import core
from ganglion.shims.modules.aioble.device import DeviceConnection, DeviceTimeout
from ganglion.shims.modules.aioble.peripheral import connection_of
from ganglion.shims.modules.asyncio.event import ThreadSafeFlag
from ganglion.shims.modules.bluetooth import UUID

#: Beyond what is on the air: every write is kept, with who wrote it.
_CAPTURE = 0x10000
#: Bytes that a central may write, where nobody says more.
_ROOM = 20

#: Writes of all characteristics that capture, in their order. What has no room is the oldest.
_captured: "deque[tuple[_Value, DeviceConnection | None, bytes]]" = deque(maxlen=10)


class Service:
    """A service; characteristics are made with it."""

    def __init__(self, uuid: UUID) -> None:
        self.uuid = uuid
        self.characteristics: list[Characteristic] = []

    def _table(self) -> air.ServiceTable:
        return bytes(self.uuid), [
            (each._entry, [inner._entry for inner in each.descriptors]) for each in self.characteristics
        ]


class _Entry:
    """A value in the table of the radio: `air.Entry`."""

    def __init__(self, owner: "_Value", uuid: UUID, flags: int, value: Any, room: int, append: bool) -> None:
        self.uuid, self.flags, self.handle = bytes(uuid), flags, 0
        self.value = b"" if value is None else readable(value)
        self.room, self.append = max(room, len(self.value)), append
        self._owner = owner

    def asked(self, link: air.Served) -> int:
        return self._owner.on_read(connection_of(link)) or 0

    def written(self, link: air.Served) -> None:
        self._owner._written(connection_of(link))


class _Value:
    """What is served: it is read and written from here and from the other side."""

    def __init__(self, uuid: UUID, flags: int, initial: Any, room: int = _ROOM, append: bool = False) -> None:
        self.uuid, self.flags = uuid, flags
        self._entry = _Entry(self, uuid, flags, initial, room, append)
        self._writer: DeviceConnection | None = None
        self._flag = ThreadSafeFlag()

    def read(self) -> bytes:
        """Its value."""
        return self._entry.value

    def write(self, data: Any, send_update: bool = False) -> None:
        """Sets its value, and tells it to who has subscribed."""
        self._entry.value = readable(data)
        self._entry.room = max(self._entry.room, len(self._entry.value))
        if send_update and self._entry.handle:
            core.radio().update(self._entry)

    def on_read(self, connection: DeviceConnection | None) -> int | None:
        """Called before it is read from the other side: 0, or the status that the reader gets; for who overrides it."""
        return 0

    async def written(self, timeout_ms: int | None = None) -> Any:
        """Waits for a write of the other side's: who wrote, with `capture` a pair of that and what; None at once where
        nobody may write.

        Raises:
            asyncio.TimeoutError: nobody has written.
        """
        if not self.flags & (air.WRITE | air.WRITE_NO_RESPONSE):
            return None
        if self.flags & _CAPTURE:
            return await self._captured(timeout_ms)
        with DeviceTimeout(None, timeout_ms):
            await self._flag.wait()
        writer, self._writer = self._writer, None
        return writer

    async def _captured(self, timeout_ms: int | None) -> tuple[DeviceConnection | None, bytes]:
        """The oldest write, when it is this one's: who waits for another's is woken when that was fetched."""
        with DeviceTimeout(None, timeout_ms):
            while not _captured or _captured[0][0] is not self:
                await self._flag.wait()
        _, writer, data = _captured.popleft()
        if _captured:
            _captured[0][0]._flag.set()
        return writer, data

    def _written(self, writer: DeviceConnection | None) -> None:
        if not self.flags & _CAPTURE:
            self._writer = writer
            self._flag.set()
            return
        _captured.append((self, writer, self._entry.value))
        _captured[0][0]._flag.set()


class Characteristic(_Value):
    """A characteristic.

    Args:
        service: Which it is of.
        uuid: What it is.
        read, write, write_no_response, notify, indicate: What the other side may do with it.
        initial: Its value at first.
        capture: Whether every write is kept, with who wrote; else the last.
    """

    def __init__(
        self,
        service: Service,
        uuid: UUID,
        read: bool = False,
        write: bool = False,
        write_no_response: bool = False,
        notify: bool = False,
        indicate: bool = False,
        initial: Any = None,
        capture: bool = False,
        **buffer: Any,
    ) -> None:
        flags = air.READ * bool(read) | air.WRITE * bool(write) | air.WRITE_NO_RESPONSE * bool(write_no_response)
        flags |= air.NOTIFY * bool(notify) | air.INDICATE * bool(indicate)
        if capture and (write or write_no_response):
            flags |= _CAPTURE
        super().__init__(uuid, flags, initial, **buffer)
        service.characteristics.append(self)
        self.descriptors: list[Descriptor] = []
        self._is_indicating = False

    def notify(self, connection: DeviceConnection, data: Any = None) -> None:
        """Sends its value, or other data, to one side, whether that has subscribed or not.

        Raises:
            ValueError: it has no notifications, or is not connected.
        """
        if not self.flags & air.NOTIFY:
            raise ValueError("Not supported")
        if connection._served is None or not connection.is_connected():
            raise ValueError("Not connected")
        connection._served.notify(self._entry.handle, self._entry.value if data is None else readable(data))

    async def indicate(self, connection: DeviceConnection, data: Any = None, timeout_ms: int | None = 1000) -> None:
        """As `notify`, and waits until the other side has confirmed.

        Raises:
            ValueError: it has no indications, is not connected, or one is under way.
            asyncio.TimeoutError, DeviceDisconnectedError: it was not confirmed.
        """
        if not self.flags & air.INDICATE:
            raise ValueError("Not supported")
        if self._is_indicating:
            raise ValueError("In progress")
        if connection._served is None or not connection.is_connected():
            raise ValueError("Not connected")
        self._is_indicating = True
        try:
            with connection.timeout(timeout_ms):
                sent = self._entry.value if data is None else readable(data)
                await connection._served.indicate(self._entry.handle, sent)
        finally:
            self._is_indicating = False


class BufferedCharacteristic(Characteristic):
    """A characteristic with room for longer writes, or for several one behind another."""

    def __init__(self, *arguments: Any, max_len: int = _ROOM, append: bool = False, **options: Any) -> None:
        super().__init__(*arguments, room=max_len, append=append, **options)


class Descriptor(_Value):
    """What is said about a characteristic."""

    def __init__(
        self, characteristic: Characteristic, uuid: UUID, read: bool = False, write: bool = False, initial: Any = None
    ) -> None:
        super().__init__(uuid, air.READ * bool(read) | air.WRITE * bool(write), initial)
        characteristic.descriptors.append(self)


def register_services(*services: Service) -> None:
    """Serves these, in place of those that were.

    Raises:
        NotImplementedError: over BlueZ, a script serves nothing.
        OSError: the board has no radio.
    """
    core.radio().serve([each._table() for each in services])


core.at_end(_captured.clear)
