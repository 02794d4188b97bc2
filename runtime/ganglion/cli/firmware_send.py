# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a version to a board, sealed by the gateway, and waits until it is kept there."""

import base64
import time
from typing import TYPE_CHECKING, Any

from ganglion.cli.board_call import board_call
from ganglion.cli.result import Result
from ganglion.cli.show import plain, progress
from ganglion.client.operations import fleet
from ganglion.errors import NotFoundError, UsageError
from ganglion.firmware.bundle import Bundle
from ganglion.firmware.delivery import Delivery
from ganglion.firmware.sending import Call, seen_in_time

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
        UsageError: the name is none of a board.
        NotFoundError: there is no such node or leaf, its agent does not say what it has, or takes no updates.
        GanglionError: the board does not take it, or has gone back to its version before.
        InvalidError: the gateway's clock is ahead of this one.
        UnreachableError: it does not answer, or has not come back in time.
    """
    parent, slash, leaf = name.partition("/")
    if slash and not (parent and leaf):
        raise UsageError(f"{name}: write PARENT/LEAF, as in barn/garden")
    way = board_call(gateway, name)
    if way is None:
        raise UsageError(f"{name} is no board with the agent: write PARENT/LEAF for a leaf, as in barn/garden")

    def ask(call: Call) -> dict[str, Any]:
        return way(call.method, dict(call.params))

    delivery = Delivery(plain(name), ask, patience=wait, tell=_tell)

    def has(names: "Sequence[str]") -> list[str]:
        try:
            there = delivery.answer(Call("update.has", {"names": list(names)}, 0)).get("has")
        except NotFoundError as error:
            if "no method update.has" not in str(error):
                raise
            if "update.begin" not in str(error):
                raise _without_slots(plain(name)) from None
            raise NotFoundError(
                f"{plain(name)} does not say which modules it has: give its agent.json with --config"
            ) from None
        found = [each for each in names if isinstance(there, list) and each in there]
        _tell(
            {"text": f"{name} has {', '.join(found) or 'nothing'} of what only some boards have: so has this version"}
        )
        return found

    bundle = make(has)
    if bundle.is_full is bool(leaf):
        made, is_one = ("a full member", "a leaf") if bundle.is_full else ("a leaf", "a full member")
        raise UsageError(f"this firmware is of {made}, and {name} is {is_one}: name its agent.json with --config")
    seal = base64.b64decode(gateway.ask(fleet.post_firmware_seal(sha256=bundle.sha256))["seal"])
    seen_in_time(seal, time.time())
    try:
        sent = delivery.deliver(bundle, seal)
    except NotFoundError as error:
        if "no method update." not in str(error):
            raise
        raise _without_slots(plain(name)) from None
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


def _without_slots(name: str) -> NotFoundError:
    return NotFoundError(
        f"{name} takes no updates: its agent lies at the top of its flash, without slots; bring the version by cable, "
        "which gives it slots: ganglion flash BOARD --port PORT --config agent.json"
    )


def _tell(said: "Mapping[str, Any]") -> None:
    progress({"text": plain(said["text"])})
