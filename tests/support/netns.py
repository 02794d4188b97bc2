# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of its own for programs under test: a Linux network namespace with nothing in it but loopback."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def namespace(*addresses: str) -> Iterator[list[str]]:
    """A namespace whose loopback also has these addresses; the words that start a command in it.

    Root makes one as it is; anybody else as the root of a user namespace of their own.
    """
    set_up = ["ip link set lo up", *(f"ip address add {address} dev lo" for address in addresses), "echo up"]
    own_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    holder = subprocess.Popen(
        ["unshare", *own_user, "--net", "sh", "-ec", "; ".join([*set_up, "exec sleep infinity"])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline() != "up\n":
            raise RuntimeError(f"no network namespace: {holder.stderr.read()}")
        as_user = ["--user", "--preserve-credentials"] if own_user else []
        yield ["nsenter", "--target", str(holder.pid), *as_user, "--net"]
    finally:
        holder.kill()
        holder.communicate()
