# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: scripts whose own functions fail, that move about and begin again."""

import subprocess
import sys
from pathlib import Path

import pytest


def run(folder: Path, script: str, *options: str) -> "subprocess.CompletedProcess[str]":
    (folder / "it.py").write_text(script)
    command = [sys.executable, "-P", "-m", "ganglion.shims", *options, "it.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_a_callback_that_fails_is_told_and_the_other_timers_go_on(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
from machine import Timer
import time
ticks = []
def fails(timer):
    raise ValueError("of the script")
Timer(1, mode=Timer.ONE_SHOT, period=1, callback=fails, hard=True)
Timer(2, mode=Timer.PERIODIC, period=5, callback=ticks.append, hard=True)
while len(ticks) < 3:
    time.sleep_ms(1)
print("three")
""",
    )
    assert (done.returncode, done.stdout) == (0, "three\n")
    assert "ValueError: of the script" in done.stderr


def test_a_reset_begins_the_script_again_wherever_it_has_gone(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import machine, os
if machine.reset_cause() == machine.PWRON_RESET:
    os.mkdir("elsewhere")
    os.chdir("elsewhere")
    machine.reset()
print("again")
""",
    )
    assert (done.returncode, done.stdout) == (0, "again\n"), done.stderr


def test_a_link_that_leads_nowhere_is_listed_as_any(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    done = run(tmp_path, "import os\nprint(os.listdir())\n")
    assert (done.returncode, done.stdout) == (0, "['it.py', 'link']\n"), done.stderr


def test_a_function_for_the_end_is_called_once_though_it_was_set_twice(tmp_path: Path) -> None:
    script = "import sys\nsys.atexit(lambda: print('f'))\nsys.atexit(None)\nsys.atexit(lambda: print('g'))\n"
    assert run(tmp_path, script).stdout == "g\n"


def test_a_traceback_has_the_scripts_frames_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "driver.py").write_text("def read(bus):\n    return bus.readfrom_mem(0x33, 0, 1)\n")
    done = run(tmp_path, "from machine import I2C\nimport driver\ndriver.read(I2C(0))\n")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Traceback (most recent call last):",
        '  File "it.py", line 3, in <module>',
        '  File "driver.py", line 2, in read',
        "OSError: [Errno 19] ENODEV",
    ]


@pytest.mark.parametrize(
    ("script", "last"),
    [
        ("open('no.txt')\n", ['  File "it.py", line 1, in <module>', "OSError: [Errno 2] ENOENT: no.txt"]),
        ("{}['key']\n", ['  File "it.py", line 1, in <module>', "KeyError: key"]),
        ("x = (\n", ['  File "it.py", line 1', "SyntaxError: '(' was never closed"]),
        ("raise KeyboardInterrupt\n", ['  File "it.py", line 1, in <module>', "KeyboardInterrupt"]),
        (
            "import asyncio\nasync def main():\n    raise OSError(110)\nasyncio.run(main())\n",
            [
                '  File "it.py", line 4, in <module>',
                '  File "it.py", line 3, in main',
                "OSError: [Errno 110] ETIMEDOUT",
            ],
        ),
        (
            "import threading\nt = threading.Thread(target=lambda: 1 // 0)\nt.start()\nt.join()\n",
            ['  File "it.py", line 2, in <lambda>', "ZeroDivisionError: integer division or modulo by zero"],
        ),
    ],
)
def test_what_is_not_caught_is_told_as_micropython_tells_it(tmp_path: Path, script: str, last: list[str]) -> None:
    assert run(tmp_path, script).stderr.splitlines() == ["Traceback (most recent call last):", *last]


@pytest.mark.parametrize(
    ("script", "missing", "remedy"),
    [
        ("I2C(0)", "/dev/i2c-77", "or name another under [i2c] of the configuration."),
        ("SPI(1)", "/dev/spidev77.0", "or name another under [spi] of the configuration."),
        ("UART(1)", "/dev/ttyS77", "or name another under [uart] of the configuration."),
        ("Pin(3, Pin.OUT)", "/dev/gpiochip77", "or name another under `gpiochip` of the configuration."),
        ("WDT()", "/dev/watchdog77", "or name another under `watchdog` of the configuration."),
    ],
)
def test_a_device_that_is_not_there_is_named_with_the_remedy(
    tmp_path: Path, script: str, missing: str, remedy: str
) -> None:
    (tmp_path / "board.toml").write_text(
        'board = "linux"\ngpiochip = "/dev/gpiochip77"\nwatchdog = "/dev/watchdog77"\n[i2c]\n0 = "/dev/i2c-77"\n'
        '[spi]\n1 = "/dev/spidev77.0"\n[uart]\n1 = "/dev/ttyS77"\n'
    )
    done = run(
        tmp_path,
        f"from machine import *\ntry:\n    {script}\nexcept OSError as error:\n    print(type(error), error.errno)\n"
        f"{script}\n",
        "--config",
        "board.toml",
    )
    assert (done.returncode, done.stdout) == (1, "<class 'OSError'> 2\n")
    told = done.stderr.splitlines()
    assert told[:3] == [
        "Traceback (most recent call last):",
        '  File "it.py", line 6, in <module>',
        "OSError: [Errno 2] ENOENT",
    ]
    assert told[3].startswith(f"There is no {missing}: ")
    assert told[3].endswith(remedy)
    assert len(told) == 4
