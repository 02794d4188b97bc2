# SPDX-License-Identifier: GPL-3.0-or-later
"""Enrol keys as printed codes: made for paper, and read from a picture or by this device's own camera."""

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from ganglion.errors import InvalidError, NotFoundError, UnreachableError, UsageError
from ganglion.linux.device import sentence

_CAMERA = "v4l2:"
#: Pixels of a module, and modules of the white edge that readers need (ISO/IEC 18004 section 6.3.8).
_SIDE, _QUIET = 8, 4
#: Seconds in which a camera has to be shown the code, and pictures a second that are looked into.
_PATIENCE, _RATE = 120.0, 5.0


def check(path: Path) -> None:
    """Refuses what `write` would, before there is anything to draw.

    Raises:
        UsageError: OpenCV is not installed, or a picture of that kind cannot be written.
        InvalidError: none can be written there.
    """
    _needs_opencv()
    import cv2
    import numpy as np

    try:
        known = cv2.imencode(path.suffix, np.zeros((1, 1), np.uint8))[0]
    except cv2.error:
        known = False
    if not known:
        raise UsageError(f"{path}: is no kind of picture that can be written: .png is one")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidError("cannot be written", where=str(path))


def write(text: str, path: Path) -> None:
    """Draws a QR code into a picture that only its owner can read, and whose suffix says of what kind it is.

    Raises:
        UsageError: OpenCV is not installed, or a picture of that kind cannot be written.
        InvalidError: none can be written there.
    """
    check(path)
    import cv2
    import numpy as np

    parameters = cv2.QRCodeEncoder.Params()
    parameters.correction_level = cv2.QRCodeEncoder_CORRECT_LEVEL_M
    # OpenCV's has an edge of its own, of a width that it does not say: all of it goes, and ours comes
    made = cv2.QRCodeEncoder.create(parameters).encode(text)
    dark = np.argwhere(made == 0)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0)
    drawn = np.pad(made[top : bottom + 1, left : right + 1], _QUIET, constant_values=255)
    picture = cv2.imencode(path.suffix, np.kron(drawn, np.ones((_SIDE, _SIDE), np.uint8)))[1]
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)  # of a file that was there; whoever reads it can join
            file.truncate()
            file.write(picture.tobytes())
    except OSError as error:
        raise InvalidError(f"cannot be written: {error.strerror}", where=str(path)) from None


def read(source: str) -> str:
    """What a QR code says.

    Args:
        source: A picture, or `v4l2:/dev/video0` for a camera, before which the code is held then.

    Raises:
        UsageError: OpenCV is not installed.
        NotFoundError: there is no such picture, or no code in it.
        InvalidError: it is damaged.
        UnreachableError: the camera shows nothing, or no code for two minutes.
    """
    _needs_opencv()
    if source.startswith(_CAMERA):
        return _shown(source.removeprefix(_CAMERA))
    from ganglion.sensors.frames.folder import picture
    from ganglion.sensors.seen import Seeing

    try:
        text = Seeing(["qr"]).add(picture(Path(source)))["qr"]
    except FileNotFoundError:
        raise NotFoundError(f"{source} does not exist; a camera is named as in v4l2:/dev/video0") from None
    except OSError as error:
        raise InvalidError(sentence(error)) from None
    if not text:
        raise NotFoundError(f"{source}: no code can be read in it; take the picture from nearer, and in more light")
    return str(text)


def _shown(device: str) -> str:
    from ganglion.sensors.frames.v4l2 import Camera
    from ganglion.sensors.seen import Seeing

    camera, seeing = Camera(device, width=1280, height=720, rate=_RATE), Seeing(["qr"])
    until = time.monotonic() + _PATIENCE
    try:
        camera.open()
        print(f"hold the code before {device}", file=sys.stderr, flush=True)
        while time.monotonic() < until:
            if text := seeing.add(camera.next())["qr"]:
                return str(text)
    except OSError as error:
        raise UnreachableError(sentence(error)) from None
    finally:
        camera.close()
    raise UnreachableError(f"{device} has seen no code for {_PATIENCE:g} s")


def _needs_opencv() -> None:
    if find_spec("cv2") is None:
        raise UsageError("printed codes need OpenCV: pip install 'ganglion[opencv]'")
