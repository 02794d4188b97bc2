# SPDX-License-Identifier: GPL-3.0-or-later
"""i2c: smbus2 and the sensor above it, unchanged, on a `/dev/i2c-1` whose ioctls umockdev answers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Debian's interpreter: python3-gi is built for it and for no other.
SYSTEM_PYTHON = "/usr/bin/python3"


def on_the_board(program):
    """What `program` leaves in `answer`, run where there is an adapter with a chip at 0x76."""
    command = [SYSTEM_PYTHON, str(ROOT / "tests/support/umockdev_i2c.py")]
    command += [sys.executable, "-c", f"import json\n{program}\nprint(json.dumps(answer))"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'runtime'}:{ROOT / 'firmware'}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{done.stderr}\n(Debian: apt-get install umockdev gir1.2-umockdev-1.0 python3-gi)"
    return json.loads(done.stdout)


def test_a_sensor_reads_its_chip_through_the_kernels_interface():
    answer = on_the_board("""
from ganglion.sensors import build
sensor = build("fridge", {"kind": "bme280", "bus": "/dev/i2c-1"})
sensor.source.open()
answer = sensor.sample()
sensor.source.close()
""")
    assert answer["temperature"] == pytest.approx(4.5, abs=0.01)
    assert answer["humidity"] == pytest.approx(60, abs=0.02)
    assert answer["pressure"] == pytest.approx(990, abs=0.03)


def test_every_method_of_the_adapter_does_what_machines_does():
    answer = on_the_board(r"""
from ganglion.sensors.i2c import LinuxI2C
i2c = LinuxI2C("/dev/i2c-1")
answer = {"scan": i2c.scan(), "id": i2c.readfrom_mem(0x76, 0xD0, 1).hex(), "t1": i2c.readfrom_mem(0x76, 0x88, 2).hex()}
i2c.writeto_mem(0x76, 0xF5, b"\xa0")
answer["written"] = i2c.readfrom_mem(0x76, 0xF5, 1).hex()
answer["acknowledged"] = i2c.writeto(0x76, b"\xd0", False)
answer["repeated start"] = i2c.readfrom(0x76, 1).hex()
answer["pointer"] = [i2c.writeto(0x76, b"\x88"), i2c.readfrom(0x76, 2).hex()]
i2c.close()
""")
    assert answer == {
        "scan": [0x76],
        "id": "60",
        "t1": (27504).to_bytes(2, "little").hex(),
        "written": "a0",
        "acknowledged": 1,
        "repeated start": "60",
        "pointer": [1, (27504).to_bytes(2, "little").hex()],
    }


def test_a_chip_that_is_not_there_is_enxio_and_the_sensor_says_so():
    answer = on_the_board("""
import asyncio, contextlib
from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.sensors import Sensors, build

async def main():
    sensors = Sensors(Bus(), Clock())
    sensors.add(build("fridge", {"kind": "bme280", "bus": "/dev/i2c-1", "address": 0x77}))
    task = asyncio.create_task(sensors.run())
    while not sensors.status()[0].errors:
        await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return sensors.status()[0].error

answer = asyncio.run(main())
""")
    assert answer == "[Errno 6] No such device or address"


def test_another_chip_at_the_address_is_named():
    answer = on_the_board("""
from ganglion.sensors import build
sensor = build("fridge", {"kind": "bmp280", "bus": "/dev/i2c-1"})
try:
    sensor.source.open()
except OSError as error:
    answer = error.strerror
sensor.source.close()
""")
    assert answer == "0x76 answers as chip 0x60, not 0x58 (BMP280)"


def test_an_adapter_that_is_not_there_is_an_error_that_names_it():
    answer = on_the_board("""
from ganglion.sensors.i2c import LinuxI2C
try:
    LinuxI2C("/dev/i2c-7")
except OSError as error:
    answer = [error.errno, error.filename]
""")
    assert answer == [2, "/dev/i2c-7"]
