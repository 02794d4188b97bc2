# SPDX-License-Identifier: GPL-3.0-or-later
"""The node and its link to the others, as a release sees them."""

from typing import Any, Protocol

from ganglion.release.link import Reach
from ganglion.release.trial import Seen


class Site(Protocol):
    """The node, as a release sees it."""

    def seen(self) -> Seen:
        """How it is; what of its link is so is not its to say."""
        ...

    @property
    def board(self) -> str:
        """Its board."""
        ...

    def capabilities(self) -> dict[str, Any]:
        """Its sensors and actuators, as its birth says them."""
        ...

    def restart(self) -> None:
        """Ends the node, to be started anew."""
        ...


class Line(Protocol):
    """The node's link to the others."""

    @property
    def up(self) -> bool:
        """Whether it is at its broker, or has a way to the gateway by its neighbours."""
        ...

    async def reach(self) -> Reach:
        """What there is of its broker, looked for beside the connection that it has or has not."""
        ...
