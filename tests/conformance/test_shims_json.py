# SPDX-License-Identifier: GPL-3.0-or-later
"""What json takes otherwise than MicroPython 1.25, as docs/shims.md says. The rest is in loose_notation.py."""

import subprocess
import sys
from pathlib import Path

import pytest

from support import micropython, micropython_wasm

WRONG = "ValueError syntax error in JSON"
#: What is not finished: the document, and what 1.25 makes of it.
UNFINISHED = {
    "{": "{}",
    "[": "[]",
    '{"a"': "{}",
    '{"a":1,': "{'a': 1}",
    "[1 2": "[1, 2]",
    "[[1]": "[[1]]",
    '{"a":[1}': "{'a': [1]}",
}
#: Text by its numbers: the document, and what each makes of it.
NUMBERED = {'["\\ud83d\\ude00",]': ("2", "1"), '["\\ud83d"]': ("1", "1"), '["\\u00zz"]': ("1", WRONG)}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """Prints the value of each of its arguments, and how long its first part is where that is text."""
    path = tmp_path / "it.py"
    path.write_text("""
import json, sys
for text in sys.argv[1:]:
    try:
        made = json.loads(text)
        print(len(made[0]) if made and isinstance(made, list) and isinstance(made[0], str) else made)
    except ValueError as error:
        print("ValueError", error)
""")
    return path


def here(script: Path, *documents: str) -> list[str]:
    words = [sys.executable, "-m", "ganglion.shims", str(script), *documents]
    return subprocess.run(words, capture_output=True, text=True, timeout=60).stdout.splitlines()


def test_what_is_not_finished_is_refused_as_in_a_later_micropython(script: Path) -> None:
    assert micropython.run(script, *UNFINISHED).stdout.splitlines() == list(UNFINISHED.values())
    assert micropython_wasm.run(script, *UNFINISHED).stdout.splitlines() == [WRONG] * len(UNFINISHED)
    assert here(script, *UNFINISHED) == [WRONG] * len(UNFINISHED)


def test_two_surrogates_are_one_character_and_digits_are_hexadecimal(script: Path) -> None:
    assert micropython.run(script, *NUMBERED).stdout.splitlines() == [there for there, _ in NUMBERED.values()]
    assert here(script, *NUMBERED) == [ours for _, ours in NUMBERED.values()]
