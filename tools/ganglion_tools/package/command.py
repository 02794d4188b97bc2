# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a package of a node for another machine, in a clone of the repository."""

import argparse
import hashlib
from pathlib import Path
from typing import Any

from ganglion.board.words import PACKAGES
from ganglion.cli.result import Result
from ganglion_tools.package.building import build

#: How what was built is installed.
_INSTALL = {
    "deb": "apt install ./{name}",
    "ipk": "opkg install {name}",
    "apk": "apk add --allow-untrusted {name}",
    "tar": "tar -xf {name}",
}


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion package deb|ipk|apk|tar --arch ARCH`."""
    parser.add_argument("kind", choices=PACKAGES, help="deb for Debian, ipk and apk for OpenWrt, tar for others")
    parser.add_argument(
        "--arch", required=True, help="as that kind calls it: arm64, mipsel_24kc, x86_64; `ganglion boards show` has it"
    )
    parser.add_argument("--output", type=Path, default=Path(), metavar="DIR", help="where to; default: here")


def run(args: argparse.Namespace) -> Result:
    """Builds it."""
    path = build(args.kind, args.arch, args.output)
    content = path.read_bytes()
    install = _INSTALL[args.kind].format(name=path.name)
    data: dict[str, Any] = {
        "file": str(path),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "install": install,
    }
    return Result(data=data, text=lambda: f"{path}: {len(content) / 1024:.0f} KiB\nthere, as root: {install}")
