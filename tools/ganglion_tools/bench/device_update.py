# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds until a board has an update by way of gateway and parent, and those over a way on which messages are lost."""

import os
import time

from ganglion.errors import GanglionError
from ganglion.firmware.bundle import Bundle
from ganglion.firmware.delivery import Delivery
from ganglion.firmware.sending import sending
from ganglion_tools.bench.device_farm import LEAF, NODE, Farm, call

#: Seconds without an answer after which there is no figure.
_PATIENCE = 120.0


def seconds(farm: Farm, size: int, loss: float) -> float:
    """From the first call until all of it is there and checked; then it is left, so that another may come.

    Args:
        size: Of the one file of the update, in bytes that no compression makes smaller.
        loss: The share of messages that is lost between leaf and parent, from 0 to 1.

    Raises:
        GanglionError: the board has not taken it.
    """
    bundle = Bundle(version=f"bench-{loss:g}", files={"ganglion_agent/agent.mpy": os.urandom(size)}, outside={})
    delivery = Delivery(
        f"{NODE}/{LEAF}",
        lambda asked: call(farm, asked.method, asked.params),
        patience=_PATIENCE,
        tell=lambda said: None,
    )
    sender = sending(bundle)
    asked = next(sender)
    farm.way.loss = loss
    began = time.perf_counter()
    try:
        while asked.method != "update.commit":
            asked = sender.send(delivery.answer(asked))
    except StopIteration as done:
        raise GanglionError(
            f"bench: the board was {done.value} before it had the update, so it has no figure"
        ) from None
    finally:
        farm.way.loss = 0.0
    return time.perf_counter() - began
