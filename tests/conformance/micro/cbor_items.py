# SPDX-License-Identifier: GPL-3.0-or-later
"""CBOR: each line of the file is an item in hexadecimal, and whether it is `taken` or `refused`.

After that, values are made up: each is encoded, decoded and encoded again, damaged, and cut.
"""

import sys
from hashlib import sha256

from ganglion_micro.cbor import CBORError, Tag, decode, encode
from support.dice import Dice


def refused(data):
    try:
        decode(data)
    except CBORError:
        return True
    return False


def made_up(dice, depth):
    kind = dice.throw(9 if depth else 6)
    if kind == 0:
        return dice.throw(1 << 30) << dice.throw(34)
    if kind == 1:
        return -1 - (dice.throw(1 << 30) >> dice.throw(30))
    if kind == 2:
        return (dice.throw(1 << 30) - (1 << 29)) * 2.0 ** (dice.throw(160) - 80)
    if kind == 3:
        return dice.one_of([None, False, True, float("inf"), 0.0, -0.0, 0.1, 65504.0, 2.0**-24, 1e300])
    if kind == 4:
        return "".join([dice.one_of("aZ0 _/її°€😀") for _ in range(dice.throw(40))])
    if kind == 5:
        return bytes([dice.throw(256) for _ in range(dice.throw(40))])
    if kind == 6:
        return [made_up(dice, depth - 1) for _ in range(dice.throw(5))]
    if kind == 7:
        made = {}
        for _ in range(dice.throw(5)):
            key = dice.one_of(["a", "bb", 7, -7, b"x"])  # first the key: in `{key(): value()}` MicroPython is otherwise
            made[key] = made_up(dice, depth - 1)
        return made
    return Tag(dice.throw(70000), made_up(dice, depth - 1))


with open(sys.argv[1]) as lines:
    for line in lines:
        item, verdict = line.split()
        data = bytes.fromhex(item)
        if verdict == "refused":
            assert refused(data), item
        else:
            assert encode(decode(data)) == data, item

# RFC 3629 section 3: `/` in two, three and four bytes, half a pair, and the first value that is no character
for text in ("c0af", "e080af", "f08080af", "eda080", "f4908080", "f8808080", "80", "e282", "c3"):
    assert refused(bytes([0x60 + len(text) // 2]) + bytes.fromhex(text)), text
for text in ("c280", "e0a080", "ed9fbf", "ee8080", "f0908080", "f48fbfbf"):
    assert not refused(bytes([0x60 + len(text) // 2]) + bytes.fromhex(text)), text

dice = Dice(8949)
everything = sha256()
for _ in range(400):
    value = made_up(dice, 3)
    data = encode(value)
    assert decode(data) == value, data
    assert encode(decode(data)) == data, data
    assert refused(data[:-1]), data
    assert refused(data + b"\x00"), data
    everything.update(data)
    at = dice.throw(len(data))
    damaged = data[:at] + bytes([data[at] ^ 1 << dice.throw(8)]) + data[at + 1 :]
    everything.update(b"0" if refused(damaged) else encode(decode(damaged)))
print(everything.digest().hex())
