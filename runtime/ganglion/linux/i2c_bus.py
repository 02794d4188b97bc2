# SPDX-License-Identifier: GPL-3.0-or-later
"""Which I2C adapters are on the same wires, whatever paths they are named by. It looks at links, and opens nothing."""

import os
import re
from pathlib import Path


def joined(one: str, other: str, *, sys: Path = Path("/sys")) -> bool:
    """Whether a chip on the one bus is heard on the other: the two are one adapter, or a multiplexer joins them.

    A multiplexer's adapters are below the one that it is on (kernel: Documentation/i2c/i2c-topology.rst). What is sent
    to them goes over that one's wires too; and a channel that is still open hears what that one sends.

    Args:
        one, other: As `/dev/i2c-1`, or a link to it.
        sys: The kernel's folder of devices.
    """
    ones, others = os.path.realpath(one), os.path.realpath(other)
    return ones == others or ones in _above(others, sys) or others in _above(ones, sys)


def _above(adapter: str, sys: Path) -> set[str]:
    folders = (sys / "bus/i2c/devices" / os.path.basename(adapter)).resolve().parts
    return {f"/dev/{folder}" for folder in folders if re.fullmatch(r"i2c-\d+", folder)}
