# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/drivers.md: its table is the code's, its configuration starts, and the driver that it writes works."""

import dataclasses
import json
import re
import sys
import tomllib
import types
from importlib import import_module
from pathlib import Path

import pytest

from ganglion.errors import InvalidError
from ganglion.sensors import build, chip, chips, sensor
from ganglion.sensors.chips import CHIPS, Chip
from ganglion.sim.device import Fault
from ganglion.sim.i2c import SimulatedI2C
from support import exercise, micropython
from support.chips import Bench

PAGE = (Path(__file__).parents[2] / "docs" / "drivers.md").read_text()
#: The blocks of Python that name their file, by it.
FILES = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))


def addresses(kind):
    first, *_, last = CHIPS[kind].addresses * 2
    if len(CHIPS[kind].addresses) > 4:
        return f"0x{first:02X} to 0x{last:02X}"
    return ", ".join(f"0x{address:02X}" for address in CHIPS[kind].addresses)


def options(kind):
    common = {field.name for field in dataclasses.fields(chips.ChipSection)}
    own = [field for field in dataclasses.fields(CHIPS[kind].section) if field.name not in common]
    return ", ".join(f"`{field.name} = {json.dumps(field.default)}`" for field in own)


def row(kind, title):
    channels = ", ".join(f"`{name}` {unit}".strip() for name, unit in CHIPS[kind].driver_class().channels.items())
    quantities = ", ".join(f"`{name}` {each.low} to {each.high}" for name, each in Bench(kind).model.quantities.items())
    cells = (f"`{kind}`", title, addresses(kind), channels, options(kind), quantities)
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def test_the_table_is_the_codes():
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|.*\|$", PAGE, re.MULTILINE)
    assert [kind for kind, _ in rows] == sorted(CHIPS)
    for kind, title in rows:
        assert row(kind, title) in PAGE.splitlines()


def test_the_configuration_starts():
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    made = {name: build(name, table) for name, table in tomllib.loads(text)["sensor"].items()}
    assert set(made) == {"fridge", "battery", "desk"}
    assert made["desk"].simulated
    assert not made["fridge"].simulated


def test_the_microcontrollers_lines_run_under_micropython(tmp_path):
    (text,) = re.findall(r"^```python\n(import time\n.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    bench, lines = Bench("sht3x"), []
    driver = bench.driver(exercise.Recorded(bench.i2c, "i2c", lines))
    values = bench.measure(driver)
    (tmp_path / "machine.py").write_text(
        "from support.exercise import Replayed\n\n"
        "def Pin(number):\n    return number\n\n"
        f"def I2C(number, scl, sda):\n    return Replayed('i2c', {lines!r})\n"
    )
    (tmp_path / "main.py").write_text(f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{text}")
    done = micropython.run(tmp_path / "main.py")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.replace("'", '"')) == pytest.approx(values)


def test_what_acts_has_what_the_page_says():
    rows = re.findall(r"^\| `(\w+)\.(\w+)` \| [^|]+ \| (.*) \|$", PAGE, re.MULTILINE)
    assert {module for module, _, _ in rows} == {"pcf8574", "pca9685", "ssd1306", "ds3231"}
    for module, name, text in rows:
        found = getattr(import_module(f"ganglion_micro.drivers.{module}"), name)(SimulatedI2C(acting()))
        assert all(hasattr(found, method) for method in re.findall(r"`(\w+)`", text) if method != "framebuf")


def test_the_lines_of_what_acts_run(monkeypatch, capsys):
    (text,) = re.findall(r"^```python\n(from machine import I2C, Pin\n.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    board = types.ModuleType("machine")
    board.Pin = int
    board.I2C = lambda number, scl, sda: SimulatedI2C(acting())
    monkeypatch.setitem(sys.modules, "machine", board)
    exec(text, {})
    assert capsys.readouterr().out == "(2026, 11, 21, 20, 50, 22) 307\n"


def acting():
    """A chip of each driver of the page's second table, at its usual address."""
    models = {0x20: "pcf8574", 0x3C: "ssd1306", 0x40: "pca9685", 0x68: "ds3231"}
    return {at: import_module(f"ganglion.sim.{name}").ChipModel(now=lambda: 0) for at, name in models.items()}


@pytest.fixture
def tmp102(monkeypatch):
    """The page's driver, model and row, as if its files were there."""
    assert len(FILES) == PAGE.count("```python\n# ") == 3
    for path, text in FILES.items():
        if path.startswith(("firmware/", "runtime/ganglion/sim/")):
            name = ".".join(Path(path).with_suffix("").parts[1:])
            module = types.ModuleType(name)
            exec(compile(text, path, "exec"), module.__dict__)
            monkeypatch.setitem(sys.modules, name, module)
    row = eval("{" + FILES["runtime/ganglion/sensors/chips.py"] + "}", {"Chip": Chip})
    monkeypatch.setitem(CHIPS, "tmp102", row["tmp102"])
    monkeypatch.setitem(sensor.KINDS, "tmp102", "ganglion.sensors.chip")
    monkeypatch.setitem(chip.SECTIONS, "tmp102", row["tmp102"].section)


@pytest.mark.usefixtures("tmp102")
@pytest.mark.parametrize("celsius", [-40, -0.0625, 0, 25.5, 125])
def test_the_pages_driver_reads_what_its_model_is_in(celsius):
    made = build("s", {"kind": "tmp102", "bus": "sim"})
    made.set("temperature", celsius)
    made.source.open()
    assert made.sample() == {"temperature": celsius}
    with pytest.raises(InvalidError, match="celsius must be -40 to 125"):
        made.set("temperature", 126)


@pytest.mark.usefixtures("tmp102")
@pytest.mark.parametrize("fault", [Fault.NACK, Fault.STUCK, Fault.SHORT])
def test_the_pages_driver_finds_faults_out(fault):
    bench = Bench("tmp102")
    bench.model.fault = fault
    with pytest.raises(OSError, match=r"does not acknowledge|not a temperature|outside"):
        bench.measure(bench.driver())


def test_the_pages_driver_is_compiled_and_runs_under_micropython(tmp_path):
    script = tmp_path / "it.py"
    script.write_text(
        FILES["firmware/ganglion_micro/drivers/tmp102.py"]
        + "class Bus:\n    def readfrom_mem(self, address, register, count):\n        return b'\\x19\\x00'\n\n"
        "print(TMP102(Bus()).sample())\n"
    )
    done = micropython.run(script)
    assert (done.returncode, done.stdout) == (0, "{'temperature': 25.0}\n"), done.stderr
