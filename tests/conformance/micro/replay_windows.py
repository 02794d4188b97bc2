# SPDX-License-Identifier: GPL-3.0-or-later
"""Replay: a window beside a set that forgets nothing."""

from ganglion_micro.replay import FRESH, LATE, SEEN, SIZE, Idempotent, Strict, Window
from support.dice import Dice

dice = Dice(6479)
window = Window()
seen = set()
counts = [0, 0, 0]
top = 0
for _ in range(3000):
    seq = max(1, top + dice.throw(40) - 30 - (SIZE + 20 if dice.throw(20) == 0 else 0))
    verdict = window.add(seq)
    counts[verdict] += 1
    if verdict == FRESH:
        assert seq not in seen, seq
        seen.add(seq)
        top = max(top, seq)
    elif verdict == SEEN:
        assert seq in seen, seq
    else:
        assert verdict == LATE
        assert seq <= top - SIZE, seq
assert min(counts) > 20, counts

strict = Strict()
assert strict.add(3, 1)
assert not strict.add(3, 1)
assert strict.add(3, 9)
assert strict.add(4, 1)
assert not strict.add(3, 10)

data = Idempotent()
assert data.add(3, 5) == FRESH
assert data.add(4, 5) == FRESH
assert data.add(3, 6) == FRESH
assert data.add(3, 5) == SEEN
print(counts)
