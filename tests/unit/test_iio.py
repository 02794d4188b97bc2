# SPDX-License-Identifier: GPL-3.0-or-later
"""iio: a channel's raw number, scale and offset in the kernel's published files."""

import pytest

from ganglion.errors import InvalidError, NotFoundError
from ganglion.sensors import build
from support.sysfs import converter


def light(root, channel, device="adc"):
    sensor = build("light", {"kind": "iio", "root": str(root), "device": device, "channel": channel})
    sensor.source.open()
    return sensor


@pytest.mark.parametrize(
    ("channel", "files", "channels", "value"),
    [
        # An ADS1015: a scale for each channel, in mV a step
        ("in_voltage0", {"in_voltage0_raw": 1000, "in_voltage0_scale": 3.0}, {"voltage": "V"}, 3.0),
        # A converter of a processor: one scale for all
        ("in_voltage3", {"in_voltage3_raw": 2048, "in_voltage_scale": 0.8056640625}, {"voltage": "V"}, 1.65),
        (
            "in_voltage0-voltage1",
            {"in_voltage0-voltage1_raw": -100, "in_voltage-voltage_scale": 2, "in_voltage_scale": 9},
            {"voltage": "V"},
            -0.2,
        ),
        # The offset is added before the scale
        ("in_temp", {"in_temp_raw": 800, "in_temp_offset": -273, "in_temp_scale": 100}, {"temperature": "Cel"}, 52.7),
        ("in_accel_x", {"in_accel_x_raw": 512, "in_accel_scale": 0.019}, {"acceleration": "m/s2"}, 9.728),
        ("in_pressure", {"in_pressure_input": 101.325}, {"pressure": "hPa"}, 1013.25),
        ("in_illuminance", {"in_illuminance_input": 320, "in_illuminance_scale": 9}, {"illuminance": "lx"}, 320),
        ("in_resistance", {"in_resistance_raw": 470}, {"resistance": "Ohm"}, 470),
    ],
)
def test_a_channel_is_raw_plus_offset_times_scale(tmp_path, channel, files, channels, value):
    converter(tmp_path, 0, "adc", **files)
    sensor = light(tmp_path, channel)
    assert sensor.channels == channels
    (name,) = channels
    assert sensor.sample() == {name: pytest.approx(value)}


def test_what_is_not_there_is_named_with_the_nearest(tmp_path):
    converter(tmp_path, 0, "ads1015", in_voltage0_raw=1)
    with pytest.raises(InvalidError, match=r'channel: iio:device0 has no in_voltage7; did you mean "in_voltage0"'):
        light(tmp_path, "in_voltage7", "ads1015")
    with pytest.raises(NotFoundError, match=r"Linux has no device 'ads1016' here; did you mean \"ads1015\""):
        light(tmp_path, "in_voltage0", "ads1016")
    with pytest.raises(InvalidError, match="channel must be one of in_voltage, in_current"):
        light(tmp_path, "../../../etc/passwd", "ads1015")


def test_a_file_that_is_no_number_is_an_error(tmp_path):
    converter(tmp_path, 0, "adc", in_voltage0_raw="busy")
    with pytest.raises(OSError, match="in_voltage0_raw reads 'busy"):
        light(tmp_path, "in_voltage0").sample()
