# SPDX-License-Identifier: GPL-3.0-or-later
"""Chance that falls the same on every Python: a linear congruential generator (Knuth's MMIX constants)."""


class Dice:
    """Throws numbers; the same seed throws the same ones."""

    def __init__(self, seed):
        self.state = seed

    def throw(self, sides):
        """A number from 0 to sides - 1."""
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        return (self.state >> 33) % sides

    def one_of(self, things):
        """One thing of a list or a text."""
        return things[self.throw(len(things))]
