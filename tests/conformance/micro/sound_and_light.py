# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of sound and pictures: known answers, and made-up samples whose features are the same everywhere."""

from array import array

from ganglion_micro.signal import luma_lighter, luma_mean, luma_motion, luma_reduce, luma_texture
from ganglion_micro.sound import HOP, Sound, decibels
from support.dice import Dice

assert decibels(0.0) == -120.0
sound = Sound(1)
assert sound.feed(bytes(array("h", [32767, -32767] * 100))) == 2 * HOP
assert sound.take(2) is None
pcm, ((energy, crossings, *_),) = sound.take(1)
assert abs(decibels(energy) - 3.0103) < 1e-4
assert crossings == HOP - 1
assert len(pcm) == 2 * HOP
assert luma_mean(b"") == 0.0
assert luma_motion(b"\x00\x10\xff", b"\x08\x20\x00", 8) == 2
try:
    luma_motion(b"a", b"ab", 1)
except ValueError as error:
    print(error)
else:
    raise AssertionError("planes of two sizes were compared")

dice = Dice(17)
for peak in (3, 300, 30000):
    pcm = bytes(array("h", [dice.throw(2 * peak + 1) - peak for _ in range(500)]))
    for weighted in (False, True):
        sound = Sound(4, weighted, True)
        sound.feed(pcm)
        print([f"{decibels(number):.6f}" for frame in sound.take(3)[1] for number in frame])
    before, after = bytes([dice.throw(256) for _ in range(300)]), bytes([dice.throw(256) for _ in range(300)])
    print(f"{luma_mean(before):.9f}", luma_motion(before, after, peak & 255), luma_lighter(before, after))
    print(luma_reduce(before, (10, 10), (4, 3), 1, 2, 25), f"{luma_texture(after, 17):.9f}")
