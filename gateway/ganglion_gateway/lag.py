# SPDX-License-Identifier: GPL-3.0-or-later
"""How late the event loop is: what one slow callback keeps waiting is everything."""

import asyncio
import time
from collections.abc import Callable

#: Seconds between measurements.
_EVERY = 1.0


async def watch(observe: Callable[[float], None]) -> None:
    """Tells, each second, by how many seconds it was woken too late; runs until cancelled."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(_EVERY)
        observe(max(0.0, time.perf_counter() - before - _EVERY))
