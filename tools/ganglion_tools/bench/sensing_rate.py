# SPDX-License-Identifier: GPL-3.0-or-later
"""A chip that measures a thousand times a second, read over I2C into events that a deadband lets through.

The chip is a model that counts what it measures, the driver and all above it are a node's.
"""

import asyncio
import time
from typing import NamedTuple

from ganglion.bus import Bus, Op, Where
from ganglion.clock import Clock
from ganglion.sensors import Sensors, build

#: Samples a second, and seconds that are measured.
RATE, SECONDS = 1000, 4.0
_CHANNEL = "acceleration_x"


class Read(NamedTuple):
    """What came of it.

    Attributes:
        rate: Samples a second that were read, by the chip's time.
        lost: Those that were measured and not read.
        events: That a deadband let through, a second.
        share: Of a core, the model's work among it.
    """

    rate: float
    lost: int
    events: float
    share: float


def read() -> Read:
    """Reads for some seconds.

    Raises:
        UnreachableError: the chip could not be read.
    """
    return asyncio.run(_read())


async def _read() -> Read:
    bus, events = Bus(), 0

    def moved(event: object) -> None:
        nonlocal events
        events += 1

    bus.subscribe(f"sensor/imu/{_CHANNEL}", moved, where=Where(op=Op.MOVES, low=0.02))
    sensors = Sensors(bus, Clock())
    sensors.add(build("imu", {"kind": "mpu6050", "bus": "sim", "rate": RATE, "queue": True}))
    life = asyncio.create_task(sensors.run())
    await asyncio.sleep(0)  # so that it has begun
    await sensors.read(f"imu.{_CHANNEL}")
    first, began, worked = sensors.status()[0].count, time.perf_counter(), time.process_time()
    told = events
    for step in range(round(SECONDS * 10)):
        sensors.set_simulated(f"imu.{_CHANNEL}", (step % 10) / 10)
        await asyncio.sleep(0.1)
    took, worked = time.perf_counter() - began, time.process_time() - worked
    status = sensors.status()[0]
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    # A queue that ran over is an error of the driver, after which it begins anew: it is not known how many were in it
    lost = status.missed + status.errors
    return Read((status.count - first) / took, lost, (events - told) / took, worked / took)
