# SPDX-License-Identifier: GPL-3.0-or-later
"""What MicroPython takes as bytes: any buffer, and text, which there is a buffer too."""


def readable(data: object) -> bytes:
    """The bytes of a buffer, of UTF-8 text, or of what says its bytes, as a frame buffer does.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(data, str):
        return data.encode()
    if not isinstance(data, bytes) and hasattr(type(data), "__bytes__"):
        return bytes(data)  # type: ignore[call-overload,no-any-return] # it has that method
    return bytes(memoryview(data).cast("B"))  # type: ignore[arg-type] # it says so itself


def writable(data: object) -> memoryview:
    """A view of a buffer's bytes that can be written.

    Raises:
        TypeError: it cannot.
    """
    view = memoryview(data)  # type: ignore[arg-type] # it says so itself
    if view.readonly:
        raise TypeError("object with buffer protocol required")
    return view.cast("B")


def part(data: bytes, where: tuple[int, ...]) -> bytes:
    """(length) or (offset, length) of data."""
    if len(where) == 2:
        return data[where[0] : where[0] + where[1]]
    return data[: where[0]] if where else data
