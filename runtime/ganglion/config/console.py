# SPDX-License-Identifier: GPL-3.0-or-later
"""`[console]`: what people may do at a node's console."""

from dataclasses import dataclass

from ganglion.settings import duration_field


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSection:
    """`[console]`: what people may do at the console of the node, who reach it over the mesh.

    Attributes:
        shell: Whether they may open a login shell, as the user that the node runs as.
        idle: How long a session lasts in which nothing is entered, of who may enter something.
    """

    shell: bool = False
    idle: int = duration_field("15m")

    def __post_init__(self) -> None:
        if not self.idle:
            raise ValueError("idle is a time above 0, such as 15m")
