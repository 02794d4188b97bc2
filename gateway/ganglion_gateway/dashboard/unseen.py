# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that were asked for and that no browser has come back for yet: whoever asks for many keeps but a few."""

from collections import deque

from nicegui import Client

#: Pages of one who asks, and of all together. Each is half a megabyte, and NiceGUI keeps it for a minute.
MOST = 16
OF_ALL = 64


class Unseen:
    """Those of everybody."""

    def __init__(self) -> None:
        self._of: dict[str, deque[Client]] = {}

    def add(self, who: str, client: Client) -> None:
        """A page is built; the oldest of who has the most goes where there are more than `OF_ALL`, or his than `MOST`.

        Args:
            who: The key of the principal.
        """

        def known() -> None:
            mine = self._of.get(who)
            if mine is not None and client in mine:
                mine.remove(client)
                if not mine:
                    del self._of[who]

        if client.has_socket_connection or client.is_deleted:
            return
        client.on_connect(known)
        client.on_delete(known)
        mine = self._of.setdefault(who, deque())
        mine.append(client)
        if len(mine) > MOST or sum(map(len, self._of.values())) > OF_ALL:
            max(self._of.values(), key=len)[0].delete()
