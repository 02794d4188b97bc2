# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `vision`: how bright a scene is, what moves in it, and who is seen. No picture is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ganglion import extras
from ganglion.errors import InvalidError, NotFoundError, UsageError
from ganglion.sensors import seen
from ganglion.sensors.frames.folder import SUFFIXES, Folder, pictures
from ganglion.sensors.frames.frame import WIDTH, Frames
from ganglion.sensors.scene import Scene
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.settings import duration_field, nearest
from ganglion.units import SECOND

_CAMERA = "v4l2:"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionSection(Section):
    """`[sensor.<name>]` with `kind = "vision"`.

    Attributes:
        source: `v4l2:/dev/video0`, a folder of pictures, which are shown in the order of their names, or a film.
        rate: Pictures a second, above 0 and at most 60.
        size: Pixels of a camera's pictures, width and height.
        loop: Whether the first follows the last; otherwise the last one stays.
        threshold: By how many steps of 255 a pixel must change to count as moved; 25 is well above a camera's noise.
        moving: From how many percent of such pixels something moves.
        hold: How long it goes on moving after the last of them.
        detect: Any of `faces`, `people` and `qr`, by OpenCV.
        detect_every: From one look for those to the next.
    """

    source: str
    rate: float = 1.0
    size: tuple[int, ...] = (640, 480)
    loop: bool = True
    threshold: int = 25
    moving: float = 0.2
    hold: int = duration_field("0s")
    detect: tuple[str, ...] = ()
    detect_every: int = duration_field("1s")

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 60:
            raise ValueError(f"rate must be above 0 and at most 60, not {self.rate}")
        if len(self.size) != 2 or not all(16 <= each <= 8192 for each in self.size):
            raise ValueError(f"size must be width and height, 16 to 8192 pixels each, not {list(self.size)}")
        if not 0 <= self.threshold <= 254:
            raise ValueError(f"threshold must be 0 to 254, not {self.threshold}")
        if not 0 < self.moving <= 100:
            raise ValueError(f"moving must be above 0 and at most 100 percent, not {self.moving}")
        for kind in self.detect:
            if kind not in seen.KINDS:
                raise ValueError(f"detect has {kind!r}{nearest(kind, seen.KINDS)}")
        if self.hold < 0 or self.detect_every < 0:
            raise ValueError("hold and detect_every are times, such as 2s")


SECTION = VisionSection


def source(section: VisionSection, place: Place) -> Source:
    """The camera, the folder or the film.

    Raises:
        UsageError: what reads it, or looks into it, is not installed.
        NotFoundError: there is no such folder or file.
        InvalidError: the folder holds no pictures.
    """
    if place.replayed:
        return _Vision(section, Folder(place.resolve(section.source), loop=section.loop, most=None))
    if section.detect and find_spec("cv2") is None:
        raise UsageError(f"{place.where}.detect: needs OpenCV: {extras.remedy('opencv', 'cv2')}")
    return _Vision(section, _frames(section, place))


def _frames(section: VisionSection, place: Place) -> Frames:
    if section.source.startswith(_CAMERA):
        from ganglion.sensors.frames.v4l2 import Camera

        width, height = section.size
        device = place.device("source", section.source.removeprefix(_CAMERA), r"/dev/video\d+")
        return Camera(device, width=width, height=height, rate=section.rate)
    path = place.resolve(section.source)
    if path.is_file():
        return _film(section, place, path)
    if not path.is_dir():
        raise NotFoundError(f"{place.where}.source: {path} is no folder and no film")
    if find_spec("PIL") is None:
        raise UsageError(f"{place.where}: pictures need Pillow: {extras.remedy('vision')}")
    if not pictures(path):
        raise InvalidError(f"{path} holds no pictures ({', '.join(SUFFIXES)})", where=f"{place.where}.source")
    return Folder(path, loop=section.loop, most=None if section.detect else WIDTH)


def _film(section: VisionSection, place: Place, path: Path) -> Frames:
    if find_spec("cv2") is None:
        raise UsageError(f"{place.where}.source: a film needs OpenCV: {extras.remedy('opencv', 'cv2')}")
    from ganglion.sensors.frames.film import Film

    return Film(path, loop=section.loop)


class _Vision(Source):
    branch = "signal.input.external.vision"

    def __init__(self, section: VisionSection, frames: Frames) -> None:
        self.every = round(SECOND / section.rate)
        self._section = section
        self._frames = frames
        self._scene = self._unseen()
        self._seeing: seen.Seeing | None = None
        self._looks = max(1, round(section.detect_every / self.every))  # of so many pictures one is looked into
        self._shown = 0
        self.channels: Mapping[str, str] = {
            "brightness": "%",
            "motion": "%",
            "moving": "",
            "covered": "",
            **{kind: seen.KINDS[kind] for kind in section.detect},
        }

    def open(self) -> None:
        if self._section.detect and self._seeing is None:
            self._seeing = seen.Seeing(self._section.detect)
        self._shown = 0
        self._scene = self._unseen()
        self._frames.open()

    def _unseen(self) -> Scene:
        section = self._section
        return Scene(threshold=section.threshold, moving=section.moving, hold=section.hold // self.every)

    def sample(self) -> Mapping[str, Value]:
        frame = self._frames.next()
        values = self._scene.add(frame.plane())
        if self._seeing is not None and self._shown % self._looks == 0:
            values |= self._seeing.add(frame)
        self._shown += 1
        return values

    def interrupt(self) -> None:
        self._frames.interrupt()

    def close(self) -> None:
        self._frames.close()
