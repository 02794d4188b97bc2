# SPDX-License-Identifier: GPL-3.0-or-later
"""Scans; where there is no radio, says what a script is told."""

import asyncio

import aioble


async def main():
    try:
        async with aioble.scan(1000):
            pass
    except OSError as error:
        print(type(error), error.errno)
    async with aioble.scan(1000):
        pass


asyncio.run(main())
