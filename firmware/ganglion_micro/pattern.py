# SPDX-License-Identifier: GPL-3.0-or-later
"""Matches regular expressions in linear time, the same on every interpreter: a set of states walks over the text.

No pattern makes it slow, so a text from outside may be matched against any (Thompson, "Regular Expression Search
Algorithm", CACM 11:6, 1968; Cox, "Regular Expression Matching Can Be Simple And Fast", 2007).
`ganglion.pattern` compiles a pattern to the program that runs here.
"""

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

#: Instructions of one program, and characters of one text: a match is at most their product in steps.
MAX_PROGRAM = 512
MAX_TEXT = 4096

MATCH = 0
CHAR = 1  # code point
ANY = 2  # every character but a line feed
SET = 3  # negated, [first, last, …] pairs of code points
SPLIT = 4  # target, target
JUMP = 5  # target
START = 6  # of the text
END = 7  # of the text, or before a line feed that ends it
BOUNDARY = 8  # of a word
INSIDE = 9  # no boundary of a word


def word(point: int) -> bool:
    """Whether a code point belongs to a word. Beyond ASCII every one does, since boards carry no table of letters."""
    return point >= 0x80 or 48 <= point <= 57 or 65 <= point <= 90 or point == 95 or 97 <= point <= 122


def search(program: "list[Any]", text: str) -> bool:
    """Whether the pattern is found anywhere in the text.

    Raises:
        ValueError: the text is longer than MAX_TEXT.
    """
    size = len(text)
    if size > MAX_TEXT:
        raise ValueError("a text of more than {} characters is not matched".format(MAX_TEXT))
    points = [ord(character) for character in text]
    current: "list[int]" = []
    for at in range(size + 1):
        # Every place may be the start of a match, so the first state joins at each.
        states: "list[int]" = []
        seen = bytearray(len(program))
        for state in current:
            if _follow(program, state, points, at, states, seen):
                return True
        if _follow(program, 0, points, at, states, seen):
            return True
        if at == size:
            break
        point = points[at]
        current = [state + 1 for state in states if takes(program[state], point)]
    return False


def _follow(
    program: "list[Any]", state: int, points: "list[int]", at: int, states: "list[int]", seen: bytearray
) -> bool:
    """Adds the states that are reached without a character; true where the match is one of them."""
    waiting = [state]
    while waiting:
        state = waiting.pop()
        if seen[state]:
            continue
        seen[state] = 1
        step = program[state]
        op = step[0]
        if op == MATCH:
            return True
        if op <= SET:
            states.append(state)
        elif op == SPLIT:
            waiting.append(step[1])
            waiting.append(step[2])
        elif op == JUMP:
            waiting.append(step[1])
        elif holds(op, points, at):
            waiting.append(state + 1)
    return False


def holds(op: int, points: "list[int]", at: int) -> bool:
    """Whether what an instruction without a character asks of a place holds there."""
    size = len(points)
    if op == START:
        return at == 0
    if op == END:
        return at == size or (at == size - 1 and points[at] == 10)
    before = at > 0 and word(points[at - 1])
    after = at < size and word(points[at])
    return (before != after) == (op == BOUNDARY)


def takes(step: "list[Any]", point: int) -> bool:
    """Whether an instruction takes a character."""
    op = step[0]
    if op == CHAR:
        return bool(step[1] == point)
    if op == ANY:
        return point != 10
    pairs = step[2]
    for i in range(0, len(pairs), 2):
        if pairs[i] <= point <= pairs[i + 1]:
            return not step[1]
    return bool(step[1])
