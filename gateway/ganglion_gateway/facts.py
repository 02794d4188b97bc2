# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a node beside its birth: tags that operators set, its vitals, its last crash, scripts that fail."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """The last end of a run that was none.

    Attributes:
        id: What people call it.
        at: Nanoseconds since the Unix epoch.
        kind: `error`, `native`, `oom`, `watchdog`, `killed` or `reset`.
        text: One line.
        leaf: Of which it was; "" for the node.
    """

    id: str
    at: int
    kind: str
    text: str
    leaf: str = ""


@dataclass(slots=True, kw_only=True)
class Facts:
    """Those of one node.

    Attributes:
        credential: Tags that its credential has: a policy of the mesh goes by these alone.
        added: Tags that operators have given it at the gateway.
        removed: Tags of its credential that count no more for selectors and groups.
        vitals: As `ganglion.node.vitals` says them; {} where none were heard.
        vitals_at: When; 0 for never.
        leaves: The vitals of each leaf by its name, with `at`.
        crash: The last one that is kept; None for none.
        failing: Scripts whose last run failed, and why.
        changed: When an operator has set tags last.
        since: When this gateway began to hear it, for what is kept from before; 0 where nothing is.
    """

    credential: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    vitals: dict[str, Any] = field(default_factory=dict)
    vitals_at: int = 0
    leaves: dict[str, dict[str, Any]] = field(default_factory=dict)
    crash: Crash | None = None
    failing: dict[str, str] = field(default_factory=dict)
    changed: int = 0
    since: int = 0

    @property
    def tags(self) -> list[str]:
        """Those that count: of its credential first."""
        left = [tag for tag in self.credential if tag not in self.removed]
        return list(dict.fromkeys([*left, *self.added]))
