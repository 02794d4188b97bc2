# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what is installed, what is missing, and what to do about it."""

import argparse
import platform
import sys
from typing import Any

from ganglion import __version__
from ganglion.bus import BACKEND, WHY_NOT
from ganglion.cli.extras import MODULES, is_installed, is_there
from ganglion.cli.result import Result, table

#: What every device needs.
BASE = ("aiomqtt", "cbor2", "nacl", "paho", "yaml")


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion doctor` has no options of its own."""


def run(args: argparse.Namespace) -> Result:
    """Looks; exit 1 where a part that every device needs is missing."""
    problems = []
    missing = [name for name in BASE if not is_there(name)]
    if missing:
        problems.append({"what": f"missing: {', '.join(missing)}", "remedy": "pip install --force-reinstall ganglion"})
    if BACKEND != "native":
        problems.append(
            {
                "what": f"the bus runs in Python: {WHY_NOT}",
                "remedy": "reinstall on x86_64 or aarch64 Linux without GANGLION_PURE and GANGLION_BACKEND; "
                "elsewhere nothing is wrong but the speed",
            }
        )
    extras = {extra: is_installed(extra) for extra in MODULES}
    data: dict[str, Any] = {
        "version": __version__,
        "backend": BACKEND,
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "extras": extras,
        "problems": problems,
    }
    return Result(data=data, text=lambda: _text(data), exit_code=1 if missing else 0)


def _text(data: dict[str, Any]) -> str:
    head = f"ganglion {data['version']}, {data['backend']} bus, Python {data['python']}, {data['platform']}"
    rows = [
        (extra, "yes" if there else f"no: pip install 'ganglion[{extra}]'") for extra, there in data["extras"].items()
    ]
    lines = [f"{problem['what']}\n  {problem['remedy']}" for problem in data["problems"]] or ["nothing is wrong"]
    return "\n".join([head, "", table(["extra", "installed"], rows), "", *lines])
