# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as text: floats to the last digit, JSON to the last sign, letters of two alphabets in both cases."""

from hashlib import sha256

from ganglion_micro.text import json, lower, text, upper
from support.dice import Dice

assert text(9.5) == "9.5"
assert text(True) == "true"
assert text({"b": [1, None], "a": "ї\n"}) == '{"a": "ї\\n", "b": [1, null]}', text({"b": [1, None], "a": "ї\n"})
assert lower("ЖIÄ") == "жiä"
assert upper("жiä") == "ЖIÄ"

dice = Dice(754)
everything = sha256()
for _ in range(3000):
    value = (dice.throw(1 << 30) - (1 << 29)) * 2.0 ** (dice.throw(120) - 60)
    everything.update(text(value).encode())
    tenths = (dice.throw(200000) - 100000) / 10.0
    everything.update(text(tenths).encode())
    everything.update(json({"v": [tenths, dice.throw(9)], "": None, "k": chr(32 + dice.throw(1000))}).encode())
print(everything.digest().hex())
