# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera of Video4Linux, whose buffers are read where the kernel puts them (V4L2 API, streaming by mmap)."""

import ctypes
import errno
import fcntl
import mmap
import os
import select
import time

from ganglion.sensors.frames import v4l2_abi as abi
from ganglion.sensors.frames.frame import Frame

#: Format to where its luma begins and how far apart it lies, in the order in which they are asked for. The others lie
#: behind the luma, or between.
_LUMA = {"GREY": (0, 1), "YUYV": (0, 2), "UYVY": (1, 2), "NV12": (0, 1), "NV21": (0, 1), "YU12": (0, 1), "YV12": (0, 1)}
#: What most USB cameras have beside, and some have alone.
_JPEG = "MJPG"
_BUFFERS = 4
#: Seconds without a picture after which a camera counts as gone.
_PATIENCE = 5.0


class Camera:
    """`/dev/videoN`.

    Args:
        path: The device.
        width, height: Pixels that are asked for; a camera gives what it has that is nearest.
        rate: Pictures a second that are asked for.
    """

    def __init__(self, path: str, *, width: int, height: int, rate: float) -> None:
        self._path = path
        self._wanted = (width, height)
        self._rate = rate
        self._device = -1
        self._buffers: list[mmap.mmap] = []
        self._lent: abi.Buffer | None = None
        self._view = memoryview(b"")
        self._format = abi.PixelFormat()
        self._code = ""
        self._told, self._telling = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def open(self) -> None:
        """See `Frames`."""
        if self._drained():
            pass  # it was interrupted before
        self._device = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        told = abi.Capability()
        self._ask(abi.QUERYCAP, told, "is no camera")
        if not (told.device_caps or told.capabilities) & abi.CAN_CAPTURE:
            raise OSError(errno.ENODEV, f"{self._path} is no camera that captures; see v4l2-ctl --list-devices")
        self._agree()
        self._pace()
        self._begin()

    def _agree(self) -> None:
        offered = self._offered()
        code = next((each for each in (*_LUMA, _JPEG) if each in offered), None)
        if code is None:
            raise OSError(errno.EINVAL, f"{self._path} has {', '.join(offered)}, and none of {', '.join(_LUMA)}, MJPG")
        wanted = abi.Format(type=abi.CAPTURE)
        wanted.fmt.pix.width, wanted.fmt.pix.height = self._wanted
        wanted.fmt.pix.pixelformat = abi.four_cc(code)
        wanted.fmt.pix.field = abi.ANY_FIELD
        self._ask(abi.S_FMT, wanted, f"does not give pictures as {code}")
        self._format, self._code = wanted.fmt.pix, code
        if self._format.pixelformat != abi.four_cc(code):
            raise OSError(errno.EINVAL, f"{self._path} offers {code} and gives another format")

    def _offered(self) -> list[str]:
        codes: list[str] = []
        each = abi.FormatDescription(type=abi.CAPTURE)
        while True:
            try:
                fcntl.ioctl(self._device, abi.ENUM_FMT, each)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                return codes
            codes.append(each.pixelformat.to_bytes(4, "little").decode("latin-1"))
            each.index += 1

    def _pace(self) -> None:
        """Asks for the rate; a camera that cannot be asked comes at its own, and what is not needed is thrown away."""
        wanted = abi.Parameters(type=abi.CAPTURE)
        wanted.parm.capture.numerator, wanted.parm.capture.denominator = 1000, round(1000 * self._rate)
        try:
            fcntl.ioctl(self._device, abi.S_PARM, wanted)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTTY):
                raise

    def _begin(self) -> None:
        asked = abi.RequestBuffers(count=_BUFFERS, type=abi.CAPTURE, memory=abi.MMAP)
        self._ask(abi.REQBUFS, asked, "is in use, or cannot stream")
        for index in range(asked.count):
            buffer = abi.Buffer(index=index, type=abi.CAPTURE, memory=abi.MMAP)
            self._ask(abi.QUERYBUF, buffer, "has no buffers")
            self._buffers.append(
                mmap.mmap(self._device, buffer.length, mmap.MAP_SHARED, mmap.PROT_READ, offset=buffer.m.offset)
            )
            self._ask(abi.QBUF, buffer, "takes no buffers")
        self._ask(abi.STREAMON, ctypes.c_int(abi.CAPTURE), "does not begin")

    def next(self) -> Frame:
        """The newest picture that is there, or the next one where that is older than a picture should be."""
        self._give_back()
        newest: abi.Buffer | None = None
        while (taken := self._take()) is not None:
            if newest is not None:
                self._queue(newest)
            newest = taken
        if newest is not None and self._stale(newest):
            self._queue(newest)
            newest = None
        while newest is None or newest.flags & abi.DAMAGED:
            if newest is not None:
                self._queue(newest)
            self._wait()
            newest = self._take()
        self._lent = newest
        return self._frame(newest)

    def _stale(self, buffer: abi.Buffer) -> bool:
        if not buffer.flags & abi.MONOTONIC:
            return True
        taken: float = buffer.timestamp.seconds + buffer.timestamp.microseconds / 1e6
        return time.clock_gettime(time.CLOCK_MONOTONIC) - taken > 1 / self._rate

    def _frame(self, buffer: abi.Buffer) -> Frame:
        self._view = memoryview(self._buffers[buffer.index])
        if self._code == _JPEG:
            return _decoded(bytes(self._view[: buffer.bytesused]), self._path)
        first, pixel = _LUMA[self._code]
        row = self._format.bytesperline or self._format.width * pixel
        return Frame(
            buffer=self._view, width=self._format.width, height=self._format.height, first=first, pixel=pixel, row=row
        )

    def _wait(self) -> None:
        ready, _, broken = select.select([self._device, self._told], [], [self._device], _PATIENCE)
        if self._told in ready:
            self._drained()
            raise OSError(errno.EINTR, f"{self._path}: no picture is waited for any more")
        if not ready and not broken:
            raise TimeoutError(errno.ETIMEDOUT, f"{self._path} has shown no picture for {_PATIENCE:g} s")

    def _take(self) -> abi.Buffer | None:
        buffer = abi.Buffer(type=abi.CAPTURE, memory=abi.MMAP)
        try:
            fcntl.ioctl(self._device, abi.DQBUF, buffer)
        except BlockingIOError:
            return None
        except OSError as error:
            raise OSError(error.errno, f"{self._path} is gone: {error.strerror}") from None
        return buffer

    def _queue(self, buffer: abi.Buffer) -> None:
        self._ask(abi.QBUF, buffer, "is gone")

    def _give_back(self) -> None:
        self._view.release()
        if self._lent is not None:
            lent, self._lent = self._lent, None
            self._queue(lent)

    def _ask(self, request: int, argument: ctypes.Structure | ctypes.c_int, otherwise: str) -> None:
        try:
            fcntl.ioctl(self._device, request, argument)
        except OSError as error:
            raise OSError(error.errno, f"{self._path} {otherwise}: {error.strerror}") from None

    def close(self) -> None:
        """See `Frames`."""
        self._lent = None
        self._view.release()
        while self._buffers:
            self._buffers.pop().close()  # the last that knows the device: it is free then
        if self._device >= 0:
            os.close(self._device)  # ends the stream, and frees the buffers
            self._device = -1

    def interrupt(self) -> None:
        """See `Frames`."""
        try:
            os.write(self._telling, b"!")
        except OSError:
            return  # it was told already, and has not looked yet

    def _drained(self) -> bool:
        try:
            return bool(os.read(self._told, 64))
        except BlockingIOError:
            return False

    def __del__(self) -> None:
        os.close(self._told)
        os.close(self._telling)


def _decoded(data: bytes, path: str) -> Frame:
    import io

    from PIL import Image

    try:
        grey = Image.open(io.BytesIO(data)).convert("L")
    except (OSError, SyntaxError, ValueError) as error:
        raise OSError(f"{path}: a picture is damaged: {error}") from None
    return Frame(buffer=grey.tobytes(), width=grey.width, height=grey.height, row=grey.width)
