# SPDX-License-Identifier: GPL-3.0-or-later
"""The enrol key that a command brings somewhere: out of a file, or made for it by the gateway."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ganglion.errors import InvalidError, NotFoundError, UsageError, unread
from ganglion.mesh.enrol import EnrolKey

if TYPE_CHECKING:
    from ganglion.cli.gateway_client import GatewayClient


def made(gateway: "GatewayClient", where: str) -> str:
    """An enrol key for one node, now."""
    from ganglion.client.operations import enrolment

    return gateway.ask(enrolment.post_enrol_keys(uses=1, ttl="15m", name=f"flash {where}"))["key"]


def read(file: str) -> str:
    """The enrol key in a file.

    Raises:
        UsageError: it is the key itself.
        NotFoundError: there is no such file.
        InvalidError: there is no key in it.
    """
    if file.startswith("gk1_"):
        raise UsageError(
            "--enrol-key takes a file that holds the key: on the command line everybody on this machine could read it"
        )
    try:
        text = sys.stdin.readline() if file == "-" else Path(file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"{file} does not exist: write the key of `ganglion enrol-key create` there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(unread(error), where=file) from None
    try:
        EnrolKey.parse(text)
    except InvalidError as error:
        raise InvalidError(str(error), where=file) from None
    return text.strip()
