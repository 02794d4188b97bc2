# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the emulated machine: looks through vivid's camera, and prints what it saw as one document."""

import fcntl
import json
import os
import struct
from typing import Any

from ganglion.sensors import build
from ganglion.sensors.frames import v4l2, v4l2_abi

_DEVICE = "/dev/video0"
_SET_CONTROL, _NEXT_CONTROL = v4l2_abi.number(3, 28, 8), v4l2_abi.number(3, 36, 68)  # VIDIOC_S_CTRL, VIDIOC_QUERYCTRL
_ANY = 0x80000000  # V4L2_CTRL_FLAG_NEXT_CTRL
#: Values of vivid's menus.
_NO_TEXT, _STILL, _FAST, _BLACK, _WHITE = 2, 3, 6, 5, 6


def controls(device: int) -> dict[str, int]:
    """The numbers of what can be set, by name."""
    found, number = {}, 0
    while True:
        query = bytearray(struct.pack("II32s7I", number | _ANY, 0, b"", *[0] * 7))
        try:
            fcntl.ioctl(device, _NEXT_CONTROL, query)
        except OSError:
            return found
        number, _, name = struct.unpack_from("II32s", query)
        found[name.rstrip(b"\0").decode()] = number


def formats() -> dict[str, Any]:
    """A picture in each layout: its size, and the luma of its eight bars."""
    seen: dict[str, Any] = {}
    offered = dict(v4l2._LUMA)
    for code, place in offered.items():
        v4l2._LUMA = {code: place}
        camera = v4l2.Camera(_DEVICE, width=640, height=480, rate=15)
        camera.open()
        frame = camera.next()
        plane = frame.plane()
        seen[code] = [frame.width, frame.height, [plane[60 * 160 + 10 + 20 * bar] for bar in range(8)]]
        camera.close()
    v4l2._LUMA = offered
    return seen


def main() -> None:
    """Sets the camera's picture, and looks."""
    device = os.open(_DEVICE, os.O_RDWR)
    known = controls(device)

    def turn(name: str, value: int) -> None:
        fcntl.ioctl(device, _SET_CONTROL, bytearray(struct.pack("Ii", known[name], value)))

    turn("OSD Text Mode", _NO_TEXT)
    answer: dict[str, Any] = {"formats": formats()}
    sensor = build("door", {"kind": "vision", "source": f"v4l2:{_DEVICE}", "rate": 10.0})
    sensor.source.open()

    def last(count: int) -> Any:
        return [sensor.sample() for _ in range(count)][-1]

    answer["still"] = last(4)
    turn("Horizontal Movement", _FAST)
    answer["moving"] = last(6)
    turn("Horizontal Movement", _STILL)
    turn("Test Pattern", _WHITE)
    answer["white"] = last(6)
    turn("Test Pattern", _BLACK)
    answer["black"] = last(6)
    busy = v4l2.Camera(_DEVICE, width=640, height=480, rate=15)
    try:
        busy.open()
    except OSError as error:
        answer["busy"] = str(error)
    busy.close()
    sensor.source.interrupt()
    try:
        while True:
            sensor.sample()
    except OSError as error:
        answer["interrupted"] = str(error)
    sensor.source.close()
    sensor.source.open()
    answer["again"] = last(2)
    sensor.source.close()
    try:
        build("door", {"kind": "vision", "source": "v4l2:/dev/null"}).source.open()
    except OSError as error:
        answer["no camera"] = str(error)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
