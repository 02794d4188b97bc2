# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks for programs under test: nodes are network namespaces, joined by cables and LANs that can be made bad.

with network({"ab": ["a", "b"], "lan": ["b", "c", "d"]}) as net:
    subprocess.run([*net.command("a"), "python", "-m", "program", net.address("b", "ab")])
    net.impair("lan", loss=0.2, delay=(0, 30 * MILLISECOND), repeat=0.01)
    net.cut("ab")
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from support import switch


class Network:
    """Nodes and media that are up. A medium of two nodes is a cable; one of more is a LAN.

    In each of its nodes a medium is a device of the same name, with an IPv6 link-local address that can be used at
    once (no duplicate address detection), and, where the network was made so, an IPv4 one.
    """

    def __init__(self, process: "subprocess.Popen[str]", media: Mapping[str, Sequence[str]], *, own_user: bool) -> None:
        self._process = process
        self._media = media
        self._enter = [f"--user=/proc/{process.pid}/ns/user", "--preserve-credentials"] if own_user else []
        self._namespaces: dict[str, int] = {}

    def begin(self, *, ipv4: bool, seed: int) -> None:
        """Sets everything up.

        Raises:
            RuntimeError: it cannot be done here, and why.
        """
        self._namespaces = self._ask(media=self._media, ipv4=ipv4, seed=seed)

    def _ask(self, **order: Any) -> dict[str, int]:
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        with suppress(BrokenPipeError):
            stdin.write(json.dumps(order) + "\n")
            stdin.flush()
        if not (line := stdout.readline()):
            raise RuntimeError(f"the network ended: {stderr.read()}")
        answer: dict[str, int] = json.loads(line)
        return answer

    def command(self, node: str) -> list[str]:
        """The words that start a command in a node. The command's process is the one that was started, so that it can
        be killed and its standard input written to; whatever still runs is killed with the network."""
        return ["nsenter", *self._enter, f"--net=/proc/{self._process.pid}/fd/{self._namespaces[node]}", "--"]

    def address(self, node: str, medium: str, *, scope: bool = True) -> str:
        """A node's IPv6 link-local address, with the device that other nodes of the medium reach it through."""
        index, station = list(self._media).index(medium) + 1, self._media[medium].index(node) + 1
        return f"fe80::ff:fe00:{index << 8 | station:x}" + (f"%{medium}" if scope else "")

    def ipv4(self, node: str, medium: str) -> str:
        """A node's IPv4 address on a medium, of a network that has them."""
        return f"10.0.{list(self._media).index(medium) + 1}.{self._media[medium].index(node) + 1}"

    def impair(
        self,
        medium: str,
        node: str | None = None,
        *,
        loss: float = 0.0,
        delay: tuple[int, int] = (0, 0),
        repeat: float = 0.0,
    ) -> None:
        """What becomes from now on of what a node sends into a medium, or of what all of it do. No words: all is well.

        Args:
            loss: Share of receptions that are lost; 1.0 is a cable that is dead and does not say so.
            delay: Shortest and longest, in nanoseconds; frames overtake one another within it.
            repeat: Share of receptions that come twice.
        """
        self._known(medium, node)
        self._ask(medium=medium, node=node, loss=loss, delay=delay, repeat=repeat)

    def silence(self, medium: str, node: str | None = None) -> None:
        """Loses everything, and the devices are not told. `impair(medium)` ends it."""
        self.impair(medium, node, loss=1.0)

    def cut(self, medium: str) -> None:
        """Takes the carrier from all its devices, as a cable that is pulled out does."""
        self._known(medium)
        self._ask(medium=medium, carrier=False)

    def mend(self, medium: str) -> None:
        """Gives the carrier back. The kernel sends again a moment later, and then also the last few datagrams of those
        that it was given meanwhile, for whose address it was asking in vain: so do real cables."""
        self._known(medium)
        self._ask(medium=medium, carrier=True)

    def _known(self, medium: str, node: str | None = None) -> None:
        if node not in (None, *self._media[medium]):
            raise KeyError(node)


@contextmanager
def network(media: Mapping[str, Sequence[str]], *, ipv4: bool = False, seed: int = 0) -> Iterator[Network]:
    """A network that is up, and is gone afterwards, or when this process is.

    Root makes it as it is; anybody else as the root of a user namespace of their own.

    Args:
        media: Names of nodes by name of medium, which is at most 15 characters long.
        ipv4: Whether devices have IPv4 addresses too.
        seed: Of what is lost, late and repeated.
    """
    own_user = os.geteuid() != 0
    enter = ["unshare", "--user", "--map-root-user"] if own_user else []
    process = subprocess.Popen(
        [*enter, sys.executable, "-IS", switch.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        net = Network(process, {name: list(nodes) for name, nodes in media.items()}, own_user=own_user)
        net.begin(ipv4=ipv4, seed=seed)
        yield net
    finally:
        process.communicate()
