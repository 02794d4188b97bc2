# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of machine a node runs on, and which wheels are for it: tags as PEP 425, 600 and 656 have them.

OpenWrt's mipsel is in none of these: its kernel calls it mips, and the wheels for it are `musllinux_1_2_mipsel`.
"""

import os
import platform
import re
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: Key of a birth's `caps` under which a node says what it runs, and on what.
CAPS = "agent"
#: What a 32-bit Python sees of a 64-bit kernel, and what others call alike.
_NARROW = {"aarch64": "armv7l", "armv8l": "armv7l", "x86_64": "i686", "mips64": "mips"}
#: Machines whose wheels run on one, too, after its own.
_OLDER = {"armv7l": ("armv6l",)}
_LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_LINUX = re.compile(r"(manylinux|musllinux)_(\d{1,3})_(\d{1,3})_([a-z0-9_]+)")
_OLD = re.compile(r"(manylinux1|manylinux2010|manylinux2014)_([a-z0-9_]+)")
_ABI3 = re.compile(r"cp3(\d{1,2})")
_SAID = re.compile(r"[a-z0-9_]{1,32}")
_LIBC = re.compile(r"(glibc|musl) (\d{1,3})\.(\d{1,3})")
_PYTHON = re.compile(r"3\.(\d{1,3})")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine and its Python.

    Attributes:
        processor: As its wheels call it: `x86_64`, `aarch64`, `armv7l`, `mipsel`.
        libc: `glibc 2.36` or `musl 1.2`.
        python: `3.11`, of CPython.
    """

    processor: str
    libc: str
    python: str

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.processor}, {self.libc}, Python {self.python}"

    @property
    def document(self) -> dict[str, str]:
        """As a birth has it."""
        return {"machine": self.processor, "libc": self.libc, "python": self.python}

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Machine | None":
        """As a node says it; None where that is no machine."""
        found = [said.get(name) for name in ("machine", "libc", "python")]
        for value, pattern in zip(found, (_SAID, _LIBC, _PYTHON), strict=True):
            if not isinstance(value, str) or not pattern.fullmatch(value):
                return None
        return cls(*map(str, found))

    def rank(self, tag: str) -> int | None:
        """How well a wheel with this tag fits: the more, the better; None where it does not run here."""
        parts = tag.split("-")
        if len(parts) != 3:
            return None
        python, on = self._runs(parts[0], parts[1]), self._is_for(parts[2])
        return None if python is None or on is None else on * 1000 + python

    def _runs(self, python: str, abi: str) -> int | None:
        minor = int(self.python.partition(".")[2])
        if abi == "abi3":
            match = _ABI3.fullmatch(python)
            return None if match is None or int(match[1]) > minor else 100 + int(match[1])
        if abi == f"cp3{minor}" and python == abi:
            return 500
        match = re.fullmatch(r"py3(\d{0,2})", python)
        return None if abi != "none" or match is None or int(match[1] or 0) > minor else int(match[1] or 0)

    def _is_for(self, name: str) -> int | None:
        if name == "any":
            return 0
        libc = _LIBC.fullmatch(self.libc)
        assert libc is not None
        have = (int(libc[2]), int(libc[3]))
        for rank, processor in enumerate(reversed((self.processor, *_OLDER.get(self.processor, ()))), 1):
            if name == f"linux_{processor}":
                return rank  # of this kind of machine, and nobody says of which libc
            if (match := _OLD.fullmatch(name)) and match[2] == processor:
                return 10 + rank if libc[1] == "glibc" and _LEGACY[match[1]] <= have else None
            match = _LINUX.fullmatch(name)
            if match is None or match[4] != processor:
                continue
            wants = {"manylinux": "glibc", "musllinux": "musl"}[match[1]]
            return 10 + rank if wants == libc[1] and (int(match[2]), int(match[3])) <= have else None
        return None


def best(wheels: Mapping[str, Iterable[str]], machine: Machine) -> str | None:
    """Of several wheels, by their tags, the one that fits best; of equals the last by name."""
    ranks = {
        name: max(found)
        for name, tags in wheels.items()
        if (found := [rank for tag in tags if (rank := machine.rank(tag)) is not None])
    }
    return max(ranks, key=lambda name: (ranks[name], name), default=None)


def here() -> Machine:
    """This one."""
    processor = platform.machine().lower() or "unknown"
    if struct.calcsize("P") == 4:
        processor = _NARROW.get(processor, processor)
    if processor in ("mips", "mips64") and sys.byteorder == "little":
        processor += "el"
    python = f"3.{sys.version_info.minor}"
    return Machine(re.sub(r"[^a-z0-9_]", "_", processor)[:32], _libc(), python)


def _libc() -> str:
    """glibc says which it is; what says nothing is musl, as on OpenWrt, of which 1.2 is from 2020."""
    try:
        told = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        told = ""
    match = re.match(r"glibc \d{1,3}\.\d{1,3}", told)
    return match[0] if match else "musl 1.2"
