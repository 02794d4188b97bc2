# SPDX-License-Identifier: GPL-3.0-or-later
"""Ed25519's keys and signatures (RFC 8032, sections 5.1.5 and 5.1.6) in whole numbers alone: 1 s on an RP2040.

Which points are added, and how many, follows from no secret: four bits at a time are looked up, and what they say is
added also where it adds nothing. Python's own multiplication may still take longer for some numbers than for others; a
board whose neighbours can time it that well is to have a native `_ed25519`.
"""

from ganglion_micro.ed25519 import NOTHING, ORDER, add, base_point, double, packed
from ganglion_micro.sha512 import sha512

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable


def public(seed: bytes, pause: "Callable[[], None] | None" = None) -> bytes:
    """The public key of a seed of 32 bytes."""
    return packed(_times(_secret(seed)[0], pause))


def sign(seed: bytes, public: bytes, message: bytes, pause: "Callable[[], None] | None" = None) -> bytes:
    """The signature, 64 bytes.

    Args:
        public: That of the seed. With another one the signature would give the seed away.
        pause: Called every few hundredths of it: what else cannot wait for its end.
    """
    a, prefix = _secret(seed)
    r = int.from_bytes(sha512(prefix + message), "little") % ORDER
    point = packed(_times(r, pause))
    k = int.from_bytes(sha512(point + public + message), "little") % ORDER
    return point + ((r + k * a) % ORDER).to_bytes(32, "little")


def _secret(seed: bytes) -> "tuple[int, bytes]":
    """The scalar of a seed, and what makes the nonces of its signatures (section 5.1.5)."""
    whole = sha512(seed)
    a = int.from_bytes(whole[:32], "little")
    return a & ((1 << 254) - 8) | 1 << 254, whole[32:]


def _times(scalar: int, pause: "Callable[[], None] | None") -> "tuple[int, int, int, int]":
    """A multiple of the base point, of a scalar below 2^256."""
    table = [NOTHING, base_point()]
    while len(table) < 16:
        table.append(add(table[-1], table[1]))
    at = NOTHING
    for shift in range(252, -4, -4):
        for _bit in range(4):
            at = double(at)
        at = add(at, table[scalar >> shift & 15])
        if pause is not None and not shift & 4:
            pause()
    return at
