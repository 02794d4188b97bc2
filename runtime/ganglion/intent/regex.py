# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a pattern that is a regular expression, and says where it matched and what its groups hold.

The work is bounded by construction: at each character of the text each instruction of the pattern is looked at once, so
a run takes at most `MAX_PROGRAM * (MAX_TEXT + 1)` steps whatever the pattern (Pike's machine: Cox, "Regular Expression
Matching: the Virtual Machine Approach", 2009). Of the matches it finds the first, as Python's `re` does.
"""

import re
from typing import Any

from ganglion.pattern import SAVE, Program
from ganglion_micro import pattern as m

#: What no plain phrase has in it. A question mark that ends a word, a full stop and a plus are of people's writing.
_SYNTAX = re.compile(r"[\\\[(|*^]|\$$|\.[+?{]|\w\?\w|\{\d+,?\d*\}")

_Thread = tuple[int, tuple[int, ...]]


def is_regex(pattern: str) -> bool:
    """Whether a pattern is a regular expression; otherwise it is a phrase."""
    return _SYNTAX.search(pattern) is not None


def find(program: Program, groups: int, text: str) -> tuple[int, ...] | None:
    """Where the pattern is found: begin and end of the whole, then of each group, -1 where it has no part in it.

    Args:
        program, groups: From `compile_groups`: the code, and the number of names.
    """
    points = [ord(character) for character in text]
    none = (-1,) * (2 * groups)
    current: list[_Thread] = []
    best: tuple[int, ...] | None = None
    for at in range(len(points) + 1):
        # A match may begin anywhere; one that began before comes first, and none begins where one is found.
        if best is None:
            current.append((0, (at, at, *none)))
        if not current:
            break
        threads: list[_Thread] = []
        seen = bytearray(len(program))
        for state, saved in current:
            matched = _follow(program, state, saved, points, at, threads, seen)
            if matched is not None:
                best = matched
                break
        if at == len(points):
            break
        point = points[at]
        current = [(state + 1, saved) for state, saved in threads if m.takes(program[state], point)]
    return best


def _follow(
    program: Program,
    state: int,
    saved: tuple[int, ...],
    points: list[int],
    at: int,
    threads: list[_Thread],
    seen: bytearray,
) -> tuple[int, ...] | None:
    """Adds the states that are reached without a character, those of the first choice first; what a match saved."""
    waiting = [(state, saved)]
    while waiting:
        state, saved = waiting.pop()
        if seen[state]:
            continue
        seen[state] = 1
        step = program[state]
        op = step[0]
        if op == m.MATCH:
            return (saved[0], at, *saved[2:])
        if op <= m.SET:
            threads.append((state, saved))
        elif op == m.SPLIT:
            waiting.append((step[2], saved))
            waiting.append((step[1], saved))
        elif op == m.JUMP:
            waiting.append((step[1], saved))
        elif op == SAVE:
            slot = step[1] + 2
            waiting.append((state + 1, (*saved[:slot], at, *saved[slot + 1 :])))
        elif m.holds(op, points, at):
            waiting.append((state + 1, saved))
    return None


def literal(program: Program) -> str:
    """The longest text, in small letters, that is in all that the pattern matches; empty where there is none."""
    optional = bytearray(len(program))
    for i, step in enumerate(program):
        if step[0] in (m.SPLIT, m.JUMP):
            for target in step[1:]:
                optional[i + 1 : max(target, i + 1)] = b"\1" * max(target - i - 1, 0)
    best = run = ""
    for step, is_optional in zip(program, optional, strict=True):
        if step[0] > m.JUMP:  # takes no character: what stands around it stays together
            continue
        found = "" if is_optional else letter(step)
        run = run + found if found else ""
        best = max(best, run, key=len)
    return best


def letter(step: list[Any]) -> str:
    """The one small letter that an instruction takes the forms of; empty where it takes more."""
    if step[0] == m.CHAR:
        forms = {chr(step[1]).lower()}
    elif step[0] == m.SET and not step[1]:
        pairs = step[2]
        if any(low != high for low, high in zip(pairs[::2], pairs[1::2], strict=True)):
            return ""
        forms = {chr(point).lower() for point in pairs}
    else:
        return ""
    # The small sigma has two forms, by its place in the word.
    return forms.pop() if len(forms) == 1 and not forms & {"σ", "ς"} else ""
