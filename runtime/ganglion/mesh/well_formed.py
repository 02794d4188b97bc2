# SPDX-License-Identifier: GPL-3.0-or-later
"""CBOR of others, in whichever encoding they chose: heads, strings, and steps over what nobody asked for.

What the mesh believes goes through the strict codec of `ganglion_micro.cbor`. This is for looking at a message of
somebody else's, where an encoding that is longer than it need be is no error. It makes no value but those it is asked
for, so a message costs no more memory than its own bytes.
"""

from collections.abc import Iterator

from ganglion_micro.cbor import CBORError

UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
_NAMES = ("a number", "a number", "a byte string", "text", "an array", "a map", "a tag", "a simple value")
#: Levels of what is stepped over.
_DEPTH = 16
_NULL = 0xF6
_BREAK = 0xFF


class Reader:
    """Reads items one after another (RFC 8949 section 3).

    Args:
        data: The bytes.
        at: Offset of the first item.
        end: Offset of what is no part of it; None is the end of the bytes.

    Attributes:
        at: Offset of the next item.
    """

    __slots__ = ("_data", "_end", "at")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self._data = data
        self._end = len(data) if end is None else end
        self.at = at

    def within(self, size: int) -> "Reader":
        """One that begins here and reads at most so many bytes."""
        return Reader(self._data, self.at, min(self._end, self.at + size))

    @property
    def left(self) -> int:
        """Bytes that were not read yet."""
        return max(0, self._end - self.at)

    def major(self) -> int:
        """The major type of the next item.

        Raises:
            CBORError: there is none.
        """
        if self.at >= self._end:
            raise CBORError("cut short")
        return self._data[self.at] >> 5

    def head(self) -> tuple[int, int | None]:
        """Major type and argument of the next item; the argument of an indefinite length is None.

        Raises:
            CBORError: cut short, or not well-formed.
        """
        major = self.major()
        info = self._data[self.at] & 31
        self.at += 1
        if info < 24:
            return major, info
        if info == 31:
            if major in (UINT, NEGATIVE, TAG):
                raise CBORError("a number of indefinite length")
            return major, None
        if info > 27:
            raise CBORError("a head that is reserved")
        argument = int.from_bytes(self._take(1 << info - 24), "big")
        if major == SIMPLE and info == 24 and argument < 32:
            raise CBORError("a simple value in two bytes that has one")
        return major, argument

    def _take(self, size: int) -> bytes:
        start = self.at
        self.at += size
        if self.at > self._end:
            raise CBORError("cut short")
        return self._data[start : self.at]

    def _is(self, byte: int) -> bool:
        """Whether this byte is next; steps over it then."""
        self.major()
        if self._data[self.at] != byte:
            return False
        self.at += 1
        return True

    def null(self) -> bool:
        """Whether the next item is null; steps over it then."""
        return self._is(_NULL)

    def items(self, count: int | None) -> Iterator[None]:
        """One turn for each item of a length, or, where it is None, until the break, which it steps over."""
        if count is None:
            while not self._is(_BREAK):
                yield
        else:
            for _ in range(count):
                yield

    def string(self, major: int) -> bytes:
        """The bytes of the next item, a string of this major type, its chunks put together.

        Raises:
            CBORError: it is none.
        """
        found, size = self.head()
        if found != major:
            raise CBORError(f"{_NAMES[found]} in the place of {_NAMES[major]}")
        return self._take(size) if size is not None else b"".join(self._chunks(major))

    def _chunks(self, major: int) -> Iterator[bytes]:
        for _ in self.items(None):
            found, size = self.head()
            if found != major or size is None:
                raise CBORError("a chunk of a string that is none itself")
            yield self._take(size)

    def label(self) -> int | str:
        """The next item, an integer or text.

        Raises:
            CBORError: it is neither.
        """
        major = self.major()
        if major == TEXT:
            try:
                return self.string(TEXT).decode()
            except UnicodeError:
                raise CBORError("text that is not UTF-8") from None
        if major not in (UINT, NEGATIVE):
            raise CBORError("a label that is neither an integer nor text")
        _, number = self.head()
        assert number is not None
        return number if major == UINT else -1 - number

    def skip(self, depth: int = _DEPTH) -> None:
        """Steps over the next item.

        Raises:
            CBORError: it is not well-formed, or deeper than 16 levels.
        """
        major, argument = self.head()
        if major in (BYTES, TEXT):
            if argument is not None:
                self._take(argument)
            else:
                for _ in self._chunks(major):
                    pass
        elif major in (ARRAY, MAP, TAG):
            if depth == 0:
                raise CBORError(f"deeper than {_DEPTH} levels")
            for _ in self.items(1 if major == TAG else argument):
                self.skip(depth - 1)
                if major == MAP:
                    self.skip(depth - 1)
        elif major == SIMPLE and argument is None:
            raise CBORError("a break that ends nothing")
