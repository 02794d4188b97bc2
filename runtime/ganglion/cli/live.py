# SPDX-License-Identifier: GPL-3.0-or-later
"""A script that is live on a node or a leaf while its document is edited."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.cli.script_file import compiled
from ganglion.cli.show import plain
from ganglion.errors import GanglionError

if TYPE_CHECKING:
    from ganglion.cli.scripts_node import Scripts
    from ganglion.mova.plan import Plan

#: Seconds between two looks at who runs it: it forgets the script when it starts again.
_LOOK = 3.0

#: What is told to whoever watches: a document for programs, and a line for people.
Say = Callable[[dict[str, Any], str], object]


class Live:
    """What is to be live, and whether it is.

    A document that is wrong, fails a test or is refused is said, and the one before goes on. Who runs it forgets it
    when it starts again, and then gets it again; so does one that was away.

    Args:
        scripts: Of who is to run it.
        where: What messages call that.
        file: The document's.
        say: Is told what happens.
        seconds: After so long without a word of this, what was there before is back; None to have the script stay.
    """

    def __init__(self, scripts: "Scripts", where: str, file: Path, say: Say, *, seconds: int | None = None) -> None:
        self._scripts = scripts
        self._where = where
        self._file = file
        self._say = say
        self._seconds = seconds
        self._runs: Plan | None = None
        self._next: Plan | None = None  # until somebody answers
        self._due = 0.0
        self._said = ""

    def save(self, data: bytes) -> None:
        """Has what was saved run, or says why it does not."""
        began = time.perf_counter()
        try:
            self._next = compiled(self._file, data)
        except GanglionError as error:
            self._next = None
            self._wrong(error)
        else:
            self._bring(began)

    def look(self) -> None:
        """Sees now and then that it still runs, and brings it again where it does not."""
        if time.monotonic() < self._due:
            return
        if self._next is not None:
            self._bring()
        elif self._runs is not None and not self._is_there(self._runs):
            self._next = self._runs
            self._bring()
        self._due = time.monotonic() + _LOOK

    def end(self) -> None:
        """What was there before is back, where the script was not to stay."""
        if self._seconds is not None and self._runs is not None:
            self._leave(self._runs.name)

    def _bring(self, began: float | None = None) -> None:
        """Puts what is next; `began` is when it was saved, None where it was there before."""
        plan = self._next
        assert plan is not None
        began = time.perf_counter() if began is None else began
        try:
            answer = self._scripts.put(plan, self._seconds)
        except GanglionError as error:
            if not error.retry:
                self._next = None
            self._wrong(error)
        else:
            self._took(plan, answer, time.perf_counter() - began)
        self._due = time.monotonic() + _LOOK

    def _took(self, plan: "Plan", answer: dict[str, Any], took: float) -> None:
        before, self._runs, self._next, self._said = self._runs, plan, None, ""
        text = f"live on {self._where} after {took:.2f} s: {plain(plan.name)} {plan.hash[:12]}"
        if answer["replaced"] and before is None:
            text += "; it took the place of another script of that name"
        self._say({"live": True, **answer, "took_s": round(took, 3)}, text)
        if before is not None and before.name != plan.name:
            self._leave(before.name)

    def _is_there(self, plan: "Plan") -> bool:
        try:
            if self._seconds is not None:
                return self._scripts.live(plan.name, self._seconds)
            return any(each["name"] == plan.name for each in self._scripts.listing()["scripts"])
        except GanglionError as error:
            if error.retry:
                self._wrong(error)
            return True

    def _leave(self, name: str) -> None:
        """Ends what was put under a name."""
        try:
            if self._seconds is not None:
                self._scripts.live(name, 0)
            else:
                self._scripts.remove(name)
        except GanglionError as error:
            self._say({"removed": None, "error": str(error)}, f"{plain(name)} is not ended: {plain(str(error))}")
        else:
            self._say({"removed": name}, f"{plain(name)} of this file runs no more on {self._where}")

    def _wrong(self, error: GanglionError) -> None:
        if str(error) != self._said:
            self._said = str(error)
            again = ": it is tried again" if error.retry else ""
            goes_on = "" if self._runs is None or error.retry else "; the one before goes on"
            text = f"not live: {plain(self._said)}{again}{goes_on}"
            self._say({"live": False, **error.data()}, text)
