# SPDX-License-Identifier: GPL-3.0-or-later
"""Sensors: a source (a chip, a microphone, pictures, the machine, a recording), a schedule, a calibration, a topic."""

from ganglion.sensors.computed import ordered
from ganglion.sensors.registry import Sensors
from ganglion.sensors.sensor import Sensor, build
from ganglion.sensors.status import SensorStatus

__all__ = ["Sensor", "SensorStatus", "Sensors", "build", "ordered"]
