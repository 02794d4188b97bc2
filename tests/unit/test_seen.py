# SPDX-License-Identifier: GPL-3.0-or-later
"""seen: photographs whose people can be counted, codes that can be read, and a film of them."""

import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ganglion.errors import UsageError
from ganglion.sensors import build, vision
from ganglion.sensors.frames.folder import picture
from ganglion.sensors.frames.frame import Frame
from ganglion.sensors.seen import Seeing


def photograph(name: str) -> Path:
    """One of those that a package of models has beside them: `bus.jpg`, `zidane.jpg`."""
    found = find_spec("ultralytics")
    assert found is not None, "pip install --no-deps ultralytics"
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0]) / "assets" / name


def code(text: str) -> "np.ndarray[Any, Any]":
    """A QR code with its quiet zone, as it would be printed: 8 pixels a module."""
    made = cv2.QRCodeEncoder.create().encode(text)
    return np.kron(made, np.ones((8, 8), np.uint8))


def frame(grey: "np.ndarray[Any, Any]") -> Frame:
    height, width = grey.shape
    return Frame(buffer=grey.astype(np.uint8).tobytes(), width=width, height=height, row=width)


def test_two_men_look_at_the_camera() -> None:
    assert Seeing(["faces"]).add(picture(photograph("zidane.jpg"))) == {"faces": 2}


def test_of_four_people_at_a_bus_one_is_found_and_no_face_is_near_enough() -> None:
    """What the method can do: one is cut off by the edge, one stands behind another, one is seen from the side."""
    assert Seeing(["faces", "people"]).add(picture(photograph("bus.jpg"))) == {"faces": 0, "people": 1}


def test_in_an_empty_room_nobody_is_seen() -> None:
    noise = np.random.default_rng(1).normal(120, 20, (480, 640)).clip(0, 255)
    assert Seeing(["faces", "people", "qr"]).add(frame(noise)) == {"faces": 0, "people": 0, "qr": ""}


@pytest.mark.parametrize("text", ["gk1_k5", "https://hub.local:8470/?q=1", "Ґанок 3"])
@pytest.mark.parametrize("turned", [0, 20, 90])
def test_a_printed_code_is_read_turned_and_noisy(text: str, turned: int) -> None:
    paper = np.full((600, 800), 170.0)
    printed = code(text).astype(float) * 0.7 + 30
    paper[100 : 100 + printed.shape[0], 200 : 200 + printed.shape[1]] = printed
    turn = cv2.getRotationMatrix2D((400, 300), turned, 0.9)
    seen = cv2.warpAffine(paper, turn, (800, 600), borderValue=170.0)
    seen += np.random.default_rng(turned).normal(0, 8, seen.shape)
    assert Seeing(["qr"]).add(frame(seen.clip(0, 255))) == {"qr": text}


def test_a_picture_too_small_for_a_person_has_none() -> None:
    assert Seeing(["people", "qr", "faces"]).add(frame(np.zeros((40, 40)))) == {"people": 0, "qr": "", "faces": 0}


def film(path: Path, greys: list[int]) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for grey in greys:
        writer.write(np.full((240, 320, 3), grey, np.uint8))
    writer.release()


def test_a_film_is_shown_picture_by_picture_and_again(tmp_path: Path) -> None:
    film(tmp_path / "a.avi", [0, 51, 102])
    for loop, expected in ((True, [0, 20, 40, 0, 20]), (False, [0, 20, 40, 40, 40])):
        sensor = build("door", {"kind": "vision", "source": str(tmp_path / "a.avi"), "loop": loop})
        sensor.source.open()
        assert [round(sensor.sample()["brightness"]) for _ in expected] == expected  # type: ignore[arg-type]
        sensor.source.close()


@pytest.mark.parametrize("data", [b"", b"RIFF", random.Random(1).randbytes(5000)])
def test_what_is_no_film_is_an_error_of_the_world(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.avi").write_bytes(data)
    sensor = build("door", {"kind": "vision", "source": str(tmp_path / "a.avi")})
    with pytest.raises(OSError, match=r"a\.avi"):
        sensor.source.open()
    sensor.source.close()


def test_a_sensor_looks_for_faces_and_counts_them_as_often_as_it_is_told() -> None:
    table = {"kind": "vision", "source": str(photograph("zidane.jpg").parent), "rate": 2.0, "detect": ["faces"]}
    sensor = build("door", table | {"detect_every": "1s"})
    assert sensor.channels["faces"] == "1"
    sensor.source.open()
    assert [sensor.sample().get("faces") for _ in range(3)] == [0, None, 0]  # each second picture is the other one
    sensor.source.close()


def test_without_opencv_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(vision, "find_spec", lambda name: None)
    (tmp_path / "a.avi").write_bytes(b"")
    with pytest.raises(UsageError, match=r"detect: needs OpenCV: pip install 'ganglion\[opencv\]'"):
        build("door", {"kind": "vision", "source": str(tmp_path), "detect": ["qr"]})
    with pytest.raises(UsageError, match=r"a film needs OpenCV: pip install 'ganglion\[opencv\]'"):
        build("door", {"kind": "vision", "source": str(tmp_path / "a.avi")})
