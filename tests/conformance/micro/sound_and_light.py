# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of sound and pictures: known answers, and made-up samples whose features are the same everywhere."""

from array import array

from ganglion_micro.signal import audio_level, audio_zero_crossings, luma_mean, luma_motion
from support.dice import Dice

assert audio_level(b"") == -120.0
assert audio_level(bytes(320)) == -120.0
assert abs(audio_level(bytes(array("h", [32767, -32767] * 100))) - 3.0103) < 1e-4
assert audio_zero_crossings(bytes(array("h", [5, -5, -5, 0, -1]))) == 3
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
    print(f"{audio_level(pcm):.9f}", audio_zero_crossings(pcm))
    before, after = bytes([dice.throw(256) for _ in range(300)]), bytes([dice.throw(256) for _ in range(300)])
    print(f"{luma_mean(before):.9f}", luma_motion(before, after, peak & 255))
