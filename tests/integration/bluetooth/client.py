# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds a thermometer, reads it, sets it, listens to it, and is told when it goes away."""

import asyncio
import struct

import aioble
import bluetooth

ENVIRONMENT = bluetooth.UUID(0x181A)
TEMPERATURE = bluetooth.UUID(0x2A6E)
SETTING = bluetooth.UUID(0x2A7D)
CLOSED = bluetooth.UUID("12345678-1234-5678-1234-56789abcdef0")


async def find():
    for _ in range(2):  # a controller that was switched on a moment ago may hear nothing in the whole of a scan
        async with aioble.scan(10000, interval_us=30000, window_us=30000, active=True) as scanner:
            async for result in scanner:
                if result.name() == "mpy-temp" and ENVIRONMENT in result.services():
                    print("found", result.connectable, list(result.manufacturer()))
                    return result.device
    return None


async def main():
    device = await find()
    connection = await device.connect(timeout_ms=30000)
    print("connected", connection.is_connected())
    service = await connection.service(ENVIRONMENT, timeout_ms=30000)
    print("service", service.uuid, await connection.service(bluetooth.UUID(0x1234)))
    found = [each.uuid async for each in service.characteristics()]
    print("characteristics", sorted(found))
    temperature = await service.characteristic(TEMPERATURE)
    print("temperature", struct.unpack("<h", await temperature.read(timeout_ms=30000))[0] / 100)
    await temperature.subscribe()
    print("subscribed")
    print("notified", struct.unpack("<h", await temperature.notified(timeout_ms=30000))[0] / 100)
    print("read", struct.unpack("<h", await temperature.read(timeout_ms=30000))[0] / 100)
    try:
        print("more", await temperature.notified(timeout_ms=1000))
    except TimeoutError:
        print("no more notifications")
    setting = await service.characteristic(SETTING)
    await setting.write("warmer", timeout_ms=30000)
    print("setting", await setting.read(timeout_ms=30000))
    await setting.subscribe(notify=False, indicate=True)
    print("subscribed to indications")
    print("indicated", await setting.indicated(timeout_ms=30000))
    await setting.subscribe(notify=False)
    closed = await service.characteristic(CLOSED)
    try:
        await closed.read(timeout_ms=30000)
    except aioble.GattError as error:
        print("refused", error)
    try:
        await closed.subscribe()
    except ValueError as error:
        print(error)
    print("mtu", await connection.exchange_mtu(100) > 23)
    await connection.disconnect(timeout_ms=30000)
    print("disconnected", connection.is_connected())
    async with await aioble.Device(device.addr_type, device.addr_hex()).connect(timeout_ms=30000) as connection:
        service = await connection.service(ENVIRONMENT, timeout_ms=30000)
        temperature = await service.characteristic(TEMPERATURE)
        await temperature.subscribe()
        print("waiting")
        try:
            await temperature.notified(timeout_ms=60000)
        except aioble.DeviceDisconnectedError:
            print("gone", connection.is_connected())


asyncio.run(main())
