# SPDX-License-Identifier: GPL-3.0-or-later
"""hatchling's build hook: `zig build` makes ganglion._native, polib the catalogues, and the wheel carries them.

Where zig or cffi cannot be had as a wheel the build is pure Python and says so, in the log and in `ganglion doctor`.
Where they can, a core that does not compile fails the build: nobody gets the slow one unasked.

    GANGLION_PURE=1           leave the core out
    GANGLION_NATIVE=1         demand the core, whatever the machine
    GANGLION_WHEEL=<tag>      build for another machine: one of WHEELS
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

ZIG = "ziglang==0.17.0"
CFFI = "cffi>=2.1"  # the first with `python -m cffi.gen_src`
POLIB = "polib>=1.2"

#: Platforms for which PyPI has both as wheels. zig has armv7l and i686 too, but cffi would want a C compiler there.
BUILDS_ON = {"manylinux_2_17_x86_64", "musllinux_1_2_x86_64", "manylinux_2_17_aarch64", "musllinux_1_2_aarch64"}

#: Platform tag of a wheel -> the zig target it is compiled for.
WHEELS = {
    "manylinux_2_17_x86_64": "x86_64-linux-gnu.2.17",
    "manylinux_2_17_aarch64": "aarch64-linux-gnu.2.17",
    "manylinux_2_17_armv7l": "arm-linux-gnueabihf.2.17",
    "musllinux_1_2_x86_64": "x86_64-linux-musl",
    "musllinux_1_2_aarch64": "aarch64-linux-musl",
    "musllinux_1_2_armv7l": "arm-linux-musleabihf",
    "musllinux_1_2_riscv64": "riscv64-linux-musl",
}

#: What zig makes: the core, and the process that makes actuators safe when a node cannot.
MADE = ("_native.abi3.so", "_watchdog")


def asked(name: str) -> bool:
    """Whether a switch of the environment is on."""
    return os.environ.get(name, "0") not in ("", "0")


def why_pure() -> str:
    """Why the native core is left out; "" where it is built.

    Raises:
        ValueError: the environment asks for what cannot be.
    """
    tag = os.environ.get("GANGLION_WHEEL", "")
    if tag and tag not in WHEELS:
        raise ValueError(f"GANGLION_WHEEL={tag} is not a platform the core is built for; those are {', '.join(WHEELS)}")
    if asked("GANGLION_PURE"):
        if tag or asked("GANGLION_NATIVE"):
            raise ValueError(
                "GANGLION_PURE=1 leaves the native core out, and GANGLION_NATIVE or GANGLION_WHEEL wants it"
            )
        return "GANGLION_PURE=1 was asked for"
    if tag or asked("GANGLION_NATIVE"):
        return ""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "the native core is for CPython with its stable ABI (abi3)"
    if BUILDS_ON.isdisjoint(platform_tags()):
        return f"PyPI has no zig and cffi for {sysconfig.get_platform()}"
    return ""


class BuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds what is made to a wheel, or puts it into the source tree for an editable install."""

    def dependencies(self) -> list[str]:
        """What the build environment needs: polib, and zig and cffi where the core is built."""
        return [POLIB] if why_pure() else [POLIB, CFFI, ZIG]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds catalogues and core before the files are gathered."""
        if self.target_name != "wheel":
            return
        editable = version == "editable"
        for source in sorted(Path(self.root, "runtime", "ganglion", "locale").glob("*.po")):
            catalogue = self.catalogue(source)
            if editable:
                self.put(catalogue, source.with_suffix(".mo"))
            else:
                build_data["force_include"][str(catalogue)] = f"ganglion/locale/{catalogue.name}"
        in_tree = [Path(self.root, "runtime", "ganglion", name) for name in MADE]
        if reason := why_pure():
            self.app.display_warning(f"ganglion: pure Python, without the native core: {reason}")
            if editable:
                for path in in_tree:
                    path.unlink(missing_ok=True)
            else:
                build_data["force_include"][str(self.note(reason))] = "ganglion/bus/pure.txt"
            return
        tag = os.environ.get("GANGLION_WHEEL", "")
        out = self.compile(tag)
        if editable:
            for path in in_tree:
                self.put(out / path.name, path)
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{tag or self.here()}"
        for path in in_tree:
            build_data["force_include"][str(out / path.name)] = f"ganglion/{path.name}"

    def catalogue(self, source: Path) -> Path:
        """A catalogue as gettext reads it, of the one that people write."""
        import polib  # a dependency of the build alone, as `dependencies` says

        made = Path(self.root, "zig-out", f"{source.stem}.mo")
        made.parent.mkdir(exist_ok=True)
        polib.pofile(str(source)).save_as_mofile(str(made))
        return made

    @staticmethod
    def put(made: Path, place: Path) -> None:
        """Renames a copy into place: a process that has the old one mapped keeps it."""
        fresh = place.with_suffix(".new")
        shutil.copy(made, fresh)
        fresh.replace(place)

    def compile(self, tag: str) -> Path:
        """Runs zig; the folder of what it made.

        Wheels are for any machine of their architecture, so never for this one's CPU in particular. Zig compiles its
        build system before the first use: optimized, as by default, that takes minutes, and it has a dozen files here.
        """
        if importlib.util.find_spec("ziglang") is None:
            raise RuntimeError(f"the native core needs zig: pip install {ZIG} '{CFFI}', or build with GANGLION_PURE=1")
        out = Path(self.root, "zig-out", tag or "host")
        command = [sys.executable, "-m", "ziglang", "build", "--prefix", str(out), "-Doptimize=fast", "-Dcpu=baseline"]
        command.append(f"-Dpython={sys.executable}")
        if tag:
            command.append(f"-Dtarget={WHEELS[tag]}")
        subprocess.run(command, cwd=self.root, env={"ZIG_DEBUG_CMD": "1", **os.environ}, check=True)
        return out

    def note(self, reason: str) -> Path:
        """A file with the reason, for `ganglion.bus.WHY_NOT`."""
        path = Path(self.root, "zig-out", "pure.txt")
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"built without the native core: {reason}\n", encoding="utf-8")
        return path

    @staticmethod
    def here() -> str:
        """This interpreter's own platform tag; sysconfig's names the kernel's machine, which may be another."""
        return next(tag for tag in platform_tags() if not tag.startswith(("manylinux", "musllinux")))
