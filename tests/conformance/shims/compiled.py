# SPDX-License-Identifier: GPL-3.0-or-later
"""micropython: const, its decorators, and levels."""

import micropython
from micropython import const

ANSWER = const(42)
_HIDDEN = const(7)
print(ANSWER, _HIDDEN, const("x"))


@micropython.native
def doubled(x):
    return 2 * x


@micropython.native
def counted(n):
    for i in range(n):
        yield i


print(doubled(4), doubled("ab"), list(counted(3)))
level = micropython.opt_level()
micropython.opt_level(level)
print(micropython.opt_level() == level)
ring = micropython.RingIO(8)
print(ring.write(b"abcdef"), ring.any(), ring.read(2), ring.write(b"ghijkl"), ring.any(), ring.read(), ring.readline())
