# SPDX-License-Identifier: GPL-3.0-or-later
"""A session at the console of a node or a leaf, by way of the gateway: asked for what came, and given lines."""

from typing import Any

from ganglion.cli.gateway_client import GatewayClient
from ganglion.cli.show import progress
from ganglion.client.operations import auth
from ganglion.console.session import WAIT, Asked, Came, Session
from ganglion.errors import NotFoundError, RefusedError


class Link:
    """One session; a thread may read while another one writes.

    Args:
        gateway: By which way.
        target: A node's name or id, or `PARENT/LEAF`.
        columns, rows: Of the window.

    Attributes:
        session: Whose it is and who writes.
    """

    def __init__(self, gateway: GatewayClient, target: str, *, columns: int = 80, rows: int = 24) -> None:
        self._gateway = gateway
        self._target = target
        self.session = Session(target, columns=columns, rows=rows)

    def open(self, *, take: bool = False, watch: bool = False) -> None:
        """Begins the session; one that the node still has goes on where it was.

        Args:
            take: Write where somebody else does.
            watch: Do not write, though nobody else does.

        Raises:
            NotFoundError: there is no such node, or it has no console.
            RefusedError: the policy is against it, or too many are there.
            UnreachableError: the node does not answer.
        """
        try:
            self.session.opened(self._ask(self.session.opening(take=take, watch=watch)))
        except RefusedError:
            check_scope(self._gateway)
            raise
        except NotFoundError as error:
            if "no method console.open" not in str(error).replace("'", ""):
                raise
            raise NotFoundError(
                f"{self._target} has no console, as boards that are members have none: `ganglion call {self._target} "
                "log lines=10` shows its log"
            ) from None

    def read(self, wait: float = WAIT) -> Came:
        """What came since the last time, or comes within so many seconds.

        Raises:
            NotFoundError: the session is over; the message says why.
            UnreachableError: the node does not answer.
        """
        return self.session.read(self._ask(self.session.reading(wait)))

    def line(self, line: str) -> tuple[str, Any]:
        """Has a line carried out: what of it may be kept, and what came of it.

        Raises:
            RefusedError: somebody else writes, or the policy is against it.
            GanglionError: what the node says.
        """
        method, params, seconds = self.session.entering(line)
        said = self._gateway.command(self.session.node, method, params, timeout=seconds, on_progress=progress)
        return self.session.entered(said["result"])

    def type(self, data: str) -> None:
        """Types into the shell. Raises: as `line`."""
        for each in self.session.typing(data):
            self._ask(each)

    def resize(self, columns: int, rows: int) -> None:
        """The window has this size now. Raises: as `line`."""
        self._ask(self.session.resizing(columns, rows))

    def close(self) -> None:
        """Ends it; one that nobody can tell of it ends on the node by itself."""
        self._ask(self.session.closing())

    def _ask(self, asked: Asked) -> Any:
        return self._gateway.command(self.session.node, asked.method, asked.params, timeout=asked.seconds)["result"]


def check_scope(gateway: GatewayClient) -> None:
    """Says at once all that a console asks for: the gateway first looks whether anything may be asked of a node.

    Raises:
        RefusedError: who asks lacks it.
    """
    me = gateway.ask(auth.get_auth_me())
    if "debug" not in me["scopes"]:
        raise RefusedError(f"{me['name']} opens no console: that asks for the scope 'debug', of the role debug")
