# SPDX-License-Identifier: GPL-3.0-or-later
"""The native core for another machine: `build.zig` run by the zig of PyPI."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ganglion.errors import GanglionError

#: Processors of what zig takes for any of an architecture and is not: its ARM has NEON, which Debian's armhf and some
#: of OpenWrt's routers lack.
_CPUS = {"arm": "generic+v7a+vfp3d16-neon"}
#: Seconds: on a slow machine, the C library of a target is compiled too.
_LONGEST = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """What zig makes.

    Attributes:
        core: `ganglion._native`, a module of the stable ABI.
        watchdog: The program that makes actuators safe when the node cannot.
    """

    core: bytes
    watchdog: bytes


def compile(root: Path, target: str) -> Native:
    """Compiles for a target of zig's, for any processor of its architecture.

    Args:
        root: The clone with `build.zig`; what is made lies in its `zig-out`, and zig's cache beside that.

    Raises:
        GanglionError: it does not compile; the message ends with what zig said.
    """
    out = root / "zig-out" / target
    command = [sys.executable, "-m", "ziglang", "build", "--prefix", str(out), "-Doptimize=fast"]
    command += [f"-Dpython={sys.executable}", f"-Dtarget={target}"]
    command.append(f"-Dcpu={_CPUS.get(target.partition('-')[0], 'baseline')}")
    environment = {"ZIG_DEBUG_CMD": "1", **os.environ}  # as native/hatch_build.py: an optimized zig build takes minutes
    try:
        done = subprocess.run(  # noqa: S603
            command,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST,
        )
    except subprocess.TimeoutExpired:
        raise GanglionError(f"the native core for {target} was not compiled within {_LONGEST} s") from None
    if done.returncode:
        raise GanglionError(f"the native core does not compile for {target}: {done.stderr.strip()[-600:]}")
    return Native(core=(out / "_native.abi3.so").read_bytes(), watchdog=(out / "_watchdog").read_bytes())
