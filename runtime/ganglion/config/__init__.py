# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's configuration: one TOML file, read once, into one tree. The only reader of that file.

[node]
name = "fridge"
scripts = ["fridge.yaml"]

[mqtt]
broker = "mqtt://192.0.2.1:1883"

[mesh]
enrol_key_file = "enrol.key"

[sensor.fridge]
kind = "bme280"
bus = "/dev/i2c-1"
every = "1s"

[actuator.buzzer]
driver = "file"
path = "/sys/class/leds/buzzer/brightness"

[[report]]
topic = "sensor/fridge/#"
change = 0.2

[bridge]
zigbee2mqtt = "zigbee2mqtt"

[history]
topics = ["sensor/#"]
age = "7d"

[console]
shell = true

[serial.boiler]
port = "/dev/ttyUSB0"
"""

from ganglion.config.command_line import brokers, override, state_folder
from ganglion.config.console import ConsoleSection
from ganglion.config.file import actuator_tables, load, of_table, sensor_tables
from ganglion.config.mesh import MeshSection
from ganglion.config.name import NAME
from ganglion.config.node import NodeSection
from ganglion.config.report import ReportSection
from ganglion.config.tree import Config, changed

__all__ = [
    "NAME",
    "Config",
    "ConsoleSection",
    "MeshSection",
    "NodeSection",
    "ReportSection",
    "actuator_tables",
    "brokers",
    "changed",
    "load",
    "of_table",
    "override",
    "sensor_tables",
    "state_folder",
]
