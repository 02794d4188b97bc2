# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: what a script imports and gets, what its host keeps, and how it is run."""

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ganglion.errors import NotFoundError
from ganglion.shims import restart
from ganglion.shims.run import run

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'runtime'}:{ROOT / 'firmware'}"}
Prints = Callable[..., str]


@pytest.fixture
def prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Prints:
    """What a script prints that stands beside these other files."""

    def run_it(source: str, *arguments: str, **files: str) -> str:
        for name, text in files.items():
            path = tmp_path.joinpath(*name.split("__"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".py").write_text(text)
        script = tmp_path / "script.py"
        script.write_text(source)
        run(script, list(arguments))
        return capsys.readouterr().out

    return run_it


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ganglion.shims", *words], env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )


def test_a_script_has_micropythons_time_and_its_host_has_its_own(prints: Prints) -> None:
    said = prints("import time, utime\nprint(time is utime, len(time.localtime()), time.ticks_diff(1, 3))")
    assert said == "True 8 -2\n"
    assert not hasattr(time, "ticks_ms")
    assert not hasattr(logging.time, "ticks_ms")
    assert not hasattr(asyncio, "sleep_ms")
    assert "machine" not in sys.modules


def test_what_only_cpython_has_is_there_too(prints: Prints) -> None:
    assert prints("import time, dataclasses\nprint(time.monotonic() > 0, dataclasses.__name__)") == "True dataclasses\n"


def test_a_file_beside_the_script_comes_first_except_for_what_is_inside_micropython(prints: Prints) -> None:
    said = prints("import machine, gc\nprint(machine.here, hasattr(gc, 'here'))", machine="here = 1", gc="here = 1")
    assert said == "1 False\n"


def test_modules_of_the_script_get_what_the_script_gets(prints: Prints) -> None:
    said = prints(
        "from pack.sub import name\nimport pack.sub\nfrom pack import other\nprint(name, pack.sub.wrap, other.wrap)",
        pack__sub="import time\nfrom . import other\nname = __name__\nwrap = time.ticks_add(0, -1)",
        pack__other="from pack.deep.below import wrap",
        pack__deep____init__="",
        pack__deep__below="import utime\nfrom ..deep import below\nwrap = utime.ticks_add(0, -2)",
        lib__unused="",
    )
    assert said == f"pack.sub {2**30 - 1} {2**30 - 2}\n"


def test_a_library_in_lib_is_found_and_the_path_can_be_changed(prints: Prints, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "away.py").write_text("x = 2")
    said = prints(
        f"import inside, sys\nsys.path.append({str(tmp_path / 'far')!r})\nimport away\n"
        "print(inside.x, away.x, 'away' in sys.modules, sys.argv[1:])",
        "word",
        lib__inside="x = 1",
    )
    assert said == "1 2 True ['word']\n"
    assert "away" not in sys.modules


def test_a_compiled_module_is_refused_by_name(prints: Prints, tmp_path: Path) -> None:
    (tmp_path / "drv.mpy").write_bytes(b"M\x06")
    with pytest.raises(ImportError, match=r"drv\.mpy is compiled for MicroPython: put drv\.py beside it"):
        prints("import drv")


def test_a_module_that_fails_is_not_half_there(prints: Prints) -> None:
    said = prints(
        "for i in range(2):\n    try:\n        import bad\n    except ZeroDivisionError:\n        print('again')",
        bad="1 / 0",
    )
    assert said == "again\nagain\n"


def test_what_is_nowhere_is_an_import_error(prints: Prints) -> None:
    assert prints("try:\n    import no_such\nexcept ImportError as e:\n    print(e)") == "No module named 'no_such'\n"


def test_an_oserror_of_a_number_has_that_number(prints: Prints) -> None:
    said = prints("try:\n    raise OSError(110)\nexcept OSError as e:\n    print(e.errno, e.args, e)")
    assert said == "110 (110,) [Errno 110] ETIMEDOUT\n"


def test_viper_functions_get_pointers(prints: Prints) -> None:
    said = prints("""
import micropython
@micropython.viper
def invert(buf: ptr8, n: int):
    for i in range(n):
        buf[i] ^= 0xFF
@micropython.viper
def halves(buf: ptr16) -> int:
    return buf[1] + uint(-1)
data = bytearray(b"\\x00\\x0f\\x01\\x00")
invert(data, 2)
print(data, halves(data) - 0xFFFFFFFF)
""")
    assert said == "bytearray(b'\\xff\\xf0\\x01\\x00') 1\n"


def test_assembler_is_refused(prints: Prints) -> None:
    with pytest.raises(NotImplementedError, match="f: assembler of a microcontroller does not run on CPython"):
        prints("import micropython\n@micropython.asm_thumb\ndef f(r0):\n    mov(r0, 1)")


def test_an_error_is_printed_without_source(prints: Prints) -> None:
    said = prints("import sys\ntry:\n    [][1]\nexcept IndexError as e:\n    sys.print_exception(e)")
    lines = said.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].endswith('script.py", line 3, in <module>')
    assert lines[2] == "IndexError: list index out of range"


def test_the_implementation_says_micropython_and_what_it_is(prints: Prints) -> None:
    said = prints("import sys\nprint(sys.implementation.name, sys.implementation[1][:2], sys.implementation._machine)")
    assert said.startswith("micropython (1, 25) CPython 3.")


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no script"):
        run(tmp_path / "none.py", [])


def test_the_command_ends_as_the_script_does(tmp_path: Path) -> None:
    script = tmp_path / "it.py"
    script.write_text("import sys\nprint(sys.argv[1:])\nsys.exit(3)")
    done = command(script, "-x", "y")
    assert (done.returncode, done.stdout) == (3, "['-x', 'y']\n")
    script.write_text("raise ValueError('no')")
    done = command(script)
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: no\n")


@pytest.mark.parametrize("safe", [False, True])
def test_files_beside_the_script_are_nothing_to_the_host(tmp_path: Path, safe: bool) -> None:
    for name in ("json", "argparse", "select", "traceback", *(["types"] if safe else [])):
        (tmp_path / f"{name}.py").write_text("here = 1")
    (tmp_path / "it.py").write_text("import json, select\nprint(json.here, select.here)")
    words = [sys.executable, *(["-P"] if safe else []), "-m", "ganglion.shims", "it.py"]
    done = subprocess.run(words, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "1 1\n")


def test_a_configuration_has_wires_and_chips(tmp_path: Path) -> None:
    config = tmp_path / "board.toml"
    config.write_text(
        'wires = [[1, "OUT"]]\n[[chip]]\nmodel = "bme280"\naddress = 0x76\n'
        '[[chip]]\nmodel = "registers"\naddress = 0x50\nbus = "soft"\n'
    )
    script = tmp_path / "it.py"
    script.write_text("""
from machine import I2C, Pin, SoftI2C
Pin("OUT", Pin.OUT).on()
print(Pin(1).value(), I2C(0).scan(), SoftI2C(Pin(3), Pin(4)).scan(), I2C(0).readfrom_mem(0x76, 0xD0, 1))
""")
    done = command("--config", config, script)
    assert (done.stderr, done.stdout) == ("", "1 [118] [80] b'`'\n")


def test_every_reset_begins_the_script_again_and_says_why(tmp_path: Path) -> None:
    script = tmp_path / "it.py"
    script.write_text("""
import machine, time
rtc = machine.RTC()
told = rtc.memory() + bytes([machine.reset_cause()])
rtc.memory(told)
if len(told) == 1:
    machine.reset()
elif len(told) == 2:
    machine.soft_reset()
elif len(told) == 3:
    machine.deepsleep(1)
elif len(told) == 4:
    machine.WDT(timeout=5)
    while True:
        pass
print(list(told) == [machine.PWRON_RESET, machine.HARD_RESET, machine.SOFT_RESET, machine.DEEPSLEEP_RESET,
    machine.WDT_RESET])
""")
    done = command(script)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "True\n")


def test_a_reset_inside_another_program_ends_the_script() -> None:
    with pytest.raises(SystemExit):
        restart.restart(restart.HARD)


def test_install_is_for_who_imports_it(tmp_path: Path) -> None:
    (tmp_path / "device.py").write_text("""
import ganglion.shims.install
import time, utime, machine
import driver
def later():
    import time
    return len(time.localtime())
print(time is utime, later(), driver.wrap, machine.Pin(1) is driver.pin)
""")
    (tmp_path / "driver.py").write_text(
        "import time\nfrom machine import Pin\nwrap = time.ticks_add(0, -1)\npin = Pin(1)"
    )
    (tmp_path / "host.py").write_text("""
import time
import device
import urequests
from umqtt.simple import MQTTClient
import umqtt.robust, logging
print(hasattr(time, "ticks_ms"), hasattr(logging.time, "ticks_ms"), len(time.localtime()))
print(issubclass(umqtt.robust.MQTTClient, MQTTClient), urequests.get is not None)
try:
    import no_such
except ModuleNotFoundError as error:
    print(error)
""")
    done = subprocess.run(
        [sys.executable, tmp_path / "host.py"], env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        f"True 8 {2**30 - 1} True",
        "False False 9",
        "True True",
        "No module named 'no_such'",
    ]


def test_install_puts_the_names_in_place_for_the_process(tmp_path: Path) -> None:
    """For who installs, for a module of elsewhere that installs later, and for one that never does."""
    (tmp_path / "host.py").write_text("""
import sys
sys.path += ["one", "two", "three"]
import first, later, plain
import email, http.client, sched, selectors
import json, os, time
print(hasattr(time, "ticks_ms"), hasattr(os, "ilistdir"), hasattr(sched.time, "ticks_ms"), hasattr(json, "JSONEncoder"))
print(isinstance(selectors.select.epoll, type), "ticks_ms" in vars(http.client.socket), first.pin is later.pin)
print(first.driver is not later.driver, later.driver.wrap, plain.ticks == first.ticks)
""")
    files = {
        "one/first.py": "import ganglion.shims.install\nimport time, driver, machine\n"
        "ticks = time.ticks_ms\npin = machine.Pin(1)",
        "one/driver.py": "wrap = None",
        "two/later.py": "from ganglion.shims import install\nfrom time import ticks_add\nimport os, helper as driver\n"
        "from machine import Pin\npin = Pin(1)\nassert hasattr(os, 'ilistdir')",
        "two/helper.py": "import time\nwrap = time.ticks_add(0, -1)",
        "three/plain.py": "import time, machine, framebuf, uos, ujson, ubinascii, uasyncio.core, umqtt.simple, aioble\n"
        "from utime import ticks_ms as ticks\nfrom uasyncio import sleep_ms\nimport uasyncio, bluetooth, ubluetooth\n"
        "assert not hasattr(time, 'ticks_ms') and uasyncio.core.sleep_ms is sleep_ms and bluetooth is ubluetooth\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "host.py"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["False False False True", "True False True", f"True {2**30 - 1} True"]


def test_what_is_not_on_this_board_says_so(prints: Prints) -> None:
    said = prints("""
import machine, rp2, esp32, bluetooth
for what in (lambda: rp2.StateMachine(0), lambda: esp32.RMT, lambda: machine.mem32, lambda: bluetooth.BLE(),
             machine.bootloader, lambda: esp32.Partition(0).set_boot()):
    try:
        what()
    except (NotImplementedError, OSError) as error:
        print(error)
@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def blink():
    set(pins, 1)
print(bluetooth.UUID(0x180F), bluetooth.UUID(0x2A19) == bluetooth.UUID(0x2A19))
""")
    lines = said.splitlines()
    assert len(lines) == 7
    assert lines[0] == "rp2.StateMachine: this is a part of the RP2040, and this board has none"
    assert lines[3].startswith("bluetooth.BLE is a microcontroller's radio: import aioble, which has the same")
    assert lines[-1] == "UUID(0x180f) True"


def test_values_of_the_esp32_survive(prints: Prints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    prints("""
from esp32 import NVS
nvs = NVS("app")
nvs.set_i32("count", -7)
nvs.set_blob("name", b"x\\x00y")
nvs.commit()
""")
    said = prints("""
from esp32 import NVS
nvs = NVS("app")
room = bytearray(4)
print(nvs.get_i32("count"), nvs.get_blob("name", room), room)
nvs.erase_key("count")
for what in (lambda: nvs.get_i32("count"), lambda: nvs.get_blob("count", room),
             lambda: nvs.get_blob("name", bytearray(1)),
             lambda: nvs.set_i32("count", 1 << 31),
             lambda: NVS("other").get_i32("count"), lambda: nvs.erase_key("none")):
    try:
        what()
    except (OSError, OverflowError) as error:
        print(type(error).__name__)
""")
    assert said.splitlines() == ["-7 3 bytearray(b'x\\x00y\\x00')", *["OSError"] * 3, "OverflowError", *["OSError"] * 2]
