# SPDX-License-Identifier: GPL-3.0-or-later
"""random: the same numbers from the same seed."""

import random

import urandom

for seed in (0, 1, 42, 0xFFFFFFFF):
    random.seed(seed)
    print(seed, [random.getrandbits(32) for _ in range(6)], [random.getrandbits(bits) for bits in (0, 1, 8, 31)])
random.seed(7)
print(
    [random.randrange(10) for _ in range(8)],
    [random.randrange(5, 50, 7) for _ in range(8)],
    [random.randrange(9, -9, -3) for _ in range(4)],
)
print([random.randint(-3, 3) for _ in range(8)], [random.choice("abcdef") for _ in range(8)])
print([int(random.random() * 10**6) for _ in range(5)], [int(random.uniform(-2, 5) * 10**6) for _ in range(4)])
for what in (
    lambda: random.getrandbits(33),
    lambda: random.randrange(0),
    lambda: random.randint(2, 1),
    lambda: random.choice([]),
    lambda: random.randrange(1, 2, 0),
):
    try:
        print(what())
    except Exception as error:
        print(type(error).__name__, error)
urandom.seed()
print(0 <= urandom.getrandbits(16) < 65536)
