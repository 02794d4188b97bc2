# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line and the environment say of a node, over its file or where there is none."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ganglion.config.mesh import MeshSection
from ganglion.config.tree import Config
from ganglion.errors import InvalidError, UsageError
from ganglion.mqtt.url import BrokerUrl, addresses


def override(config: Config, *, brokers: Sequence[str], enrol_key_file: Path | None) -> Config:
    """The same configuration with what the command line says in its place; files in URLs are in the working folder.

    Raises:
        InvalidError: a broker is no URL.
    """
    if brokers:
        config = replace(config, brokers=addresses(brokers))
    if enrol_key_file is not None:
        mesh = config.mesh or MeshSection()
        config = replace(config, mesh=replace(mesh, enrol_key=None, enrol_key_file=str(enrol_key_file.absolute())))
    return config


def brokers(flags: Sequence[str] | None, default: str = "") -> tuple[str, ...]:
    """The addresses of the broker that `--broker` names, each time it is given; else those in GANGLION_BROKER.

    There they are separated by spaces.

    Args:
        default: Where neither says anything; "" for none.

    Raises:
        UsageError: one on the command line is no URL, or has a password in it, which everybody on the machine could
            read.
    """
    for flag in flags or ():
        try:
            url = BrokerUrl.parse(flag)
        except InvalidError as error:
            raise UsageError(f"--broker: {error}") from None
        if url.password is not None:
            raise UsageError(
                f"--broker {url} has a password, which the list of processes shows to everybody: "
                "write user:password into a file and name it with ?account=FILE, or put the URL into GANGLION_BROKER"
            )
    return tuple(flags or os.environ.get("GANGLION_BROKER", default).split())


def state_folder() -> Path:
    """Where Ganglion keeps state: `$XDG_STATE_HOME/ganglion` or `~/.local/state/ganglion` (XDG Base Directory 0.8)."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "ganglion"
