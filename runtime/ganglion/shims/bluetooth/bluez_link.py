# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection that BlueZ has made, by bleak's client."""

from collections.abc import Callable, Sequence
from typing import Any

from ganglion.shims.bluetooth.bluez_errors import told
from ganglion.shims.bluetooth.radio import (
    DEFAULT_MTU,
    INDICATE,
    NOTIFY,
    READ,
    WRITE,
    WRITE_NO_RESPONSE,
    Heard,
    RemoteCharacteristic,
    RemoteDescriptor,
    RemoteService,
)

_PROPERTIES = {
    "broadcast": 0x01,
    "read": READ,
    "write-without-response": WRITE_NO_RESPONSE,
    "write": WRITE,
    "notify": NOTIFY,
    "indicate": INDICATE,
}
#: The end of each UUID that is an abbreviation (Core specification, volume 3, part B, 2.5.1), before it its number.
_BASE = "-0000-1000-8000-00805f9b34fb"
_HEADER = 3


def uuid_bytes(text: str) -> bytes:
    """A UUID as it is on the air, as short as it can be."""
    text = text.lower()
    if text.endswith(_BASE):
        number = int(text.removesuffix(_BASE), 16)
        return number.to_bytes(2 if number <= 0xFFFF else 4, "little")
    return bytes.fromhex(text.replace("-", ""))[::-1]


class BluezLink:
    """`Link`.

    Args:
        closed: Called with this when it ends.
    """

    def __init__(self, heard: Heard, lost: Callable[[], None], closed: "Callable[[BluezLink], None]") -> None:
        self._heard, self._lost, self._closed = heard, lost, closed
        self._client: Any = None
        self._values: dict[int, Any] = {}
        self._listening: set[int] = set()

    def begin(self, client: Any) -> None:
        """It is there, and bleak has found what it serves."""
        self._client = client

    def ended(self) -> None:
        """BlueZ says that it is over."""
        if self._client is not None:
            self._client = None
            self._closed(self)
            self._lost()

    async def services(self) -> Sequence[RemoteService]:
        return [self._service(each) for each in self._client.services]

    async def read(self, handle: int) -> bytes:
        value = self._values[handle]
        with told():
            if hasattr(value, "properties"):
                return bytes(await self._client.read_gatt_char(value))
            return bytes(await self._client.read_gatt_descriptor(value.handle))

    async def write(self, handle: int, data: bytes, response: bool) -> None:
        value = self._values[handle]
        with told():
            if hasattr(value, "properties"):
                await self._client.write_gatt_char(value, data, response=response)
            else:
                await self._client.write_gatt_descriptor(value.handle, data)

    async def subscribe(self, characteristic: RemoteCharacteristic, bits: int) -> None:
        if not characteristic.properties & (NOTIFY | INDICATE):
            raise ValueError("CCCD not found")
        handle = characteristic.handle
        value = self._values[handle]
        with told():
            if bits and handle not in self._listening:
                # BlueZ takes notifications where a characteristic has both. AcquireNotify, for the other way tells
                # what is read as if it had been notified
                indication = not characteristic.properties & NOTIFY
                await self._client.start_notify(
                    value,
                    lambda sender, data: self._heard(handle, bytes(data), indication),
                    bluez={"use_start_notify": False},
                )
                self._listening.add(handle)
            elif not bits and handle in self._listening:
                await self._client.stop_notify(value)
                self._listening.discard(handle)

    async def exchange_mtu(self, mtu: int) -> int:
        """BlueZ has asked for its own when it connected: this is what was agreed then."""
        sizes = [
            value.max_write_without_response_size for value in self._values.values() if hasattr(value, "properties")
        ]
        if not sizes:
            await self.services()
            sizes = [each.max_write_without_response_size for each in self._client.services.characteristics.values()]
        return max(sizes, default=DEFAULT_MTU - _HEADER) + _HEADER

    async def disconnect(self) -> None:
        if self._client is not None:
            with told():
                await self._client.disconnect()
            self.ended()

    def _service(self, found: Any) -> RemoteService:
        characteristics = tuple(self._characteristic(each) for each in found.characteristics)
        end = max((each.end for each in characteristics), default=found.handle)
        return RemoteService(uuid_bytes(found.uuid), found.handle, end, characteristics)

    def _characteristic(self, found: Any) -> RemoteCharacteristic:
        self._values[found.handle] = found
        descriptors = []
        for each in found.descriptors:
            self._values[each.handle] = each
            descriptors.append(RemoteDescriptor(uuid_bytes(each.uuid), each.handle))
        properties = sum(_PROPERTIES.get(name, 0) for name in found.properties)
        end = max((each.handle for each in descriptors), default=found.handle)
        return RemoteCharacteristic(uuid_bytes(found.uuid), found.handle, end, properties, tuple(descriptors))
