# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures a second that motion is looked for in, and how often it is found where a made-up scene has some.

The scene is a textured room under a camera's noise. A ball rolls through it now and then, at any speed and brightness;
now and then the light changes. When the ball rolls is known, so each picture counts as found, missed or falsely said.
"""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ganglion.sensors.frames.frame import HEIGHT, WIDTH, Frame
from ganglion.sensors.scene import Scene
from ganglion_tools.bench.timing import Contestant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

GANGLION, OPENCV = "ganglion", "OpenCV: resize, absdiff, threshold, countNonZero"
SIZE = (640, 480)
PICTURES = 400
#: As a node has them without being told otherwise.
_THRESHOLD, _MOVING = 25, 0.2
#: Standard deviation of a pixel's noise; of 255.
_NOISE = 6.0


class Found(NamedTuple):
    """Shares of pictures: of those said to move, which do; of those that move, which are said to."""

    precision: float
    recall: float


def scene(pictures: int, seed: int) -> "Iterator[tuple[Picture, bool]]":
    """Pictures of 640 by 480, and whether the ball has moved since the one before."""
    import numpy as np

    rng = np.random.default_rng(seed)
    width, height = SIZE
    y, x = np.mgrid[0:height, 0:width]
    coarse = rng.integers(0, 60, (height // 40, width // 40))
    room = 70.0 + np.kron(coarse, np.ones((40, 40)))
    light, ball, left = 1.0, None, 0
    for _ in range(pictures):
        if rng.random() < 0.02:
            light = rng.uniform(0.7, 1.2)
        moved = ball is not None
        if ball is None and rng.random() < 0.05:
            ball = (rng.uniform(60, height - 60), rng.uniform(28, 60), rng.uniform(8, 40), rng.choice([30.0, 225.0]))
            left, moved = -int(ball[1]), False
        picture = room * light
        if ball is not None:
            middle, radius, speed, grey = ball
            left += int(speed)
            inside = (x - left) ** 2 + (y - middle) ** 2 < radius**2
            picture = np.where(inside, grey, picture)
            moved = bool(inside.any()) or moved
            if left > width + radius:
                ball = None
        yield (picture + rng.normal(0, _NOISE, picture.shape)).clip(0, 255).astype(np.uint8), moved


def found(pictures: int = PICTURES, seed: int = 1) -> Found:
    """What a camera with the usual settings says of the scene."""
    watching = Scene(threshold=_THRESHOLD, moving=_MOVING, hold=0)
    right = false = missed = 0
    for picture, moved in scene(pictures, seed):
        said = bool(watching.add(_frame(picture).plane()).get("moving", False))
        right += said and moved
        false += said and not moved
        missed += moved and not said
    return Found(right / (right + false), right / (right + missed))


def contestants() -> list[Contestant]:
    """Both look for motion in the same pictures; the peer is there where OpenCV is."""
    pictures = [picture for picture, _ in scene(8, 2)]
    watching = Scene(threshold=_THRESHOLD, moving=_MOVING, hold=0)
    watching.add(_frame(pictures[-1]).plane())
    frames = [_frame(picture) for picture in pictures]

    def ours(rounds: int) -> int:
        return sum("motion" in watching.add(frames[each % 8].plane()) for each in range(rounds))

    return [Contestant(name=GANGLION, run=ours, expected=1), Contestant(name=OPENCV, run=_opencv(pictures), expected=1)]


def _opencv(pictures: "list[Picture]") -> Callable[[int], int]:
    import cv2

    before: list[Any] = [cv2.resize(pictures[-1], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)]

    def run(rounds: int) -> int:
        looked = 0
        for each in range(rounds):
            small = cv2.resize(pictures[each % 8], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            _, mask = cv2.threshold(cv2.absdiff(before[0], small), _THRESHOLD, 255, cv2.THRESH_BINARY)
            looked += cv2.countNonZero(mask) >= 0
            small.mean()  # brightness, which ours says too
            before[0] = small
        return looked

    return run


def share_of_a_core(rate: float, seconds: float = 4.0) -> float:
    """Of so many pictures a second: processor time through time."""
    pictures = [_frame(picture) for picture, _ in scene(8, 3)]
    watching = Scene(threshold=_THRESHOLD, moving=_MOVING, hold=0)
    began = time.process_time()
    for each in range(round(rate * seconds)):
        watching.add(pictures[each % 8].plane())
    return (time.process_time() - began) / seconds


def _frame(picture: "Picture") -> Frame:
    width, height = SIZE
    return Frame(buffer=picture.tobytes(), width=width, height=height, row=width)
