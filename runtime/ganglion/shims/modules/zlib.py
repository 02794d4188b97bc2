# SPDX-License-Identifier: GPL-3.0-or-later
"""`zlib`: CPython's, and MicroPython's older `DecompIO`."""

import zlib as _zlib
from typing import Any

from ganglion.shims.modules.deflate import AUTO as _AUTO
from ganglion.shims.modules.deflate import DeflateIO as _DeflateIO


def __getattr__(name: str) -> Any:
    return getattr(_zlib, name)


def DecompIO(stream: Any, wbits: int = 0) -> _DeflateIO:
    """A stream of what a compressed stream holds."""
    return _DeflateIO(stream, _AUTO, abs(wbits))
