# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `vision`: how bright a scene is and how much of it moves. Pictures are reduced to a small luma plane at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ganglion.errors import InvalidError, NotFoundError, UsageError
from ganglion.sensors import signal
from ganglion.sensors.source import Place, Section, Source, Value

WIDTH, HEIGHT = 160, 120
_SUFFIXES = (".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".bmp", ".webp")


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionSection(Section):
    """`[sensor.<name>]` with `kind = "vision"`.

    Attributes:
        source: A folder of pictures, shown in the order of their names.
        rate: Pictures a second, above 0 and at most 60.
        loop: Whether the first follows the last; otherwise the last one stays.
        threshold: By how many steps of 255 a pixel must change to count as moved; 25 is well above a camera's noise.
    """

    source: str
    rate: float = 1.0
    loop: bool = True
    threshold: int = 25

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 60:
            raise ValueError(f"rate must be above 0 and at most 60, not {self.rate}")
        if not 0 <= self.threshold <= 254:
            raise ValueError(f"threshold must be 0 to 254, not {self.threshold}")


SECTION = VisionSection


def source(section: VisionSection, place: Place) -> Source:
    """The folder.

    Raises:
        UsageError: Pillow is not installed.
        NotFoundError: there is no such folder.
        InvalidError: it holds no pictures.
    """
    if find_spec("PIL") is None:
        raise UsageError(f"{place.where}: kind vision needs Pillow: pip install 'ganglion[vision]'")
    folder = place.resolve(section.source)
    if not folder.is_dir():
        raise NotFoundError(f"{place.where}.source: {folder} is no folder")
    if not pictures(folder):
        raise InvalidError(f"{folder} holds no pictures ({', '.join(_SUFFIXES)})", where=f"{place.where}.source")
    return _Folder(section, folder)


def pictures(folder: Path) -> list[Path]:
    """What is shown, in order."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)


def luma(path: Path) -> bytes:
    """A picture as 160 by 120 bytes, 0 black to 255 white.

    Raises:
        OSError: it is damaged, or no picture.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.draft("L", (WIDTH, HEIGHT))  # a JPEG is decoded at the size that is needed
            grey = image.convert("L").resize((WIDTH, HEIGHT), Image.Resampling.BOX, reducing_gap=2.0)
    except (SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OSError(f"{path}: {error}") from error
    return grey.tobytes()


class Scene:
    """What two pictures after each other say.

    Args:
        threshold: By how many steps of 255 a pixel must change.
    """

    def __init__(self, *, threshold: int) -> None:
        self._threshold = threshold
        self._before: bytes | None = None

    def add(self, plane: bytes) -> dict[str, Value]:
        """Brightness in percent of white, and motion in percent of the pixels; no motion for the first picture."""
        values: dict[str, Value] = {"brightness": signal.luma_mean(plane) / 2.55}
        if self._before is not None:
            values["motion"] = 100 * signal.luma_motion(self._before, plane, self._threshold) / len(plane)
        self._before = plane
        return values


class _Folder(Source):
    branch = "signal.input.external.vision"
    channels: Mapping[str, str] = {"brightness": "%", "motion": "%"}

    def __init__(self, section: VisionSection, folder: Path) -> None:
        self.every = round(1_000_000_000 / section.rate)
        self._section = section
        self._folder = folder
        self._next = 0
        self._scene = Scene(threshold=section.threshold)

    def sample(self) -> Mapping[str, Value]:
        shown = pictures(self._folder)  # each time: a camera may be writing them
        if not shown:
            raise OSError(f"{self._folder} holds no pictures any more")
        place = self._next % len(shown) if self._section.loop else min(self._next, len(shown) - 1)
        self._next = place + 1
        return self._scene.add(luma(shown[place]))
