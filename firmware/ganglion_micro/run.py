# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine knows of one run, and of each branch of a run that does several things at a time."""

from ganglion_micro import plan as p

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

    from ganglion_micro.talk import Talk


class Run:
    """One run, or a branch of one. The engine alone writes to it.

    Attributes:
        root: The run that it is a branch of, or itself.
        parent: The run or branch whose step began it; None for a run.
    """

    # What most runs never change stands here once for all of them: a run is begun for every event.
    trigger = ""
    at = 0
    count = 0
    omitted = 0
    calls: "tuple[Any, ...]" = ()  # protocol, step and record of each call that is under way
    again = False  # the step at hand is tried once more, its record is there
    retrying = False  # the effect that is waited for is the pause before that
    talk: "Talk | None" = None
    topic = ""  # of a step that waits for an event
    until = 0  # when such a step has waited long enough; 0 for never
    parent: "Run | None" = None
    depth = 0
    open = 0  # branches under way
    forking = False  # they are being begun, and none of them goes on with this run
    wrong = ""  # why the first branch that failed did
    branches = 0  # of a root: that are under way in all
    advised = False  # of a root: a language model has answered it
    watching: "tuple[Run, ...]" = ()  # of a root: branches that wait for the session to be so

    def __init__(self, run_id: str, protocol: "list[Any]", scope: "dict[str, Any]", now: int) -> None:
        self.id = run_id
        self.protocol = protocol
        self.title: str = protocol[p.TITLE]
        self.steps: "list[Any]" = protocol[p.STEPS]
        self.limit: int = protocol[p.MAX_STEPS]
        self.deadline: int = now + protocol[p.BUDGET] if protocol[p.BUDGET] else 0
        self.scope = scope
        self.event: "dict[str, Any]" = scope["event"]
        self.data: "dict[str, Any]" = scope["session"]["data"]
        self.started = now
        self.records: "list[dict[str, Any]]" = []
        self.record: "dict[str, Any]" = {}
        self.missing: "list[str]" = []
        self.root: Run = self

    def branch(self, number: int, protocol: "list[Any]", now: int) -> "Run":
        """A branch that runs a protocol on the same session, and writes into the same episode."""
        made = Run("{}/{}".format(self.id, number), protocol, self.scope, now)
        made.limit = self.limit - self.count
        made.records = self.records
        made.root = self.root
        made.parent = self
        made.depth = self.depth + len(self.calls) + 1
        return made

    def unwatch(self, branch: "Run") -> None:
        """A branch waits for the session no longer."""
        self.watching = tuple([each for each in self.watching if each is not branch])
