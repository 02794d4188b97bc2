# SPDX-License-Identifier: GPL-3.0-or-later
"""vision: brightness and motion of pictures, and of the demo's room."""

import os
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

import ganglion_tools.up
from ganglion.errors import InvalidError, NotFoundError, UsageError
from ganglion.sensors import build, vision
from ganglion.sensors.frames.film import Film
from ganglion.sensors.frames.folder import picture as picture_of

FRAMES = Path(ganglion_tools.up.__file__).parent / "frames"


def picture(path, *, grey=100, box=None, size=(160, 120)):
    image = Image.new("RGB", size, (grey, grey, grey))
    if box:
        ImageDraw.Draw(image).rectangle(box, fill=(255, 255, 255))
    image.save(path)


def seeing(folder, **table):
    sensor = build("camera", {"kind": "vision", "source": str(folder), **table})
    sensor.source.open()
    return sensor


def test_brightness_is_percent_of_white(tmp_path):
    picture(tmp_path / "a.png", grey=51)
    assert seeing(tmp_path).sample()["brightness"] == pytest.approx(20.0)


def test_motion_is_percent_of_the_pixels_that_changed(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png", box=(0, 0, 79, 59))
    camera = seeing(tmp_path)
    camera.sample()
    assert camera.sample()["motion"] == pytest.approx(25.0)
    assert camera.sample()["motion"] == pytest.approx(25.0)


def test_a_change_below_the_threshold_is_no_motion(tmp_path):
    picture(tmp_path / "a.png", grey=100)
    picture(tmp_path / "b.png", grey=100)
    with Image.open(tmp_path / "b.png") as image:
        ImageDraw.Draw(image).rectangle((0, 0, 15, 119), fill=(125, 125, 125))  # a tenth
        image.save(tmp_path / "b.png")
    camera = seeing(tmp_path)
    camera.sample()
    assert camera.sample()["motion"] == 0.0
    sharper = seeing(tmp_path, threshold=24)
    sharper.sample()
    assert sharper.sample()["motion"] == pytest.approx(10.0)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "PPM"])
def test_pictures_of_any_size_and_kind_become_one_small_plane(tmp_path, suffix):
    picture(tmp_path / f"a.{suffix}", grey=128, size=(641, 479))
    plane = picture_of(tmp_path / f"a.{suffix}", most=160).plane()
    assert len(plane) == 160 * 120
    assert all(abs(pixel - 128) <= 2 for pixel in plane)


def test_pictures_come_in_the_order_of_their_names_and_again(tmp_path):
    for number, grey in enumerate((0, 51, 102)):
        picture(tmp_path / f"{number}.png", grey=grey)
    (tmp_path / "README.md").write_text("no picture")
    camera, once = seeing(tmp_path), seeing(tmp_path, loop=False)
    assert [round(camera.sample()["brightness"]) for _ in range(5)] == [0, 20, 40, 0, 20]
    assert [round(once.sample()["brightness"]) for _ in range(5)] == [0, 20, 40, 40, 40]


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"not a picture"])
def test_a_damaged_picture_is_an_error_of_the_world(tmp_path, data):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(
        OSError, match=r"/a\.png is damaged, or no picture that Pillow reads: replace it, or take it away"
    ):
        seeing(tmp_path).sample()


def test_a_film_that_may_not_be_read_is_no_film_that_opencv_cannot(tmp_path, capfd):
    pytest.importorskip("cv2")
    film = tmp_path / "film.avi"
    film.write_bytes(b"x")
    film.chmod(0)
    before = os.geteuid()
    if not before:
        os.seteuid(65534)
    try:
        with pytest.raises(PermissionError):
            Film(film, loop=True).open()
    finally:
        os.seteuid(before)
    assert capfd.readouterr().err == ""


def test_a_cut_off_picture_is_an_error_of_the_world(tmp_path):
    data = (FRAMES / "03.png").read_bytes()
    for cut in range(8, len(data) * 3 // 4, 7):
        (tmp_path / "a.png").write_bytes(data[:cut])
        with pytest.raises(OSError, match=r".+"):
            picture_of(tmp_path / "a.png", most=160)


def test_a_folder_that_became_empty_is_an_error(tmp_path):
    picture(tmp_path / "a.png")
    camera = seeing(tmp_path)
    (tmp_path / "a.png").unlink()
    with pytest.raises(OSError, match="holds no pictures any more"):
        camera.sample()


def test_the_rate_is_the_schedule():
    assert seeing(FRAMES, rate=2.0).every == 500_000_000
    assert seeing(FRAMES, rate=4).every == 250_000_000


@pytest.mark.parametrize(
    ("table", "error", "says"),
    [
        ({"source": "none"}, NotFoundError, "sensor.camera.source: .* is no folder and no film"),
        ({"source": "empty"}, InvalidError, r"sensor.camera.source: .* holds no pictures \(\.png"),
        ({"source": "empty", "rate": 0}, InvalidError, "sensor.camera: rate must be above 0"),
        ({"source": "empty", "threshold": 255}, InvalidError, "sensor.camera: threshold must be 0 to 254"),
        ({"source": "empty", "detect": ["face"]}, InvalidError, "detect has 'face'; did you mean \"faces\""),
        ({"source": "empty", "size": [640]}, InvalidError, "size must be width and height"),
        ({"sorce": "empty"}, InvalidError, 'sensor.camera.sorce: unknown key; did you mean "source"'),
    ],
)
def test_a_wrong_section_is_named(tmp_path, table, error, says):
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=says):
        build("camera", {"kind": "vision", **table}, resolve=lambda name: tmp_path / name)


def test_without_pillow_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(vision, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pictures need Pillow: pip install 'ganglion\[vision\]'"):
        build("camera", {"kind": "vision", "source": str(tmp_path)})


def test_in_the_demos_room_something_moves_and_the_light_goes_down():
    camera = seeing(FRAMES)
    samples = [camera.sample() for _ in range(len(list(FRAMES.glob("*.png"))))]
    motion = [sample.get("motion", 0.0) for sample in samples]
    brightness = [sample["brightness"] for sample in samples]
    assert motion[1] == 0
    assert all(5 < each < 15 for each in motion[2:6])
    assert min(brightness) < 30 < 60 < max(brightness)


def test_the_demos_pictures_are_few_and_small():
    assert sum(path.stat().st_size for path in FRAMES.iterdir()) < 60_000
