# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that is safe to print: what a machine or a process says may be anyone's, and a terminal obeys escapes."""


def printable(text: str) -> str:
    """A text on one line, with U+FFFD in place of each letter that shows nothing: controls, and what turns text."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
