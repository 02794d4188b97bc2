# SPDX-License-Identifier: GPL-3.0-or-later
"""A real babeld in a node of a test's network."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganglion.mesh.quality.quality import BABELD
from support.network import Network


@contextmanager
def babeld(net: Network, node: str, folder: Path, **types: str) -> Iterator[None]:
    """Runs it on a node's devices; each is `wired`, `wireless` or a `tunnel`. It touches no routes of the kernel."""
    configuration = folder / f"{node}.conf"
    configuration.write_text(
        "redistribute local deny\nskip-kernel-setup true\n"
        + "".join(
            f"interface {device} type {kind} hello-interval 0.2 update-interval 0.8\n" for device, kind in types.items()
        )
    )
    files = ["-S", str(folder / f"{node}.state"), "-I", str(folder / f"{node}.pid"), "-c", str(configuration)]
    process = subprocess.Popen(
        [*net.command(node), "babeld", "-g", str(BABELD), *files, *types],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()
