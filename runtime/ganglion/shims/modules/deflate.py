# SPDX-License-Identifier: GPL-3.0-or-later
"""`deflate`: a stream that compresses or decompresses, on zlib (RFC 1950, 1951, 1952)."""

import errno
import zlib
from typing import Any

from ganglion.shims.buffers import readable, writable
from ganglion.shims.oserror import oserror

AUTO, RAW, ZLIB, GZIP = range(4)
#: Bytes taken from the compressed stream at once: what stands behind its end is somebody else's.
_STEP = 1


class DeflateIO:
    """A stream over a stream of compressed data.

    Args:
        stream: What it is read from or written to.
        format: AUTO finds out between ZLIB and GZIP when reading, and is RAW when writing.
        wbits: The window is 2**wbits bytes, 5 to 15; 0 for the usual.
        close: Whether closing this closes the stream.

    Raises:
        ValueError: no such format or window.
    """

    def __init__(self, stream: Any, format: int = AUTO, wbits: int = 0, close: bool = False) -> None:
        if not AUTO <= format <= GZIP:
            raise ValueError("format")
        if wbits != 0 and not 5 <= wbits <= 15:
            raise ValueError("wbits")
        self._stream: Any = stream
        self._format, self._wbits, self._close = format, wbits, close
        self._reader: Any = None
        self._writer: Any = None
        self._data = bytearray()
        self._ended = False

    def __enter__(self) -> "DeflateIO":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def read(self, count: int = -1) -> bytes:
        """Up to so many bytes of what was compressed.

        Raises:
            OSError: EINVAL, it is no such data; the data ends before its end.
        """
        while count < 0 or len(self._data) < count:
            if not self._more():
                break
        end = len(self._data) if count < 0 else count
        data = bytes(self._data[:end])
        del self._data[:end]
        return data

    def readinto(self, buffer: Any, count: int = -1) -> int:
        view = writable(buffer)
        data = self.read(len(view) if count < 0 else min(count, len(view)))
        view[: len(data)] = data
        return len(data)

    def readline(self, count: int = -1) -> bytes:
        while b"\n" not in self._data and (count < 0 or len(self._data) < count):
            if not self._more():
                break
        end = self._data.find(b"\n") + 1 or len(self._data)
        return self.read(end if count < 0 else min(end, count))

    def write(self, data: Any) -> int:
        if self._stream is None:
            raise oserror(errno.EINVAL)
        if self._writer is None:
            self._writer = zlib.compressobj(wbits=self._window(writing=True))
        out = readable(data)
        self._stream.write(self._writer.compress(out))
        return len(out)

    def close(self) -> None:
        """Writes out what is left, and closes the stream where it was asked to."""
        if self._stream is None:
            return
        if self._writer is not None:
            self._stream.write(self._writer.flush())
        if self._close:
            self._stream.close()
        self._stream = None

    def _window(self, *, writing: bool) -> int:
        # zlib writes no smaller windows than 9, and a reader may have a larger one than the writer had
        bits = max(self._wbits, 9) if writing else 15
        if self._format == RAW or (writing and self._format == AUTO):
            return -bits
        if self._format == ZLIB:
            return bits
        return bits + (16 if self._format == GZIP else 32)

    def _more(self) -> bool:
        if self._stream is None:
            raise oserror(errno.EINVAL)
        if self._ended:
            return False
        if self._reader is None:
            self._reader = zlib.decompressobj(self._window(writing=False))
        given = self._stream.read(_STEP)
        try:
            self._data += self._reader.decompress(given or b"")
        except zlib.error:
            raise oserror(errno.EINVAL) from None
        self._ended = self._reader.eof
        if not given and not self._ended:
            raise EOFError
        return True
