# SPDX-License-Identifier: GPL-3.0-or-later
"""Ed25519's verification (RFC 8032, section 5.1.7) in whole numbers alone: 1.7 s on an RP2040, for updates of firmware.

It signs nothing, so that it need not hide how long it takes. As libsodium it takes no multiple of the cofactor, no
signature with S of L or more, and no key that is not in its one form.
"""

from ganglion_micro.sha512 import sha512

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    _Point = tuple[int, int, int, int]  # X, Y, Z, T of extended coordinates

_P = (1 << 255) - 19
#: Order of the base point.
_L = (1 << 252) + 27742317777372353535851937790883648493
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


_D = -121665 * _power(121666, _P - 2) % _P


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether a signature of 64 bytes by a public key of 32 is over a message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    key, base = _point(public), _point(_BASE)
    if key is None or base is None or s >= _L:
        return False
    k = int.from_bytes(sha512(signature[:32] + public + message), "little") % _L
    key = (_P - key[0], key[1], 1, _P - key[3])
    both = _sum(base, key)
    at = (0, 1, 1, 0)
    for bit in range(252, -1, -1):  # sB - kA, both at once
        at = _double(at)
        if s >> bit & 1:
            at = _sum(at, both if k >> bit & 1 else base)
        elif k >> bit & 1:
            at = _sum(at, key)
    z = _power(at[2], _P - 2)
    found = at[1] * z % _P | (at[0] * z % _P & 1) << 255
    return found.to_bytes(32, "little") == signature[:32]


def _point(data: bytes) -> "_Point | None":
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


def _sum(p: "_Point", q: "_Point") -> "_Point":
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    return _whole(b - a, d - c, d + c, b + a)


def _double(p: "_Point") -> "_Point":
    a, b = p[0] * p[0] % _P, p[1] * p[1] % _P
    x = p[0] + p[1]
    return _whole(a + b - x * x % _P, 2 * p[2] * p[2] % _P + a - b, a - b, a + b)


def _whole(e: int, f: int, g: int, h: int) -> "_Point":
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P
