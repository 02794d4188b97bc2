# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine said, as text that is safe to print: it may be anyone's, and a terminal obeys escapes."""

from ganglion.printable import printable

#: Letters of one thing that it says of itself, such as the name of its system.
_WIDEST = 200


def shown(text: str, most: int = _WIDEST) -> str:
    """A text on one line, with what no terminal may see replaced, cut where it is longer than `most` letters."""
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return printable(cut)


def last_lines(text: str, count: int) -> list[str]:
    """The last lines that say something, each as `shown`."""
    return [shown(line.rstrip()) for line in text.replace("\r", "\n").split("\n") if line.strip()][-count:]
