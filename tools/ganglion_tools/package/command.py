# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a package of a node for another machine, in a clone of the repository."""

import argparse
import hashlib
from pathlib import Path
from typing import Any

from ganglion.cli.result import Result
from ganglion.cli.show import progress
from ganglion.errors import UsageError
from ganglion_tools.package.building import build
from ganglion_tools.package.signing import signer
from ganglion_tools.package.target import KINDS

#: How what was built is installed.
_INSTALL = {
    "deb": "apt install ./{name}",
    "ipk": "opkg install {name}",
    "apk": "apk add --allow-untrusted {name}",
    "tar": "tar -xf {name}",
    "wheel": "",
}


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion package deb|ipk|apk|tar|wheel --arch ARCH`."""
    parser.add_argument(
        "kind", choices=KINDS, help="deb for Debian, ipk and apk for OpenWrt, tar for others, wheel for a release"
    )
    parser.add_argument(
        "--arch", required=True, help="as that kind calls it: arm64, mipsel_24kc, x86_64; `ganglion boards show` has it"
    )
    parser.add_argument("--output", type=Path, default=Path(), metavar="DIR", help="where to; default: here")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="sign an apk by this RSA key, in PEM")


def run(args: argparse.Namespace) -> Result:
    """Builds it.

    Raises:
        UsageError: `--sign` is not for this kind.
        InvalidError: its key cannot be used.
    """
    if args.sign is not None and args.kind != "apk":
        raise UsageError(f"--sign is for an apk: nothing that installs a {args.kind} looks for a signature in it")
    sign, public = signer(args.sign) if args.sign is not None else (None, "")
    path = build(args.kind, args.arch, args.output, sign, lambda text: progress({"text": text}))
    content = path.read_bytes()
    install = _INSTALL[args.kind].format(name=path.name)
    if public:
        install = f"apk add {path.name}, once {public} is in /etc/apk/keys"
    data: dict[str, Any] = {
        "file": str(path),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "install": install,
    }
    then = f"there, as root: {install}" if install else f"ganglion release create --name NAME --agent {path}"
    return Result(data=data, text=lambda: f"{path}: {len(content) / 1024:.0f} KiB\n{then}")
