# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/audio.md: its configuration is read and built, and its table of channels is what the sensor has."""

import re
import tomllib
from pathlib import Path

from ganglion.sensors import build

PAGE = (Path(__file__).parents[2] / "docs" / "audio.md").read_text()
(CONFIG,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_configuration_of_the_page_is_a_sensor_with_the_channels_of_the_page(tmp_path):
    table = tomllib.loads(CONFIG)["sensor"]["mic"]
    mic = build("mic", table, state=lambda path: tmp_path / path)
    named = {name for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    inner = {"band_125", "band_250", "band_500", "band_1000", "band_2000", "band_4000"}
    assert set(mic.channels) == named | inner
    assert "calibration.level = {offset = 94}" in PAGE
    louder = build("mic", table | tomllib.loads("calibration.level = {offset = 94}"))
    assert louder.calibration["level"].offset == 94
