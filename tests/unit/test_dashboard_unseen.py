# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that no browser comes for: a few of each, and no more of all than a small machine has room for."""

from collections.abc import Callable
from typing import Any, cast

from ganglion_gateway.dashboard.unseen import MOST, OF_ALL, Unseen


class Page:
    """As much of a page of NiceGUI as is needed."""

    has_socket_connection = False
    is_deleted = False

    def __init__(self) -> None:
        self.on_connect: Callable[[Any], None] = lambda known: setattr(self, "connect", known)
        self.on_delete: Callable[[Any], None] = lambda known: setattr(self, "gone", known)

    def delete(self) -> None:
        """No browser came."""
        self.is_deleted = True
        self.gone()


def test_the_oldest_of_who_has_the_most_goes() -> None:
    unseen = Unseen()

    def ask(who: str, count: int) -> list[Page]:
        pages = [Page() for _ in range(count)]
        for page in pages:
            unseen.add(who, cast(Any, page))
        return pages

    first = ask("first", MOST + 2)
    assert [page.is_deleted for page in first] == [True] * 2 + [False] * MOST
    first[2].connect()
    others = [page for i in range(OF_ALL // MOST) for page in ask(f"other {i}", MOST - 4)]
    assert not any(page.is_deleted for page in others)
    last = ask("last", 6)
    there = [page for page in [*first[3:], *others, *last] if not page.is_deleted]
    assert len(there) == OF_ALL
    assert not any(page.is_deleted for page in last), "those who have few lose none"
    assert not first[2].is_deleted, "somebody is there"
