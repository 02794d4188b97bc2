# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves and advertises, each of which a radio that is a central alone refuses."""

import asyncio

import aioble
import bluetooth


async def main():
    service = aioble.Service(bluetooth.UUID(0x181A))
    aioble.Characteristic(service, bluetooth.UUID(0x2A6E), read=True)
    try:
        aioble.register_services(service)
    except NotImplementedError as error:
        print(error)
    try:
        await aioble.advertise(250_000, name="here")
    except NotImplementedError as error:
        print(error)


asyncio.run(main())
