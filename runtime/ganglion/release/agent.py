# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of Ganglion that a release brings: one wheel for each kind of machine, as its manifest names them. Pure.

A wheel is handed out in pieces, each named by its SHA-256 as the files of a release are: one that was damaged is
fetched again alone. Version and tags are those of the file's name, which `wheel.read` has compared with what is in it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ganglion.errors import InvalidError
from ganglion.release.machine import CAPS, Machine, best
from ganglion.release.needs import Need
from ganglion.sentences import say

#: Wheels of one release, bytes of one, of what a node unpacks of it, and of a piece.
MAX_WHEELS = 16
MAX_WHEEL = 8 * 1024 * 1024
MAX_UNPACKED = 32 * 1024 * 1024
PIECE = 1024 * 1024
#: Bytes that a version takes, with its bytecode, for each byte of its wheel's files that a node unpacks.
_TIMES = 3
#: Requirements of one wheel.
MAX_NEEDS = 64

_TAG = r"[a-z0-9_]{1,64}(?:\.[a-z0-9_]{1,64}){0,7}"
_NAME = re.compile(rf"ganglion-(\d[A-Za-z0-9.+_]{{0,39}})(?:-\d[A-Za-z0-9_.]{{0,15}})?-({_TAG})-({_TAG})-({_TAG})\.whl")


def named(name: str) -> tuple[str, frozenset[str]]:
    """Version and tags of a wheel, by the name of its file.

    Raises:
        InvalidError: it is no name of a wheel of Ganglion.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise InvalidError(
            say("is no wheel of Ganglion: its file is called ganglion-VERSION-PYTHON-ABI-PLATFORM.whl"), where=name
        )
    version, *parts = match.groups()
    pythons, abis, platforms = (part.split(".") for part in parts)
    tags = frozenset(f"{p}-{a}-{m}" for p in pythons for a in abis for m in platforms)
    return version, tags


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Agent:
    """One wheel of a release.

    Attributes:
        name: Of its file.
        size: Bytes.
        sha256: Of the whole file, 32 bytes.
        pieces: SHA-256 of each piece, in order: all have `PIECE` bytes but the last.
        unpacked: Bytes of the files that a node unpacks.
        needs: What has to be installed beside it, as its `Requires-Dist` and `Requires-Python` say.
    """

    name: str
    size: int
    sha256: bytes
    pieces: tuple[bytes, ...]
    unpacked: int
    needs: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Of Ganglion."""
        return named(self.name)[0]

    @property
    def tags(self) -> frozenset[str]:
        """What it is for: `cp311-abi3-musllinux_1_2_aarch64`, `py3-none-any`."""
        return named(self.name)[1]

    @property
    def id(self) -> str:
        """Its SHA-256 in hexadecimal."""
        return self.sha256.hex()

    def sizes(self) -> list[int]:
        """Bytes of each piece."""
        return [min(PIECE, self.size - at) for at in range(0, self.size, PIECE)]

    @property
    def plain(self) -> list[Any]:
        """As a manifest has it."""
        return [self.name, self.size, self.sha256, list(self.pieces), self.unpacked, list(self.needs)]

    @property
    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "tags": sorted(self.tags),
            "size": self.size,
            "sha256": self.id,
            "unpacked": self.unpacked,
            "needs": list(self.needs),
        }


def checked(agents: tuple[Agent, ...]) -> tuple[Agent, ...]:
    """The same.

    Raises:
        InvalidError: they say what no release says.
    """
    if len(agents) > MAX_WHEELS:
        raise InvalidError(
            say("{count} wheels: a release has at most {most}", count=len(agents), most=MAX_WHEELS),
            where="agent",
        )
    names = [each.name for each in agents]
    if names != sorted(set(names)):
        raise InvalidError(say("each wheel once, in order of their names"), where="agent")
    taken: dict[str, str] = {}
    for each in agents:
        for tag in sorted(named(each.name)[1]):
            if (other := taken.setdefault(tag, each.name)) != each.name:
                raise InvalidError(
                    say("is for {tag}, and so is {other}: give one of them", tag=tag, other=other), where=each.name
                )
        if not 0 < each.size <= MAX_WHEEL or not 0 < each.unpacked <= MAX_UNPACKED:
            raise InvalidError(
                say(
                    "{size} bytes, {unpacked} unpacked: at most {most} may be, and {most_unpacked} unpacked",
                    size=each.size,
                    unpacked=each.unpacked,
                    most=MAX_WHEEL,
                    most_unpacked=MAX_UNPACKED,
                ),
                where=each.name,
            )
        if len(each.pieces) != len(each.sizes()) or any(len(one) != 32 for one in (each.sha256, *each.pieces)):
            raise InvalidError(say("its pieces are not those of its size"), where=each.name)
        if len(each.needs) > MAX_NEEDS:
            raise InvalidError(
                say("needs {count} others, and {most} is the limit", count=len(each.needs), most=MAX_NEEDS),
                where=each.name,
            )
        for need in each.needs:
            Need.read(need, where=each.name)
    return agents


def decoded(listed: Any) -> tuple[Agent, ...]:
    """Those of a manifest, as they came.

    Raises:
        InvalidError: they are none.
    """
    if type(listed) is not list:
        raise InvalidError(say("not a manifest: wheels are a list"))
    return checked(tuple(_read(each) for each in listed))


def _read(each: Any) -> Agent:
    types = [str, int, bytes, list, int, list]
    if type(each) is not list or [type(part) for part in each] != types:
        raise InvalidError(say("not a manifest: a wheel is its name, bytes, SHA-256, pieces, bytes unpacked and needs"))
    name, size, sha256, pieces, unpacked, needs = each
    if {type(one) for one in pieces} - {bytes} or {type(one) for one in needs} - {str}:
        raise InvalidError(say("not a manifest: pieces are SHA-256, and needs are text"))
    return Agent(name=name, size=size, sha256=sha256, pieces=tuple(pieces), unpacked=unpacked, needs=tuple(needs))


def fitting(agents: Iterable[Agent], machine: Machine) -> Agent | None:
    """The one for this machine: built for it rather than for any, the newest of those; None where there is none."""
    by_name = {each.name: each for each in agents}
    found = best({name: each.tags for name, each in by_name.items()}, machine)
    return None if found is None else by_name[found]


def room_for(agent: Agent) -> int:
    """Bytes that it takes on a disk while it is unpacked: the wheel in pieces and whole, and what comes of it."""
    return 2 * agent.size + _TIMES * agent.unpacked


#: Why no release brings another Ganglion to a node that does not say on what it runs.
TOO_OLD = say("its Ganglion is older than releases that bring another: install a newer one (docs/packages.md), once")


def misfit(agents: Iterable[Agent], machine: Machine) -> str:
    """Why none of them fits, with the remedy."""
    there = sorted({tag for each in agents for tag in each.tags})
    shown = ", ".join(there[:6]) + (", …" if len(there) > 6 else "")
    return say(
        "it brings no Ganglion for this node ({machine}), only for {shown}: build that wheel (docs/releases.md) and "
        "make the release with it too",
        machine=str(machine),
        shown=shown,
    )


def said(caps: Mapping[str, Any]) -> tuple[Machine | None, str, str]:
    """What a birth says: the machine, the version that is installed there, and the SHA-256 of the wheel that runs.

    The machine is None where the node does not say: its Ganglion is older than releases that bring one.
    """
    told = caps.get(CAPS)
    if not isinstance(told, dict):
        return None, "", ""
    base, wheel = told.get("base"), told.get("wheel")
    return Machine.read(told), base if isinstance(base, str) else "", wheel if isinstance(wheel, str) else ""
