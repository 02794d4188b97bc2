# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags by which a command finds the gateway; what follows them is `gateway_client`, which weighs more."""

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """The flags by which a command finds the gateway."""
    parser.add_argument("--gateway", metavar="URL", help="default: GANGLION_GATEWAY, else what `ganglion up` runs")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="default: GANGLION_TOKEN, else that of `up`")
