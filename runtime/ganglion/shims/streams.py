# SPDX-License-Identifier: GPL-3.0-or-later
"""What streams over a network have in common: a time that is up, and a write that ends with the last byte.

After MicroPython's py/stream.c (`mp_stream_rw`) and ports/unix/modsocket.c.
"""

import errno
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ganglion.shims.oserror import oserror

_P = ParamSpec("_P")
_T = TypeVar("_T")


def timed(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """A time that is up is OSError ETIMEDOUT."""

    @wraps(function)
    def call(*arguments: _P.args, **options: _P.kwargs) -> _T:
        try:
            return function(*arguments, **options)
        except TimeoutError:
            raise oserror(errno.ETIMEDOUT) from None

    return call


def written(
    send: Callable[[memoryview], int], data: bytes, would_block: type[OSError] | tuple[type[OSError], ...]
) -> int | None:
    """Sends all; or, where that would block, as much as there is room for.

    Args:
        send: Takes some of the bytes and says how many. A time limit is for each call, as it is there.
        would_block: What it raises when it does not wait and there is no room.

    Returns:
        How many bytes; None where there was room for none.
    """
    view = memoryview(data)
    done = 0
    while done < len(view):
        try:
            done += send(view[done:])
        except would_block:
            return done or None
    return done
