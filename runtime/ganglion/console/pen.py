# SPDX-License-Identifier: GPL-3.0-or-later
"""Who writes to a port that several may read: one at a time."""


class Pen:
    """Whoever writes first has it until they let go of it. A holder is anything that can be compared."""

    def __init__(self) -> None:
        self._holder: object = None
        self._name = ""

    def __str__(self) -> str:
        """Who has it, for people."""
        return self._name or "nobody"

    @property
    def is_free(self) -> bool:
        """Whether nobody writes."""
        return self._holder is None

    def is_held_by(self, who: object) -> bool:
        """Whether they write."""
        return self._holder is who

    def take(self, who: object) -> bool:
        """Whether they write from now on, or did already."""
        if self._holder is None:
            self._holder, self._name = who, str(who)  # as it is now: a program that has ended has no name
        return self._holder is who

    def put_down(self, who: object) -> None:
        """They do not write any more; nothing to do for one that did not."""
        if self._holder is who:
            self._holder, self._name = None, ""
