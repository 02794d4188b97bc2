# SPDX-License-Identifier: GPL-3.0-or-later
"""The key of a device with an identity of its own, and Ed25519 by what the port has.

A port may have a module `_ed25519` with `public(seed)`, `sign(seed, message)` and `verify(public, signature, message)`,
frozen or as a native .mpy: then a signature takes milliseconds. Without it `ganglion_micro` computes in Python, for
about a second on an RP2040; what cannot wait for so long is done meanwhile.
"""

import os
import time
from hashlib import sha256

from ganglion_agent import flash
from ganglion_agent.section import ConfigError

try:
    import _ed25519 as native
except ImportError:
    native = None

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "identity"
_CHECK = 4


class Signer:
    """The identity in a file, made at the first boot: 32 bytes from the random source, and what follows from them.

    Args:
        path: Of the file.
        pause: Called often while a signature is made or verified in Python.

    Attributes:
        public: The public key.
        cost: Milliseconds that the last signature took.

    Raises:
        ConfigError: the file is damaged.
        OSError: it cannot be written.
    """

    def __init__(self, path: str, pause: "Callable[[], None]") -> None:
        self._pause = pause
        self.cost = 0
        kept = flash.read(path)
        if kept is None:
            seed = os.urandom(32)
            body = seed + self._made(seed)
            kept = body + sha256(body).digest()[:_CHECK]
            flash.replace(path, kept)
        body = kept[:64]
        if sha256(body).digest()[:_CHECK] != kept[64:]:
            raise ConfigError("{} is damaged: remove it, and give the board another enrol key".format(path))
        self._seed, self.public = body[:32], body[32:]

    @property
    def is_native(self) -> bool:
        """Whether the port has Ed25519 of its own."""
        return native is not None

    def _made(self, seed: bytes) -> bytes:
        if native is not None:
            return bytes(native.public(seed))
        from ganglion_micro.ed25519_sign import public

        return public(seed, self._pause)

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes."""
        began = _ms()
        if native is not None:
            made = bytes(native.sign(self._seed, message))
        else:
            from ganglion_micro.ed25519_sign import sign

            made = sign(self._seed, self.public, message, self._pause)
        self.cost = (_ms() - began) & 0x3FFFFFFF  # it wraps
        return made

    def verify(self, public: bytes, signature: bytes, message: bytes) -> bool:
        """Whether a signature is over a message."""
        if native is not None:
            return bool(native.verify(public, signature, message))
        from ganglion_micro.ed25519 import verify

        return verify(public, signature, message, self._pause)

    def client(self) -> str:
        """What a broker knows this board by: the same at every start, and nobody else's to guess."""
        from ganglion_micro.gl1 import base32
        from ganglion_micro.hmac_sha256 import hkdf

        return base32(hkdf(self._seed, b"gl1 mqtt client id", 14))


def _ms() -> int:
    ticks = getattr(time, "ticks_ms", None)  # MicroPython alone has it
    return int(ticks() if ticks is not None else time.monotonic() * 1000)
