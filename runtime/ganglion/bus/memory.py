# SPDX-License-Identifier: GPL-3.0-or-later
"""What the native module has made, freed when nothing refers to it any more."""

from typing import Any

from ganglion._native import ffi, lib, own


def owned(pointer: Any, release: str) -> Any:
    """The owner of a pointer, to be kept as long as it is used.

    Args:
        release: The name of the function that frees it.

    Raises:
        MemoryError: it is NULL.
    """
    if pointer == ffi.NULL:
        raise MemoryError(f"no memory for what {release} frees")
    return own(address(pointer), address(ffi.addressof(lib, release)))


def address(pointer: Any) -> int:
    """A pointer as a number."""
    return int(ffi.cast("uintptr_t", pointer))
