# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts that a node runs, each a way into the editor."""

from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from ganglion.client.operations import fleet
from ganglion.errors import GanglionError, NotFoundError
from ganglion_gateway.dashboard.asking import LoggedOutError
from ganglion_gateway.dashboard.parts import Cell, Row, Table, card
from ganglion_gateway.dashboard.scripts.device import BOARD
from ganglion_gateway.dashboard.visit import Visit

#: Seconds that a node has to answer, and between two questions.
_PATIENCE, _AGAIN = 5.0, 10.0
#: Letters of a script's hash that are shown.
_SHORT = 8


class Scripts:
    """The card; not there for a node that has no scripts at all."""

    def __init__(self, visit: Visit, node: str) -> None:
        self._visit, self._id, say = visit, node, visit.say
        self._card = card(say("Scripts"))
        with self._card:
            self._table = Table((say("Script"), say("Version")), empty=say("It runs no script."), label=say("Scripts"))
            self._away = ui.label("").classes("g-faint").props('role="status"')
            self._away.set_visibility(False)
            if visit.may("operate"):
                ui.link(say("Write one…"), f"/scripts?{urlencode({'node': node})}").classes("g-link")
        self._card.set_visibility(False)
        ui.timer(_AGAIN, self._follow, immediate=False)

    async def look(self) -> None:
        """Asks the node what it runs."""
        try:
            call = fleet.get_nodes_node_calls_method(self._id, "scripts.list", timeout=_PATIENCE)
            answer: Any = (await self._visit.ask(call.within(_PATIENCE)))["result"]
            rows = [self._row(str(each["name"]), str(each["hash"])) for each in answer["scripts"]]
        except LoggedOutError:
            self._visit.log_in()
            return
        except NotFoundError:
            self._card.set_visibility(False)  # its software has none
            return
        except (GanglionError, KeyError, TypeError) as error:
            self._away.set_text(str(error))
        else:
            self._away.set_text("")
            self._table.update(rows)
        self._away.set_visibility(bool(self._away.text))
        self._card.set_visibility(True)

    def _row(self, name: str, hash: str) -> Row:
        # What a board runs is a plan, which has no text
        link = "" if self._is_board else f"/scripts?{urlencode({'node': self._id, 'script': name})}"
        return Row(name, (Cell(name, link=link), Cell(hash[:_SHORT], hint=hash)))

    @property
    def _is_board(self) -> bool:
        known = self._visit.services.fleet
        node = known.nodes.get(known.now(self._id))
        return node is not None and node.sw.startswith(BOARD)

    async def _follow(self) -> None:
        known = self._visit.services.fleet
        node = known.nodes.get(known.now(self._id))
        if node is not None and node.online:
            await self.look()
