# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests fetch from Debian and unpack into `.cache`, brought beforehand: `python -m support.fetched` (tools/dev).

It needs Python alone, and runs before anything of PyPI is installed.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ganglion_tools.micropython import interpreter, source
from support.bluez_packages import bluez
from support.debian import tree
from support.machine import kernel

_CACHE = Path(__file__).parents[2] / ".cache"


def main() -> None:
    """Brings what can be brought; of the rest, the test that needs it says why not."""
    parts: list[Callable[[], object]] = [
        lambda: interpreter(_CACHE / "micropython"),
        lambda: source(_CACHE / "micropython-source"),
        bluez,
        kernel,
    ]
    if os.geteuid() == 0:
        parts.append(tree)
    for bring in parts:
        with suppress(Exception):
            bring()


if __name__ == "__main__":
    main()
