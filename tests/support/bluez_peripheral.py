# SPDX-License-Identifier: GPL-3.0-or-later
"""A peripheral that BlueZ plays on an adapter: services and an advertisement, over D-Bus (BlueZ: doc/gatt-api.txt)."""

from typing import Any

from dbus_fast import BusType, DBusError, Message, MessageType, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

SERVICE, TEMPERATURE, SETTING = (f"0000{each}-0000-1000-8000-00805f9b34fb" for each in ("181a", "2a6e", "2a7d"))
CLOSED = "12345678-1234-5678-1234-56789abcdef0"
_ROOT = "/peripheral"
READ = PropertyAccess.READ


class _Service(ServiceInterface):
    def __init__(self, uuid: str) -> None:
        super().__init__("org.bluez.GattService1")
        self._uuid = uuid

    @dbus_property(access=READ)
    def UUID(self) -> "s":  # noqa: F821
        return self._uuid

    @dbus_property(access=READ)
    def Primary(self) -> "b":  # noqa: F821
        return True


class Characteristic(ServiceInterface):
    """What is read is `value`; what is written becomes it. One that is `closed` says no."""

    def __init__(self, uuid: str, flags: list[str], value: bytes, *, closed: bool = False) -> None:
        super().__init__("org.bluez.GattCharacteristic1")
        self.value = value
        self.notifying = False
        self.written = b""
        self._uuid, self._flags, self._closed = uuid, flags, closed

    @dbus_property(access=READ)
    def UUID(self) -> "s":  # noqa: F821
        return self._uuid

    @dbus_property(access=READ)
    def Service(self) -> "o":  # noqa: F821
        return f"{_ROOT}/service"

    @dbus_property(access=READ)
    def Flags(self) -> "as":  # noqa: F722
        return self._flags

    @dbus_property(access=READ)
    def Value(self) -> "ay":  # noqa: F821
        return self.value

    @dbus_method()
    def ReadValue(self, options: "a{sv}") -> "ay":  # noqa: F722, F821
        if self._closed:
            raise DBusError("org.bluez.Error.NotAuthorized", "closed")
        return self.value

    @dbus_method()
    def WriteValue(self, value: "ay", options: "a{sv}"):  # noqa: F722, F821
        self.value = self.written = bytes(value)

    @dbus_method()
    def StartNotify(self):
        self.notifying = True

    @dbus_method()
    def StopNotify(self):
        self.notifying = False

    def notify(self, value: bytes) -> None:
        self.value = value
        self.emit_properties_changed({"Value": value})


class _Advertisement(ServiceInterface):
    def __init__(self, name: str) -> None:
        super().__init__("org.bluez.LEAdvertisement1")
        self._name = name

    @dbus_property(access=READ)
    def Type(self) -> "s":  # noqa: F821
        return "peripheral"

    @dbus_property(access=READ)
    def LocalName(self) -> "s":  # noqa: F821
        return self._name

    @dbus_property(access=READ)
    def ServiceUUIDs(self) -> "as":  # noqa: F722
        return [SERVICE]

    @dbus_property(access=READ)
    def ManufacturerData(self) -> "a{qv}":  # noqa: F722
        return {0xABCD: Variant("ay", b"1234")}

    @dbus_method()
    def Release(self):
        """BlueZ has no more use for it."""


class Peripheral:
    """A thermometer on an adapter.

    Args:
        adapter: Its path at BlueZ: `/org/bluez/hci1`.
    """

    def __init__(self, adapter: str) -> None:
        self._adapter = adapter
        self._bus: Any = None
        self.temperature = Characteristic(TEMPERATURE, ["read", "notify"], b"\x92\x09")
        self.setting = Characteristic(SETTING, ["read", "write", "indicate"], b"")
        self.closed = Characteristic(CLOSED, ["read", "write-without-response"], b"", closed=True)

    async def begin(self) -> None:
        """Serves and advertises."""
        self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        objects = {
            f"{_ROOT}/service": _Service(SERVICE),
            f"{_ROOT}/service/temperature": self.temperature,
            f"{_ROOT}/service/setting": self.setting,
            f"{_ROOT}/service/closed": self.closed,
        }
        for path, each in objects.items():
            self._bus.export(path, each)
        self._bus.export("/advertisement", _Advertisement("mpy-temp"))
        await self.call("org.bluez.GattManager1", "RegisterApplication", "oa{sv}", [_ROOT, {}])
        await self.call("org.bluez.LEAdvertisingManager1", "RegisterAdvertisement", "oa{sv}", ["/advertisement", {}])

    async def call(self, interface: str, member: str, signature: str, body: list[Any]) -> None:
        """A method of the adapter.

        Raises:
            AssertionError: BlueZ refuses.
        """
        await called(self._bus, self._adapter, interface, member, signature, body)


async def called(bus: Any, path: str, interface: str, member: str, signature: str, body: list[Any]) -> Any:
    """What BlueZ answers.

    Raises:
        AssertionError: it refuses.
    """
    words = {"destination": "org.bluez", "path": path, "interface": interface, "member": member}
    reply = await bus.call(Message(**words, signature=signature, body=body))
    assert reply.message_type == MessageType.METHOD_RETURN, (words, reply.error_name, reply.body)
    return reply.body
