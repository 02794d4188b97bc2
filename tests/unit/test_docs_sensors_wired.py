# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of docs/sensors-wired.md is a node's configuration, and its sensors have the channels it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ganglion import config
from ganglion.sensors import build
from ganglion.sensors.sensor import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "sensors-wired.md").read_text()
SECTIONS = re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
EXAMPLES = [
    (title, text, toml) for title, text in SECTIONS for toml in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
]


@pytest.mark.parametrize(("title", "text", "toml"), EXAMPLES, ids=lambda value: value.split("\n")[0][:20])
def test_an_example_is_built_and_its_channels_are_named(tmp_path, title, text, toml):
    file = tmp_path / "node.toml"
    file.write_text(f'[node]\nname = "shed"\n\n[mqtt]\nbroker = "mqtt://127.0.0.1:1883"\n\n{toml}')
    loaded = config.load(file)
    assert loaded.sensors
    for name, table in loaded.sensors.items():
        sensor = build(name, table, resolve=loaded.resolve)
        for channel, unit in sensor.channels.items():
            assert f"`{channel}`" in text
            assert unit in ("", "1") or unit in text


def test_every_kind_on_wires_has_an_example():
    shown = set(re.findall(r'kind = "(\w+)"', PAGE))
    assert shown == {"gpio", "ds18b20", "dht22", "iio", "nmea", "modbus"}
    assert shown <= KINDS.keys()


def test_nothing_heavy_is_imported_before_a_port_is_opened():
    program = """
import sys
from ganglion.sensors import build
for table in (
    {"kind": "gpio", "chip": "/dev/gpiochip0", "line": 1},
    {"kind": "gpio", "chip": "sim", "line": 1},
    {"kind": "ds18b20"},
    {"kind": "dht22"},
    {"kind": "nmea", "port": "/dev/ttyUSB0"},
    {"kind": "modbus", "port": "/dev/ttyUSB0", "registers": {"x": {"address": 1}}},
):
    build("s", table)
heavy = {"gpiod", "serial", "pymodbus", "smbus2"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})
