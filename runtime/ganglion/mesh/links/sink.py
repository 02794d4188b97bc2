# SPDX-License-Identifier: GPL-3.0-or-later
"""What a way to carry frames says to whoever uses it."""

from collections.abc import Callable, Hashable
from typing import Protocol

from ganglion.mesh.overlay.link import Link

#: Sends a frame: address, data, and the key id of the neighbour; None for everyone.
Send = Callable[[Hashable | None, bytes, bytes | None], None]


class Sink(Protocol):
    """Who uses links."""

    def up(self, link: Link, send: Send) -> None:
        """A link can be used, through `send`."""
        ...

    def down(self, name: str) -> None:
        """A link is gone."""
        ...

    def heard(self, name: str, address: Hashable | None, data: bytes) -> None:
        """A frame came."""
        ...
