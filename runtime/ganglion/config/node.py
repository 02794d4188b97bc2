# SPDX-License-Identifier: GPL-3.0-or-later
"""`[node]`: what the node is, and which scripts it runs."""

from dataclasses import dataclass

from ganglion.config.name import NAME
from ganglion.settings import duration_field
from ganglion.units import SECOND

#: The longest that a node may say that it sleeps: its credential is over by then.
LONGEST_SLEEP = 90 * 86400 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSection:
    """`[node]`.

    Attributes:
        name: What people call the node: letters, digits, `_` and `-`, at most 40.
        board: A board of `boards/`, for what the node can do; or a file of one's own, beside the configuration file
            unless absolute, whose name ends in `.toml`.
        scripts: MOVA documents, beside the configuration file unless absolute.
        sessions: Where sessions outlive a run: `memory:`, `sqlite:///FILE` (beside the configuration file unless
            absolute) or `redis://host:6379/0`.
        secrets: A file of what `{secret.NAME}` stands for in them, beside the configuration file unless absolute; TOML,
            each `NAME = "text"`, for its owner's eyes only.
        sleeps: The longest that the node is away by its nature, as where it sleeps to save its battery: it is asleep
            so long, and not missing; "0s" for one that is always there.
    """

    name: str
    board: str = "generic-x86-64"
    scripts: tuple[str, ...] = ()
    sessions: str = "memory:"
    secrets: str | None = None
    sleeps: int = duration_field("0s")

    def __post_init__(self) -> None:
        if self.sleeps > LONGEST_SLEEP:
            raise ValueError("sleeps is at most 90d")
        if not NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r} must be 1 to 40 letters, digits, _ or -")
