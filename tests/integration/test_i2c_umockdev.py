# SPDX-License-Identifier: GPL-3.0-or-later
"""i2c: smbus2 and the sensors above it, unchanged, on a `/dev/i2c-1` with a chip of every kind, by umockdev."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganglion.sensors.chips import CHIPS
from support.chips import EXPECTED, ON_ONE_BUS, Bench

ROOT = Path(__file__).parents[2]
#: Debian's interpreter: python3-gi is built for it and for no other.
SYSTEM_PYTHON = "/usr/bin/python3"


def on_the_board(program):
    """What `program` leaves in `answer`, run where there is an adapter with all the chips."""
    command = [SYSTEM_PYTHON, str(ROOT / "tests/support/umockdev_i2c.py")]
    command += [sys.executable, "-c", f"import json\n{program}\nprint(json.dumps(answer))"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(ROOT / each) for each in ("runtime", "firmware", "tests")),
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{done.stderr}\n(Debian: apt-get install umockdev gir1.2-umockdev-1.0 python3-gi)"
    return json.loads(done.stdout)


def expected_at_rest(kind):
    return EXPECTED[kind].reads(Bench(kind).model.surroundings)


def test_a_chip_of_every_kind_is_read_through_the_kernels_interface_on_one_bus():
    """In one process, and the driver of each asks for its own chip only: all have the same bus."""
    answer = on_the_board("""
from ganglion.sensors import build
from support.chips import ON_ONE_BUS
sensors = [build(kind, {"kind": kind, "bus": "/dev/i2c-1", "address": at}) for kind, at in ON_ONE_BUS.items()]
for sensor in sensors:
    sensor.source.open()
answer = [{sensor.name: sensor.sample() for sensor in sensors} for _ in range(2)]
for sensor in sensors:
    sensor.source.close()
""")
    for values in answer:
        assert values.keys() == CHIPS.keys()
        for kind, channels in values.items():
            wanted = expected_at_rest(kind)
            for channel, value in channels.items():
                assert value == pytest.approx(wanted[channel], abs=EXPECTED[kind].within[channel]), (kind, channel)


def test_a_chips_queue_is_read_through_the_kernels_interface():
    answer = on_the_board("""
from ganglion.sensors import build
from support.chips import ON_ONE_BUS
table = {"kind": "mpu6050", "bus": "/dev/i2c-1", "address": ON_ONE_BUS["mpu6050"], "rate": 100, "queue": True}
sensor = build("imu", table)
sensor.source.open()
answer = [sensor.sample() for _ in range(60)]  # more than one transfer takes
sensor.source.close()
""")
    for values in answer:
        assert values["acceleration_z"] == pytest.approx(9.80665, abs=0.001)
        assert values["rotation_z"] == 0


def test_every_chip_has_its_own_thread_and_none_hears_anothers_answer():
    """As on a node: each sensor reads as fast as it can, all of them at once."""
    answer = on_the_board("""
import asyncio, contextlib
from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.sensors import Sensors, build
from support.chips import ON_ONE_BUS

async def main():
    sensors = Sensors(Bus(), Clock())
    for kind, address in ON_ONE_BUS.items():
        sensors.add(build(kind, {"kind": kind, "bus": "/dev/i2c-1", "address": address, "every": "1ms"}))
    def numbers():
        return [status for status in sensors.status() if status.unit]  # a bool has neither least nor most

    task = asyncio.create_task(sensors.run())
    while any(status.count < 3 and not status.errors for status in numbers()):
        await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return {status.id: [status.errors, status.error, status.low, status.high] for status in numbers()}

answer = asyncio.run(main())
""")
    assert {name.partition(".")[0] for name in answer} == set(CHIPS)
    for name, (errors, error, low, high) in answer.items():
        kind, _, channel = name.partition(".")
        assert (errors, error) == (0, ""), name
        wanted = pytest.approx(expected_at_rest(kind)[channel], abs=EXPECTED[kind].within[channel])
        assert (low, high) == (wanted, wanted), name


def test_threads_that_share_an_adapter_keep_their_repeated_starts_apart():
    """Each writes a pointer that waits for its own read, and reads what is there."""
    answer = on_the_board(r"""
import threading
from ganglion.sensors.i2c import LinuxI2C
i2c = LinuxI2C("/dev/i2c-1")
together = threading.Barrier(4)
answer = []

def reader(address, register, count):
    found = set()
    for _ in range(50):
        together.wait()
        i2c.writeto(address, bytes([register]), False)
        together.wait()  # all have written, none has read
        found.add(i2c.readfrom(address, count).hex())
    answer.append([address, register, sorted(found)])

places = [(0x76, 0xD0, 1), (0x77, 0xD0, 1), (0x48, 1, 2), (0x40, 0, 2)]
threads = [threading.Thread(target=reader, args=place) for place in places]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
i2c.close()
""")
    assert sorted(answer) == [
        [0x40, 0, ["399f"]],
        [0x48, 1, ["8583"]],
        [0x76, 0xD0, ["60"]],
        [0x77, 0xD0, ["58"]],
    ]


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
        "scan": sorted(ON_ONE_BUS.values()),
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
    sensors.add(build("light", {"kind": "bh1750", "bus": "/dev/i2c-1", "address": 0x5c}))
    task = asyncio.create_task(sensors.run())
    while not sensors.status()[0].errors:
        await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return sensors.status()[0].error

answer = asyncio.run(main())
""")
    assert answer == (
        "nothing answers at 0x5c on /dev/i2c-1: look at the wiring, the power and the address (`i2cdetect -y 1` shows "
        "who answers)"
    )


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


@pytest.mark.parametrize("kind", ["program", "twin"])
def test_the_watchdog_makes_chips_safe_through_the_kernels_interface(kind):
    answer = on_the_board(f"""
import asyncio, os, subprocess, sys
from ganglion.guardian import Actuators, watchdog
from ganglion.guardian.raw import joined
from ganglion.sensors.i2c import LinuxI2C

ports = {{"driver": "pcf8574", "bus": "/dev/i2c-2"}}
outputs = {{"driver": "pca9685", "bus": "/dev/i2c-2", "frequency": 50}}
servo = {{**outputs, "channel": 3, "low": 0, "high": 180, "duty": [0.05, 0.1], "fail_safe": 90}}
tables = {{
    "servo": servo,
    "lamp": {{**outputs, "channel": 15}},
    "relay": {{**ports, "pin": 2}},
    "siren": {{**ports, "pin": 5, "active_low": False}},
}}

def seen():
    i2c = LinuxI2C("/dev/i2c-2")
    return [i2c.readfrom_mem(0x40, 0x06 + 4 * 3, 4).hex(), i2c.readfrom_mem(0x40, 0x06 + 4 * 15, 4).hex(),
            i2c.readfrom(0x20, 1).hex()]

async def main():
    actuators = Actuators.from_tables(tables, i2c=LinuxI2C)
    await actuators.start()
    answer = [seen()]
    for name in tables:
        assert (await actuators.actuate(name, 180 if name == "servo" else True, owner="anna")).confirmed, name
    answer.append(seen())
    writes = joined(w for n in tables for w in actuators._actuators[n].driver.raw(90 if n == "servo" else False))
    words = [word for write in writes for word in write.words]
    command = {{"program": [str(watchdog.PROGRAM)], "twin": [sys.executable, "-I", "-S", str(watchdog.TWIN)]}}["{kind}"]
    done = subprocess.run([*command, "60000", *words], stdin=subprocess.DEVNULL, timeout=20)
    assert done.returncode == 0
    answer.append(seen())
    return answer

answer = asyncio.run(main())
""")
    safe = ["00003301", "00000010", "df"]  # 307 counts; always off; P2 high and P5 low
    assert answer == [safe, ["00009a01", "00100000", "fb"], safe]


@pytest.mark.parametrize("kind", ["program", "twin"])
def test_the_watchdog_makes_a_pin_safe_and_leaves_the_others_until_it_is_their_turn(kind, tmp_path):
    answer = on_the_board(f"""
import subprocess, sys
from ganglion.guardian import watchdog
from ganglion.guardian.raw import FileWrite, PinWrite, joined
from ganglion.sensors.i2c import LinuxI2C

def pin(number):
    return PinWrite(device="/dev/i2c-2", address=0x20, pins=1 << number, levels=1 << number)

LinuxI2C("/dev/i2c-2").writeto(0x20, bytes([0x3C]))  # both pins that act are on, and two that nobody has are low
words = [each.words for each in joined([pin(0), FileWrite(path="{tmp_path}/heater", data=b"0"), pin(1)])]
command = {{"program": [str(watchdog.PROGRAM)], "twin": [sys.executable, "-I", "-S", str(watchdog.TWIN)]}}["{kind}"]
answer = [[each[0] for each in words]]
for each in words[0], words[2]:
    assert subprocess.run([*command, "60000", *each], stdin=subprocess.DEVNULL, timeout=20).returncode == 0
    answer.append(LinuxI2C("/dev/i2c-2").readfrom(0x20, 1).hex())
""")
    assert answer == [["pins", "file", "i2c"], "fd", "ff"]


def test_an_adapter_that_is_not_there_is_an_error_that_names_it():
    answer = on_the_board("""
from ganglion.sensors.i2c import LinuxI2C
try:
    LinuxI2C("/dev/i2c-7")
except OSError as error:
    answer = [error.errno, str(error)]
""")
    assert answer[0] == errno.ENOENT
    assert "there is no /dev/i2c-7: switch I2C on" in answer[1]
