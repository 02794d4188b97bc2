# SPDX-License-Identifier: GPL-3.0-or-later
"""`gc`: CPython's, and how much memory is taken and free."""

import gc as _gc
from typing import Any

_threshold = -1
#: Bytes of one, on 64 bits.
_BLOCK = 32


def __getattr__(name: str) -> Any:
    return getattr(_gc, name)


def collect() -> int:
    return _gc.collect()


def mem_alloc() -> int:
    """Bytes that this process has in memory, from `/proc/self/statm`."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def mem_free() -> int:
    """Bytes that the machine has available, from `/proc/meminfo`."""
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


def threshold(amount: int | None = None) -> int | None:
    """Without an argument the threshold that was set, in whole blocks; it changes nothing."""
    global _threshold
    if amount is None:
        return _threshold
    _threshold = amount if amount < 0 else amount // _BLOCK * _BLOCK
    return None
