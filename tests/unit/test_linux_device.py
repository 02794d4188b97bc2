# SPDX-License-Identifier: GPL-3.0-or-later
"""device: why a device of this machine cannot be had, and what to do about it; never the number of an error."""

import errno
import os
import re

import pytest

from ganglion import config
from ganglion.errors import InvalidError
from ganglion.linux import device
from ganglion.sensors.alsa import AlsaStream
from ganglion.sensors.frames.v4l2 import Camera
from ganglion.sensors.i2c import LinuxI2C
from ganglion.sensors.serial_port import open_port
from ganglion.sim import recording


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/dev/i2c-1", "I2C adapter"),
        ("/dev/spidev0.0", "SPI device"),
        ("/dev/gpiochip0", "gpiochip"),
        ("/dev/ttyUSB0", "serial port"),
        ("/dev/serial/by-id/usb-u-blox_7-if00", "serial port"),
        ("/dev/video0", "camera"),
        ("/dev/snd/pcmC0D0c", "microphone"),
        ("/sys/bus/iio/devices/iio:device0", "converter of Linux"),
        ("/dev/null", None),
    ],
)
def test_a_path_says_what_kind_of_device_it_is(path, name):
    kind = device.kind_of(path)
    assert (kind.name if kind is not None else None) == name


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        (lambda: LinuxI2C("/dev/i2c-99"), "there is no /dev/i2c-99: switch I2C on .*modprobe i2c-dev.*ganglion doctor"),
        (lambda: LinuxI2C("/dev/null").readfrom(0x76, 1), "/dev/null is no I2C adapter"),
        (lambda: open_port("/dev/ttyUSB99", 9600), "there is no /dev/ttyUSB99: is the cable in"),
        (lambda: open_port("/dev/null", 9600), "/dev/null"),
        (
            lambda: Camera("/dev/video99", width=1, height=1, rate=1).open(),
            "there is no /dev/video99: is it plugged in",
        ),
    ],
)
def test_what_is_not_there_is_said_with_what_to_do(attempt, says):
    with pytest.raises(OSError, match=r"/dev/") as caught:
        attempt()
    said = device.sentence(caught.value)
    assert re.search(says, said)
    assert "Errno" not in said


@pytest.fixture
def nobody(tmp_path):
    """A file that this user may not read, for a moment nobody in particular."""
    path = tmp_path / "locked"
    path.write_text("")
    path.chmod(0)
    before = os.geteuid()
    if not before:
        os.seteuid(65534)
    yield path
    os.seteuid(before)


def test_what_is_no_serial_port_or_cannot_be_set_so_is_said_without_the_number_of_an_error(tmp_path):
    (tmp_path / "plain").write_text("")
    for path in (tmp_path, tmp_path / "plain"):
        with pytest.raises(OSError, match=r".+") as caught:
            open_port(str(path), 9600)
        assert (
            device.sentence(caught.value) == f"{path} is no serial port; `ganglion doctor` says which devices there are"
        )
    far, near = os.openpty()
    port = os.ttyname(near)
    os.close(near)
    open_port(port, 9600).close()
    with pytest.raises(OSError, match=r".+") as caught:
        open_port(port, 9600, parity="even")  # which no pty has
    assert device.sentence(caught.value).startswith(f"{port} cannot be set so: it has not every speed, parity and ")
    os.close(far)


def test_a_file_that_may_not_be_read_needs_no_udev_rule(monkeypatch, tmp_path):
    locked = tmp_path / "day.csv"
    locked.write_text("")
    locked.chmod(0)
    monkeypatch.setattr(device, "_user", lambda uid: "pi")
    assert device.forbidden(str(locked)) == (
        f"no permission for {locked}: it is for pi alone, who may let this user read it"
    )


@pytest.mark.parametrize("reads", [config.sensor_tables, recording.read])
def test_a_file_that_cannot_be_read_is_named_with_why(tmp_path, nobody, reads):
    with pytest.raises(InvalidError) as caught:
        reads(nobody)
    assert str(caught.value) == f"{nobody}: cannot be read: Permission denied"


def test_a_folder_or_bytes_in_place_of_a_configuration_are_named_so(tmp_path):
    (tmp_path / "bytes").write_bytes(b"[node]\n\xff")
    for path, why in (
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "bytes", "is no text in UTF-8: byte 7"),
    ):
        with pytest.raises(InvalidError) as caught:
            config.load(path)
        assert str(caught.value).startswith(f"{path}: {why}")


def test_a_sound_card_that_is_not_there_is_said_with_what_to_do():
    stream = AlsaStream("hw:77")
    with pytest.raises(OSError, match=r"alsa:hw:77.*: is it plugged in, and its driver loaded\? `arecord -l`"):
        stream.read()
    stream.close()


def test_no_permission_names_the_user_and_the_group_that_may(tmp_path, monkeypatch):
    locked = tmp_path / "i2c-1"
    locked.write_text("")
    monkeypatch.setattr(device, "_user", lambda uid: "pi")
    rule = "add the user pi to the group i2c (sudo usermod -aG i2c pi), then log in again"
    assert rule in device.refusal("/dev/i2c-99", errno.EACCES, "x")
    own = os.stat(locked)
    for mode, says in ((0o660, "to the group adm ("), (0o600, "it is for pi alone")):
        with monkeypatch.context() as patch:
            given = os.stat_result([mode, *own[1:5], 4, *own[6:]])  # 4 is adm on every Debian
            patch.setattr(device.os, "stat", lambda path, given=given, **_: given)
            assert says in device.refusal("/dev/i2c-1", errno.EACCES, "x")
    assert device.refusal("/dev/i2c-1", errno.EBUSY, "x") == "/dev/i2c-1 is in use by another sensor"


def test_a_card_that_may_not_be_opened_is_not_taken_for_none(monkeypatch, tmp_path):
    """ALSA itself says only that there is no such file."""
    card = tmp_path / "pcmC0D0c"
    card.write_text("")
    said = "audio open error: No such file or directory"
    monkeypatch.setattr(device, "found", lambda kind: [card])
    monkeypatch.setattr(device, "is_open_to_us", lambda path, kind: False)
    assert "alsa:default: no permission for " in device.sound_refusal("default", said)
    monkeypatch.setattr(device, "is_open_to_us", lambda path, kind: True)
    assert device.sound_refusal("mike", said).startswith(f"alsa:mike: {said}: is it plugged in")
    busy = "audio open error: Device or resource busy"
    assert "is in use by another program" in device.sound_refusal("hw:0", busy)
    assert device.sound_refusal("hw:0", "read error: No such device") == "alsa:hw:0: read error: No such device"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.EIO, "the CRC is wrong"), "the CRC is wrong"),
        (OSError(errno.EIO), "Input/output error"),  # as MicroPython's drivers raise it
        (FileNotFoundError("/x does not exist: mkfifo /x"), "/x does not exist: mkfifo /x"),
        (PermissionError(errno.EACCES, "Permission denied", "/nowhere/x"), "no permission for /nowhere/x: run as its"),
        (ValueError("no number"), "no number"),
        (ValueError(), "ValueError"),
    ],
)
def test_a_sentence_has_no_numbers_of_errors(error, says):
    assert device.sentence(error).startswith(says)


def test_a_port_that_no_hardware_is_behind_is_none(tmp_path):
    (tmp_path / "dev").mkdir()
    for name, type in (("ttyS0", "4"), ("ttyS1", "0"), ("ttyUSB0", None)):
        (tmp_path / "dev" / name).write_text("")
        if type is not None:
            (tmp_path / "sys/class/tty" / name).mkdir(parents=True)
            (tmp_path / "sys/class/tty" / name / "type").write_text(f"{type}\n")
    assert [path.name for path in device.found(device.SERIAL, root=tmp_path)] == ["ttyUSB0", "ttyS0"]
