# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a version to a leaf by way of its parent, sealed by the gateway, and waits until it is kept there."""

import base64
from typing import TYPE_CHECKING, Any

from ganglion.cli.result import Result
from ganglion.cli.show import plain, progress
from ganglion.errors import NotFoundError, UsageError
from ganglion.firmware.bundle import Bundle
from ganglion.firmware.delivery import Delivery
from ganglion.firmware.sending import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ganglion.cli.gateway_client import GatewayClient

    Has = Callable[[Sequence[str]], list[str]]


def send(gateway: "GatewayClient", name: str, make: "Callable[[Has], Bundle]", wait: float) -> Result:
    """Sends a version. What was sent before a break, of this command or of the board, is not sent again.

    Args:
        make: Makes the version; it can ask which of some modules and drivers the board has now.
        wait: Seconds that the board may be silent, and has to come back with the version.

    Raises:
        UsageError: the name is none of a leaf.
        NotFoundError: there is no such node or leaf, or its agent does not say what it has.
        GanglionError: the board does not take it, or has gone back to its version before.
        UnreachableError: it does not answer, or has not come back in time.
    """
    parent, _, leaf = name.partition("/")
    if not parent or not leaf:
        raise UsageError(f"{name}: write PARENT/LEAF, as in barn/garden")

    def ask(call: Call) -> dict[str, Any]:
        asked = {"leaf": leaf, "method": call.method, "params": call.params}
        answer: dict[str, Any] = gateway.command(parent, "leaf.call", asked)["result"]
        return answer

    delivery = Delivery(plain(name), ask, patience=wait, tell=_tell)

    def has(names: "Sequence[str]") -> list[str]:
        try:
            there = delivery.answer(Call("update.has", {"names": list(names)}, 0)).get("has")
        except NotFoundError as error:
            if "update.has" not in str(error):
                raise
            raise NotFoundError(
                f"{plain(name)} does not say which modules it has: give its agent.json with --config"
            ) from None
        found = [each for each in names if isinstance(there, list) and each in there]
        _tell(
            {"text": f"{name} has {', '.join(found) or 'nothing'} of what only some boards have: so has this version"}
        )
        return found

    bundle = make(has)
    seal = base64.b64decode(gateway.post("/api/v1/firmware/seal", {"sha256": bundle.sha256})["seal"])
    sent = delivery.deliver(bundle, seal)
    data = {
        "node": name,
        "version": bundle.version,
        "sha256": bundle.sha256,
        "sent": sent.bytes,
        "was": sent.was,
        "waits": sent.waits,
    }
    words = "runs already on" if sent.was == "running" else "runs on"
    return Result(data=data, text=lambda: f"{bundle.version} {words} {name}: {bundle.sha256[:12]}")


def _tell(said: "Mapping[str, Any]") -> None:
    progress({"text": plain(said["text"])})
