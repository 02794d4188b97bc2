# SPDX-License-Identifier: GPL-3.0-or-later
"""What people might say by a regular expression, for a classifier to learn from."""

from ganglion.intent.regex import is_regex, letter
from ganglion.intent.words import plain
from ganglion.pattern import PatternError, Program, compile_groups
from ganglion_micro import pattern as m

#: Samples of one pattern, and steps on the way to them.
_MOST = 8
_STEPS = 5000


def samples(pattern: str) -> list[str]:
    """A phrase itself; of a regular expression up to eight texts such as it matches, none where it says no word.

    What stands for any letters leaves a gap, a digit is 5; each alternative is taken, and a repetition once or not.
    """
    pattern = plain(pattern)
    if not is_regex(pattern):
        return [" ".join(pattern.split())]
    try:
        program, _ = compile_groups(pattern)
    except PatternError:
        return []
    found: dict[str, None] = {}
    waiting: list[tuple[int, str, frozenset[int]]] = [(0, "", frozenset())]
    for _ in range(_STEPS):
        if not waiting or len(found) == _MOST:
            break
        state, made, passed = waiting.pop()
        step = program[state]
        op = step[0]
        if op == m.MATCH:
            sentence = " ".join(made.split())
            if any(character.isalpha() for character in sentence):
                found[sentence] = None
        elif op == m.SPLIT:
            if state in passed:  # once round a loop
                waiting.append((max(step[1], step[2]), made, passed))
            elif program[state + 1][0] in (m.ANY, m.SET) and _said(program, state + 1) == " ":
                waiting.append((state + 1, made, passed | {state}))
            else:
                waiting += [(target, made, passed | {state}) for target in (step[2], step[1])]
        elif op == m.JUMP:
            waiting.append((step[1], made, passed))
        else:
            waiting.append((state + 1, made + _said(program, state), passed))
    return list(found)


def _said(program: Program, state: int) -> str:
    step = program[state]
    if step[0] not in (m.CHAR, m.ANY, m.SET):
        return ""
    return letter(step) or ("5" if step[1:] == [False, [48, 57]] else " ")
