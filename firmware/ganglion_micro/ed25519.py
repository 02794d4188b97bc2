# SPDX-License-Identifier: GPL-3.0-or-later
"""Ed25519's verification (RFC 8032, section 5.1.7) in whole numbers alone: 1.7 s on an RP2040.

What is verified is no secret, so that it need not hide how long it takes; `ed25519_sign` is careful. As libsodium it
takes no multiple of the cofactor, no signature with S of L or more, and no key that is not in its one form.
"""

from ganglion_micro.sha512 import sha512

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable

    Point = tuple[int, int, int, int]  # X, Y, Z, T of extended coordinates

_P = (1 << 255) - 19
#: Order of the base point.
ORDER = (1 << 252) + 27742317777372353535851937790883648493
#: The base point: y is 4/5.
_BASE = b"\x58" + b"\x66" * 31


def _power(x: int, exponent: int) -> int:
    """x^exponent modulo p; `pow` of three numbers is not on every board."""
    y = 1
    while exponent:
        if exponent & 1:
            y = y * x % _P
        x = x * x % _P
        exponent >>= 1
    return y


#: The point that adds nothing.
NOTHING = (0, 1, 1, 0)
_D = -121665 * _power(121666, _P - 2) % _P


def verify(public: bytes, signature: bytes, message: bytes, pause: "Callable[[], None] | None" = None) -> bool:
    """Whether a signature of 64 bytes by a public key of 32 is over a message.

    Args:
        pause: Called every few hundredths of it: what else cannot wait for its end.
    """
    if len(public) != 32 or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    key = _point(public)
    if key is None or s >= ORDER:
        return False
    base = base_point()
    k = int.from_bytes(sha512(signature[:32] + public + message), "little") % ORDER
    key = (_P - key[0], key[1], 1, _P - key[3])
    both = add(base, key)
    at = NOTHING
    for bit in range(252, -1, -1):  # sB - kA, both at once
        at = double(at)
        if s >> bit & 1:
            at = add(at, both if k >> bit & 1 else base)
        elif k >> bit & 1:
            at = add(at, key)
        if pause is not None and not bit & 7:
            pause()
    return packed(at) == signature[:32]


def base_point() -> "Point":
    """The point of which all others are multiples."""
    base = _point(_BASE)
    assert base is not None
    return base


def packed(point: "Point") -> bytes:
    """The 32 bytes that stand for a point (section 5.1.2)."""
    z = _power(point[2], _P - 2)
    found = point[1] * z % _P | (point[0] * z % _P & 1) << 255
    return found.to_bytes(32, "little")


def _point(data: bytes) -> "Point | None":
    """The point that 32 bytes stand for (section 5.1.3); None where they stand for none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * _power(v, 3) * _power(u * _power(v, 7), (_P - 5) // 8) % _P
    if v * x * x % _P != u:
        x = x * _power(2, (_P - 1) // 4) % _P
    if y >= _P or v * x * x % _P != u or (not x and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def add(p: "Point", q: "Point") -> "Point":
    """The sum of two points, whichever they are (section 5.1.4)."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    return _whole(b - a, d - c, d + c, b + a)


def double(p: "Point") -> "Point":
    """A point added to itself (section 5.1.4)."""
    a, b = p[0] * p[0] % _P, p[1] * p[1] % _P
    x = p[0] + p[1]
    return _whole(a + b - x * x % _P, 2 * p[2] * p[2] % _P + a - b, a - b, a + b)


def _whole(e: int, f: int, g: int, h: int) -> "Point":
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P
