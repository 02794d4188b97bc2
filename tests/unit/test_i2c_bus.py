# SPDX-License-Identifier: GPL-3.0-or-later
"""i2c_bus: adapters behind a multiplexer are on the wires of the one before it."""

from pathlib import Path

from ganglion.linux.i2c_bus import joined


def test_a_multiplexers_adapters_are_joined_with_the_one_before_it_and_not_with_each_other(tmp_path: Path) -> None:
    """The folders as a Raspberry Pi with a PCA9548A has them."""
    devices = tmp_path / "bus/i2c/devices"
    devices.mkdir(parents=True)
    for adapter in ("i2c-1", "i2c-1/i2c-11", "i2c-1/i2c-12", "i2c-2"):
        folder = tmp_path / "devices/platform/fe804000.i2c" / adapter
        folder.mkdir(parents=True)
        (devices / folder.name).symlink_to(folder)
    assert joined("/dev/i2c-11", "/dev/i2c-1", sys=tmp_path)
    assert joined("/dev/i2c-1", "/dev/./i2c-12", sys=tmp_path)
    assert not joined("/dev/i2c-11", "/dev/i2c-12", sys=tmp_path)
    assert not joined("/dev/i2c-1", "/dev/i2c-2", sys=tmp_path)
