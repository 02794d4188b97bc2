# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of `ganglion flash` for a machine that is reached by SSH; what follows them is `flash_host`."""

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options that only a machine with Linux has, and the time to wait, which boards have too."""
    parser.add_argument("--host", metavar="[USER@]HOST[:PORT]", help="a Linux machine, reached by SSH")
    parser.add_argument(
        "--package", type=Path, metavar="FILE", help="install this there; default: what `ganglion package` builds"
    )
    parser.add_argument("--broker", metavar="URL", help="where its node finds its mesh; or GANGLION_BROKER")
    parser.add_argument(
        "--enrol-key", metavar="FILE", help="holds the key of `ganglion enrol-key create`; default: --gateway makes one"
    )
    parser.add_argument("--identity", action="append", type=Path, metavar="FILE", help="a private key to log in with")
    parser.add_argument(
        "--host-key", metavar="SHA256:…", help="fingerprint of the machine's key, where it is not known"
    )
    parser.add_argument(
        "--wait", metavar="TIME", help="for it to come to the mesh, 2m unless given; for a board's drive and port, 1m"
    )
