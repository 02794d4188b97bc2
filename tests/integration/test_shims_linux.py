# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: scripts on real kernel interfaces: smbus2 over umockdev, pyserial over a pty."""

import os
import subprocess
import sys
import tty
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'runtime'}:{ROOT / 'firmware'}:{ROOT / 'tests'}"}


def test_a_script_reads_a_chip_through_the_kernels_interface(tmp_path: Path) -> None:
    config = tmp_path / "board.toml"
    config.write_text('board = "linux"\n[i2c]\n0 = "/dev/i2c-1"\nsoft = "/dev/i2c-1"\n')
    script = tmp_path / "it.py"
    script.write_text("""
from machine import I2C, Pin, SoftI2C
import time
from ganglion_micro.drivers.bme280 import BME280
i2c = I2C(0, freq=400000)
print(0x76 in i2c.scan(), 0x10 in i2c.scan(), i2c.readfrom_mem(0x76, 0xD0, 1))
try:
    i2c.readfrom(0x10, 1)
except OSError as error:
    print(error.errno, error)
chip = BME280(SoftI2C(scl=1, sda=2))
time.sleep_ms(chip.start())
print(round(chip.sample()["temperature"], 1))
try:
    I2C(5)
except ValueError as error:
    print(error)
""")
    command = ["/usr/bin/python3", ROOT / "tests/support/umockdev_i2c.py", sys.executable, "-m", "ganglion.shims"]
    done = subprocess.run(
        [*command, "--config", config, script], env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "True False b'`'",
        "19 [Errno 19] ENODEV",
        "20.0",
        "this board has no i2c 5: name its device under [i2c] of the configuration",
    ]


def test_a_script_speaks_over_a_serial_port(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    config = tmp_path / "board.toml"
    config.write_text(f'board = "linux"\n[uart]\n1 = "{os.ttyname(theirs)}"\n')
    script = tmp_path / "it.py"
    script.write_text("""
import asyncio, select
from machine import UART
uart = UART(1, 115200, timeout=5000, timeout_char=200)
uart.write("ready\\n")
print(uart.readline())
seen = []
uart.irq(lambda each: seen.append(each.read(each.any())), UART.IRQ_RX)
uart.write("again\\n")
while b"".join(seen) != b"two\\n":
    pass
uart.irq(None)
poll = select.poll()
poll.register(uart, select.POLLIN)
uart.write("poll\\n")
print([events for _, events in poll.poll(5000)], uart.readline())

async def main():
    stream = asyncio.StreamReader(uart)
    stream.write(b"task\\n")
    await stream.drain()
    print(await asyncio.wait_for(stream.readline(), 60))

asyncio.run(main())
""")
    with (
        subprocess.Popen(
            [sys.executable, "-m", "ganglion.shims", "--config", config, script],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        os.fdopen(ours, "r+b", buffering=0) as port,
    ):
        for cue, answer in [
            (b"ready\n", b"one\n"),
            (b"again\n", b"two\n"),
            (b"poll\n", b"three\n"),
            (b"task\n", b"four\n"),
        ]:
            heard = b""
            while not heard.endswith(cue):
                heard += port.read(1)
            port.write(answer)
            if cue == b"ready\n":
                os.close(theirs)  # the script has it open: its end is heard here now
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines() == ["b'one\\n'", "[1] b'three\\n'", "b'four\\n'"]
