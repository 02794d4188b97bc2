# SPDX-License-Identifier: GPL-3.0-or-later
"""Records what a real babeld says of a cable, of a radio that loses frames, and of a tunnel that is slow."""

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from ganglion.units import MILLISECOND
from support.babeld import babeld
from support.network import Network, network

HERE = Path(__file__).parent
DUMP = """
import socket, sys
with socket.create_connection(("::1", 33123)) as babeld:
    lines = babeld.makefile("rb")
    for request in (b"", b"dump\\n"):
        babeld.sendall(request)
        while (line := lines.readline()) not in (b"ok\\n", b"no\\n", b"bad\\n", b""):
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.write(line)
"""


def _record(net: Network, name: str) -> None:
    said = subprocess.run([*net.command("b"), sys.executable, "-c", DUMP], stdout=subprocess.PIPE, check=True)
    (HERE / name).write_bytes(said.stdout)


def main() -> None:
    """Records three times: when all is young, when it has settled, and when the tunnel is dead."""
    with ExitStack() as ends:
        net = ends.enter_context(network({"eth0": ["a", "b"], "wlan0": ["b", "c"], "tun0": ["b", "d"]}, seed=5))
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        net.impair("wlan0", loss=0.3)
        net.impair("tun0", delay=(30 * MILLISECOND, 30 * MILLISECOND))
        for node, devices in {
            "a": {"eth0": "wired"},
            "b": {"eth0": "wired", "wlan0": "wireless", "tun0": "tunnel"},
            "c": {"wlan0": "wireless"},
            "d": {"tun0": "tunnel"},
        }.items():
            ends.enter_context(babeld(net, node, folder, **devices))
        time.sleep(1.5)
        _record(net, "babeld-1.12.1-young.txt")
        time.sleep(10)
        _record(net, "babeld-1.12.1-settled.txt")
        net.silence("tun0")
        time.sleep(1)
        _record(net, "babeld-1.12.1-tunnel-dead.txt")


if __name__ == "__main__":
    main()
