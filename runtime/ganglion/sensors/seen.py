# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces, people and QR codes in pictures, by what comes with OpenCV: no model has to be fetched.

Faces by Viola and Jones' cascade, seen from the front; people who stand, whole, by histograms of oriented gradients
(Dalal and Triggs). Both miss some and see some that are not there.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ganglion.sensors.frames.frame import Frame
from ganglion.sensors.source import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]

#: What is looked for to the unit of its channel; "" of a text.
KINDS = {"faces": "1", "people": "1", "qr": ""}
#: Pixels of the longer side in which faces and people are looked for: more is slower and finds little more.
_LONGEST = 640
#: The least side of a face; neighbours that must agree on one; and the score of a person, all found on photographs.
_FACE, _AGREE, _SURE = 32, 6, 0.5


class Seeing:
    """Looks for what is asked for.

    Args:
        kinds: Of `KINDS`.

    Raises:
        ImportError: OpenCV is not installed.
    """

    def __init__(self, kinds: Sequence[str]) -> None:
        import cv2

        makers: dict[str, Callable[[Any], Callable[[Grey], Value]]] = {"faces": _faces, "people": _people, "qr": _code}
        self._look = {kind: makers[kind](cv2) for kind in kinds}

    def add(self, frame: Frame) -> dict[str, Value]:
        """How many faces and people there are, and what a QR code says, "" without one."""
        import numpy as np

        grey = np.frombuffer(frame.luma(), np.uint8).reshape(frame.height, frame.width)
        return {kind: look(grey) for kind, look in self._look.items()}


def _faces(cv2: Any) -> "Callable[[Grey], Value]":
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")

    def look(grey: "Grey") -> Value:
        small = _small(cv2, grey)
        return len(cascade.detectMultiScale(small, scaleFactor=1.1, minNeighbors=_AGREE, minSize=(_FACE, _FACE)))

    return look


def _people(cv2: Any) -> "Callable[[Grey], Value]":
    gradients = cv2.HOGDescriptor()
    gradients.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def look(grey: "Grey") -> Value:
        small = _small(cv2, grey)
        if small.shape[0] < gradients.winSize[1] or small.shape[1] < gradients.winSize[0]:
            return 0
        _, scores = gradients.detectMultiScale(small, winStride=(8, 8), padding=(8, 8), scale=1.05)
        return sum(float(score) >= _SURE for score in scores)

    return look


def _code(cv2: Any) -> "Callable[[Grey], Value]":
    # Each misses some that the other finds; of codes as we print them the second alone misses one in twenty
    readers = cv2.QRCodeDetectorAruco(), cv2.QRCodeDetector()

    def look(grey: "Grey") -> Value:
        for reader in readers:
            try:
                text, _, _ = reader.detectAndDecode(grey)
            except (cv2.error, UnicodeDecodeError):
                continue  # what looked like a code is none
            if text:
                return str(text)
        return ""

    return look


def _small(cv2: Any, grey: "Grey") -> "Grey":
    longest = max(grey.shape)
    if longest <= _LONGEST:
        return grey
    scale = _LONGEST / longest
    small: Grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small
