# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: a Linux machine as a board, on files where sysfs would be."""

import errno
import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import UsageError
from ganglion.shims.board import network, sysfs
from ganglion.shims.board.bits import encoded
from ganglion.shims.board.linux import LinuxBoard
from ganglion.shims.board.opened import opened
from ganglion.shims.settings import Settings


def written(folder: Path, **files: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")
    return folder


def test_pwm_is_period_duty_and_enable(tmp_path: Path) -> None:
    out = written(tmp_path / "class/pwm/pwmchip0/pwm1", period=0, duty_cycle=0, enable=0)
    board = LinuxBoard(Settings(pwm={"18": "pwmchip0/1"}), tmp_path)
    pwm = board.pwm(18)
    assert board.pwm(18) is pwm
    pwm.configure(period_ns=20_000_000, high_ns=1_500_000)
    assert [int((out / name).read_text()) for name in ("period", "duty_cycle", "enable")] == [20_000_000, 1_500_000, 1]
    pwm.configure(period_ns=1000, high_ns=500)
    pwm.stop()
    assert [int((out / name).read_text()) for name in ("period", "duty_cycle", "enable")] == [1000, 500, 0]


def test_a_pwm_that_is_not_exported_is_asked_for(tmp_path: Path) -> None:
    chip = written(tmp_path / "class/pwm/pwmchip0", export="")
    LinuxBoard(Settings(pwm={"18": "pwmchip0/1"}), tmp_path).pwm(18)
    assert (chip / "export").read_text() == "1\n"


def test_an_analog_input_is_raw_times_scale_in_millivolts(tmp_path: Path) -> None:
    device = written(tmp_path / "bus/iio/devices/iio:device0", in_voltage0_raw=2048, in_voltage_scale="0.805664062")
    board = LinuxBoard(Settings(adc={"0": "iio:device0/in_voltage0"}), tmp_path)
    assert board.microvolts(0) == (1_650_000, 3_299_194)
    written(device, in_voltage0_scale="1.0")
    assert board.microvolts(0)[0] == 2_048_000


def test_humidity_is_what_the_kernels_driver_says(tmp_path: Path) -> None:
    written(tmp_path / "bus/iio/devices/iio:device1", in_humidityrelative_input=61200, in_temp_input=-3500)
    board = LinuxBoard(Settings(dht={"4": "iio:device1"}), tmp_path)
    assert board.humidity(4, 2) == bytes([0x02, 0x64, 0x80, 0x23, 0x09])


def test_thermometers_are_the_kernels(tmp_path: Path) -> None:
    written(tmp_path / "bus/w1/devices/28-0000075565ab", temperature=21562)
    written(tmp_path / "bus/w1/devices/w1_bus_master1")
    bus = LinuxBoard(Settings(), tmp_path).onewire(4)
    assert isinstance(bus, sysfs.KernelOneWire)
    (rom,) = bus.roms()
    assert rom[:7].hex() == "28ab6555070000"
    assert bus.temperature(rom) == 21.562
    assert bus.reset()
    with pytest.raises(OSError, match="slots are the kernel's on this board: use ds18x20"):
        bus.read_bit()


@pytest.mark.parametrize("kind", ["i2c", "spi", "uart", "pwm"])
def test_what_the_configuration_does_not_name_is_refused_with_the_remedy(kind: str) -> None:
    with pytest.raises(ValueError, match=rf"no {kind} 7: name its device under \[{kind}\] of the configuration"):
        getattr(LinuxBoard(Settings()), kind)(7)


def test_a_pin_has_a_number_or_a_name_that_has_one() -> None:
    with pytest.raises(ValueError, match="no pin 'LED': give its line under"):
        LinuxBoard(Settings()).line("LED")
    with pytest.raises(OSError, match="ENOENT"):
        LinuxBoard(Settings(gpiochip="/dev/gpiochip77", pin={"LED": 3})).line("LED").read()


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.EACCES, r"^This user may not open .*/device: (add it to the group \w+ with|run this as root)"),
        (errno.EBUSY, r"^line 3 of .*/device is in use by another program, which `fuser -v .*/device` names: end it"),
        (errno.ENOTTY, r"^line 3 of .*/device cannot be used as that .*: name another under \[uart\]"),
    ],
)
def test_who_may_not_open_a_device_is_told_what_helps(number: int, says: str, tmp_path: Path) -> None:
    device = tmp_path / "device"
    device.touch()

    def fails() -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(OSError, match=errno.errorcode[number]) as caught:
        opened("uart", str(device), fails, "line 3")
    assert (type(caught.value), caught.value.errno, caught.value.args) == (OSError, number, (number,))
    assert re.search(says, caught.value.__notes__[0])


def test_an_answer_that_does_not_come_is_no_missing_device() -> None:
    def fails() -> None:
        raise TimeoutError(errno.ETIMEDOUT, "no answer")

    with pytest.raises(OSError, match="ETIMEDOUT") as caught:
        opened("dht", "iio:device1", fails)
    assert not hasattr(caught.value, "__notes__")


def test_the_machines_id_is_not_given_away() -> None:
    board = LinuxBoard(Settings())
    assert len(board.unique_id()) == 8
    assert board.unique_id() == LinuxBoard(Settings()).unique_id()
    identity = Path("/etc/machine-id")
    if identity.is_file():
        assert board.unique_id().hex() not in identity.read_text()


@given(st.binary(max_size=40))
def test_a_pixels_bit_is_three_bits_of_which_the_middle_one_tells(data: bytes) -> None:
    sent = encoded(data)
    assert sent[3 * len(data) :] == bytes(90)
    bits = "".join(f"{byte:08b}" for byte in sent[: 3 * len(data)])
    assert set(bits[0::3]) <= {"1"}
    assert set(bits[2::3]) <= {"0"}
    assert bits[1::3] == "".join(f"{byte:08b}" for byte in data)


def test_interfaces_are_read_from_their_files(tmp_path: Path) -> None:
    written(tmp_path / "eth0", operstate="up", address="02:00:00:aa:bb:cc")
    written(tmp_path / "wlan0", operstate="down", address="02:00:00:aa:bb:cd")
    (tmp_path / "wlan0" / "wireless").mkdir()
    written(tmp_path / "lo", operstate="unknown")
    assert network.interfaces(tmp_path, wireless=False) == ["eth0"]
    assert network.interfaces(tmp_path, wireless=True) == ["wlan0"]
    assert (network.is_up(tmp_path, "eth0"), network.is_up(tmp_path, "wlan0")) == (True, False)
    assert network.mac(tmp_path, "eth0").hex() == "020000aabbcc"
    routes = tmp_path / "route"
    routes.write_text("Iface\tDestination\tGateway\neth0\t00000000\t0101A8C0\neth0\t0001A8C0\t00000000\n")
    assert (network.gateway(routes, "eth0"), network.gateway(routes, "wlan0")) == ("192.168.1.1", "0.0.0.0")
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("# by hand\nsearch lan\nnameserver 192.168.1.1\nnameserver 9.9.9.9\n")
    assert network.resolver(resolv) == "192.168.1.1"


def test_the_loopback_has_its_address() -> None:
    assert network.address("lo") == ("127.0.0.1", "255.0.0.0")
    assert network.address("none0") == ("0.0.0.0", "0.0.0.0")


def test_a_radio_without_bleak_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bleak", None)
    with pytest.raises(UsageError, match=r"^this needs bleak: pip install 'ganglion\[bluetooth\]'$"):
        LinuxBoard(Settings()).radio()
