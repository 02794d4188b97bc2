# SPDX-License-Identifier: GPL-3.0-or-later
"""hatchling's build hook: `zig build` makes ganglion._native and the wheel carries it.

Where PyPI has no zig for the machine, the wheel is pure Python and the build says so. Where there is a zig, a core that
does not compile fails the build: nobody gets the slow one unasked.

    GANGLION_PURE=1           leave the core out
    GANGLION_WHEEL=<tag>      build for another machine: one of WHEELS
"""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ZIG = "ziglang==0.17.0"

#: Platform tag of a wheel -> the zig target it is compiled for.
WHEELS = {
    "manylinux_2_17_x86_64": "x86_64-linux-gnu.2.17",
    "manylinux_2_17_aarch64": "aarch64-linux-gnu.2.17",
    "manylinux_2_17_armv7l": "arm-linux-gnueabihf.2.17",
    "musllinux_1_2_x86_64": "x86_64-linux-musl",
    "musllinux_1_2_aarch64": "aarch64-linux-musl",
    "musllinux_1_2_armv7l": "arm-linux-musleabihf",
}

#: Machines for which PyPI has a wheel of zig, by `sys.platform` and `platform.machine()`.
HAS_ZIG = {
    "linux": {"x86_64", "aarch64", "armv7l", "i686", "ppc64le", "riscv64", "s390x"},
    "darwin": {"x86_64", "arm64"},
    "win32": {"AMD64", "ARM64", "x86"},
}


def why_pure() -> str:
    """Why the native core is left out; "" where it is built."""
    if os.environ.get("GANGLION_PURE"):
        return "GANGLION_PURE is set"
    if platform.machine() not in HAS_ZIG.get(sys.platform, ()):
        return f"PyPI has no zig for {sys.platform} on {platform.machine()}"
    return ""


class ZigBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the extension to a wheel, or puts it into the source tree for an editable install."""

    def dependencies(self) -> list[str]:
        """What the build environment needs: zig and cffi, where the core is built."""
        return [] if why_pure() else ["cffi>=2.1", ZIG]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the core before the files are gathered."""
        if self.target_name != "wheel":
            return
        if reason := why_pure():
            self.app.display_warning(f"ganglion: {reason}: a pure Python build, whose bus is slower")
            return
        tag = os.environ.get("GANGLION_WHEEL")
        out = Path(self.root, "zig-out", tag or "host")
        command = [sys.executable, "-m", "ziglang", "build", "--prefix", str(out), "-Doptimize=fast"]
        command += [f"-Dpython={sys.executable}", f"-Dpython-include={sysconfig.get_path('include')}"]
        if tag:
            command.append(f"-Dtarget={WHEELS[tag]}")
        subprocess.run(command, cwd=self.root, check=True)
        module = out / "_native.abi3.so"
        if version == "editable":
            shutil.copy(module, Path(self.root, "runtime", "ganglion"))
            return
        here = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{tag or here}"
        build_data["force_include"][str(module)] = "ganglion/_native.abi3.so"
