# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a version to a leaf by way of its parent, and waits until it runs there or the leaf has gone back."""

import time
from typing import TYPE_CHECKING, Any

from ganglion.cli.result import Result
from ganglion.cli.show import plain, progress
from ganglion.errors import GanglionError, UnreachableError, UsageError
from ganglion.firmware.bundle import Bundle
from ganglion.firmware.sending import Call, sending

if TYPE_CHECKING:
    from ganglion.cli.gateway_client import GatewayClient

#: Seconds between two looks at a board that restarts.
_LOOK = 2.0
#: Bytes between two lines that say how far it is.
_SAID = 8192


class _Leaf:
    """The leaf `PARENT/LEAF`."""

    def __init__(self, gateway: "GatewayClient", name: str) -> None:
        self.name = name
        self._gateway = gateway
        self._parent, _, self._leaf = name.partition("/")
        if not self._parent or not self._leaf:
            raise UsageError(f"{name}: write PARENT/LEAF, as in barn/garden")

    def call(self, call: Call) -> dict[str, Any]:
        asked = {"leaf": self._leaf, "method": call.method, "params": call.params}
        answer: dict[str, Any] = self._gateway.command(self._parent, "leaf.call", asked)["result"]
        return answer


def send(gateway: "GatewayClient", name: str, bundle: Bundle, wait: float) -> Result:
    """Sends a version. What was sent before a break, of this command or of the board, is not sent again.

    Args:
        wait: Seconds that the board has to come back with the version, at most.

    Raises:
        GanglionError: the board does not take it, or has gone back to its version before.
        UnreachableError: it has not come back in time.
    """
    leaf = _Leaf(gateway, name)
    sender = sending(bundle)
    call = next(sender)
    told = 0
    while True:
        said = leaf.call(call)
        try:
            call = sender.send(said)
        except StopIteration as done:
            state = done.value
            break
        if call.sent >= told + _SAID:
            told = call.sent
            progress({"text": f"{told // 1024} KiB sent; {plain(said.get('file') or 'the manifest')}"})
    if state == "committed":
        progress({"text": f"{call.sent} bytes are there; {plain(name)} restarts"})
        _returned(leaf, bundle, wait)
    data = {"node": name, "version": bundle.version, "sha256": bundle.sha256, "sent": call.sent, "was": state}
    words = "runs already on" if state == "running" else "runs on"
    return Result(data=data, text=lambda: f"{bundle.version} {words} {name}: {bundle.sha256[:12]}")


def _returned(leaf: _Leaf, bundle: Bundle, wait: float) -> None:
    """Waits until the version runs there, and its parent knows it: so the board has kept it."""
    begin = next(sending(bundle))
    until = time.monotonic() + wait
    while time.monotonic() < until:
        time.sleep(_LOOK)
        try:
            state = leaf.call(begin).get("state")
        except UnreachableError:
            continue  # it restarts
        if state == "running":
            return
        if state != "committed":
            raise GanglionError(f"{leaf.name} has gone back to its version before: its method `crash` says why")
    raise UnreachableError(f"{leaf.name} has not come back: it goes back to its version before by itself, look later")
