# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read and switched through real drivers of a real kernel, in an emulated machine: a camera, a chip, lines."""

from typing import Any

import pytest

from support import machine


@pytest.fixture(scope="module")
def answers() -> list[Any]:
    return machine.run(
        "support.kernel_camera",
        "support.kernel_board",
        modules=["vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0x00", "i2c-dev", "uhid", "hid-cp2112"],
    )


@pytest.fixture
def seen(answers: list[Any]) -> Any:
    return answers[0]


@pytest.fixture
def read(answers: list[Any]) -> Any:
    return answers[1]


#: Luma of colour bars at 75 %, white to black (ITU-R BT.601); and of all of 0 to 255, as a grey camera has it.
_BARS = [180, 162, 131, 112, 84, 65, 35, 16]
_GREY_BARS = [191, 177, 149, 136, 55, 41, 13, 0]
#: What is said of a line that another process has.
_IN_USE = "line 5 of /dev/gpiochip0 is in use by ganglion: give it another line, or stop that one"


def test_the_bars_of_a_test_picture_are_read_from_every_layout(seen: Any) -> None:
    assert seen["formats"].keys() == {"GREY", "YUYV", "UYVY", "NV12", "NV21", "YU12", "YV12"}
    for code, (width, height, bars) in seen["formats"].items():
        assert (width, height) == (640, 480)
        assert bars == pytest.approx(_GREY_BARS if code == "GREY" else _BARS, abs=2.5), code


def test_a_sensor_sees_through_the_camera(seen: Any) -> None:
    assert (seen["still"]["motion"], seen["still"]["moving"], seen["still"]["covered"]) == (0.0, False, False)
    assert seen["moving"]["moving"] is True
    assert seen["moving"]["motion"] > 1
    assert seen["white"]["brightness"] > 90
    assert seen["black"]["brightness"] < 10
    assert seen["black"]["covered"] is True
    assert seen["again"]["covered"] is False  # it was closed and opened, and the last pictures are forgotten


def test_a_camera_that_another_uses_and_what_is_none_are_named(seen: Any) -> None:
    assert "/dev/video0" in seen["busy"]
    assert "Device or resource busy" in seen["busy"]
    assert "/dev/null is no camera" in seen["no camera"]


def test_a_picture_that_is_waited_for_is_given_up_when_it_is_told(seen: Any) -> None:
    assert "no picture is waited for any more" in seen["interrupted"]


def test_a_chip_is_read_through_a_bridge_that_the_kernel_drives(read: Any) -> None:
    assert read["chip"]["temperature"] == pytest.approx(4.5, abs=0.01)
    assert read["absent"]


def test_actuators_switch_lines_that_the_bridge_drives(read: Any) -> None:
    """The pump's line and the valve's, which is on when it is low; then what the process reads back."""
    assert read["switched"] == {
        "before": [None, None],
        "1: True": [True, False, True, True],
        "2: False": [False, True, False, False],
        "3: True": [True, False, True, True],
        "a second": _IN_USE,
    }


@pytest.mark.parametrize("kind", ["_watchdog", "watchdog_twin"])
def test_the_watchdog_makes_lines_safe_when_who_held_them_is_killed(kind: str, read: Any) -> None:
    assert read[kind] == {
        "on": [True, False],
        "safe": [False, True],
        "held": _IN_USE,  # nobody else has them before the next node, which ends it
        "next": [True, False],
    }


@pytest.mark.parametrize("kind", ["_watchdog", "watchdog_twin"])
def test_the_watchdog_makes_lines_safe_when_who_holds_them_hangs_and_that_learns_it(kind: str, read: Any) -> None:
    """By SIGSTOP: the process is there and has the lines, and says nothing for the watchdog's 5 s."""
    assert read[f"{kind} hung"] == {
        "on": [True, False],
        "safe": [False, True],
        "learns": [False, False],
        "switches": [True, True],
        "ended": 0,
    }
