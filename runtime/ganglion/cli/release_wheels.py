# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels of Ganglion for `ganglion release create`: found, and sent to the gateway."""

import hashlib
from pathlib import Path

from ganglion.cli.gateway_client import GatewayClient
from ganglion.client.operations import releases
from ganglion.errors import NotFoundError, UsageError
from ganglion.release.agent import PIECE


def found(given: list[Path], files: dict[str, bytes]) -> list[tuple[str, bytes]]:
    """Wheels, by their names: those that were given, and those of `agent/` in a folder, which are taken out of it."""
    inside = [path for path in files if path.startswith("agent/") and path.endswith(".whl")]
    wheels = [(path.rpartition("/")[2], files.pop(path)) for path in inside]
    for path in given:
        if not path.is_file():
            raise NotFoundError(f"{path} does not exist, or is no file")
        wheels.append((path.name, path.read_bytes()))
    names = [name for name, _ in wheels]
    if twice := {name for name in names if names.count(name) > 1}:
        raise UsageError(f"{min(twice)} was given twice")
    return sorted(wheels)


def sent(client: GatewayClient, data: bytes) -> list[str]:
    """SHA-256 of the pieces of a wheel, which the gateway has then; one that it had already costs no second copy."""
    pieces = []
    for at in range(0, len(data), PIECE):
        piece = data[at : at + PIECE]
        pieces.append(hashlib.sha256(piece).hexdigest())
        client.ask(releases.put_releases_files_digest(pieces[-1], piece))
    return pieces
