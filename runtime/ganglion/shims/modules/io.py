# SPDX-License-Identifier: GPL-3.0-or-later
"""`io`: streams in memory that take sizes and text where MicroPython's do, and a base for streams of one's own."""

import errno as _errno
import io as _io
from typing import Any

from ganglion.shims.buffers import part as _part
from ganglion.shims.buffers import readable as _readable
from ganglion.shims.buffers import writable as _writable
from ganglion.shims.oserror import oserror as _oserror

open = open


def __getattr__(name: str) -> Any:
    return getattr(_io, name)


class IOBase:
    """A stream that a script writes: `readinto`, `write` and `ioctl`, as many of them as it has."""

    def read(self, count: int = -1) -> bytes | None:
        """Bytes by `readinto`, up to so many or to the end; None where there are none yet."""
        out = bytearray()
        while count < 0 or len(out) < count:
            room = bytearray(256 if count < 0 else count - len(out))
            got = self._filled(room)
            if not got:
                return bytes(out) if out or got == 0 else None
            out += room[:got]
        return bytes(out)

    def readline(self, count: int = -1) -> bytes | None:
        out = bytearray()
        room = bytearray(1)
        while (count < 0 or len(out) < count) and not out.endswith(b"\n"):
            got = self._filled(room)
            if not got:
                return bytes(out) if out or got == 0 else None
            out += room
        return bytes(out)

    def _filled(self, room: bytearray) -> int | None:
        """What `readinto` says; a negative number is an error's."""
        got = self.readinto(room)
        if got is not None and got < 0:
            raise _oserror(-got)
        return got

    def readinto(self, buffer: bytearray) -> int | None:
        """Fills a buffer from its beginning; how many bytes, 0 at the end, None where there are none yet."""
        raise OSError("stream operation not supported")

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing to close."""


class BytesIO(_io.BytesIO):
    """Bytes in memory; a number is how much room to keep, and means nothing here."""

    def __init__(self, data: Any = b"") -> None:
        super().__init__(b"" if isinstance(data, int) else _readable(data))

    def __repr__(self) -> str:
        return f"<io.BytesIO {id(self):x}>"

    def write(self, data: Any, *where: int) -> int:
        return super().write(_part(_readable(data), where))

    def readinto(self, buffer: Any, count: int = -1) -> int:
        view = _writable(buffer)
        return super().readinto(view if count < 0 else view[:count])

    def seek(self, offset: int, whence: int = 0) -> int:
        """Where it is then.

        Raises:
            OSError: EINVAL, that is before the beginning.
        """
        if whence == 0 and offset < 0:
            raise _oserror(_errno.EINVAL)
        return super().seek(offset, whence)


class StringIO(_io.StringIO):
    """Text in memory; a number is how much room to keep, and means nothing here."""

    def __init__(self, text: Any = "") -> None:
        # Line ends stay as they are, and what is written next replaces what is there
        super().__init__("" if isinstance(text, int) else text, newline="")

    def __repr__(self) -> str:
        return f"<io.StringIO {id(self):x}>"

    def write(self, text: Any) -> int:
        """How many bytes of UTF-8 that is."""
        data = _readable(text)
        super().write(data.decode())
        return len(data)


class BufferedWriter:
    """Gathers what is written until there is so much of it."""

    def __init__(self, stream: Any, size: int) -> None:
        self._stream, self._size, self._data = stream, size, bytearray()

    def write(self, data: Any) -> int:
        out = _readable(data)
        self._data += out
        while len(self._data) >= self._size:
            self._stream.write(bytes(self._data[: self._size]))
            del self._data[: self._size]
        return len(out)

    def flush(self) -> None:
        if self._data:
            self._stream.write(bytes(self._data))
            self._data.clear()
