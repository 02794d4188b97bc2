# SPDX-License-Identifier: GPL-3.0-or-later
"""One actuator's driver, on a thread of its own since it may block: writes, reads back, looks until a value shows."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ganglion.guardian.driver import Driver
from ganglion.guardian.failure import why
from ganglion.worker import Worker
from ganglion_micro.limits import same

T = TypeVar("T")

#: Seconds that a write with its reading back, or a look, may take before it counts as failed.
_PATIENCE = 2.0
#: Seconds between two looks at an actuator that has not done yet what it was told.
_LOOK = 0.02


class Channel:
    """The way to one actuator.

    Args:
        name: Of the actuator.
        driver: What moves it.

    Attributes:
        replaced: Of what was written last: set by the next write, so that who waits to see it waits no longer.
    """

    def __init__(self, name: str, driver: Driver) -> None:
        self._driver = driver
        self._worker = Worker(f"actuator {name}")
        self.replaced = asyncio.Event()

    async def write(self, value: Any) -> Any | None:
        """What reading back shows then; None where it cannot be read.

        Raises:
            OSError: it did not reach the thing, or took too long.
        """
        self.replaced.set()
        self.replaced = asyncio.Event()

        def write() -> Any | None:
            self._driver.write(value)
            return self._driver.read()

        return await self._call(write)

    async def read(self) -> Any | None:
        """The value that it shows; None where it cannot be read.

        Raises:
            OSError: it did not answer, or not in time.
        """
        return await self._call(self._driver.read)

    async def wait(self, value: Any, within_ns: int, replaced: asyncio.Event) -> Any | None:
        """What it shows in the end: the value; or what there is after so many nanoseconds, or once it is replaced.

        Between the looks the thread is free for the next write.

        Raises:
            OSError: it did not answer, or not in time.
        """
        until = time.monotonic_ns() + within_ns
        while not alike(seen := await self.read(), value) and time.monotonic_ns() < until:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(replaced.wait(), _LOOK)
            if replaced.is_set():
                break
        return seen

    def stop(self) -> None:
        """Ends the thread after the calls that wait."""
        self._worker.stop()

    async def _call(self, function: Callable[[], T]) -> T:
        future = self._worker.call(function)
        if not (await asyncio.wait({future}, timeout=_PATIENCE))[0]:
            future.cancel()  # the thread goes on; what it will answer comes too late
            raise TimeoutError(f"{self._driver} took longer than {_PATIENCE:g} s: see whether its disk or bus hangs")
        try:
            return future.result()
        except OSError as error:
            raise OSError(why(str(self._driver), error)) from error
        except Exception as error:  # of a driver: nobody knows what it did
            raise OSError(f"{self._driver}: {type(error).__name__}: {error}") from error


def alike(seen: Any, value: Any) -> bool:
    """Whether what was read is what was written; floats may lose digits on the way."""
    if isinstance(seen, float) and isinstance(value, float):
        return math.isclose(seen, value, rel_tol=1e-6)
    return same(seen, value)
