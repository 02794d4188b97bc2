# SPDX-License-Identifier: GPL-3.0-or-later
"""What packages there are, and which of zig's targets each architecture of theirs is."""

import re

from ganglion.board.words import PACKAGES
from ganglion.errors import UsageError
from ganglion.settings import meant

#: Name of the architecture, of one kind of package -> zig's target. Debian and tar are for glibc, which is why tar has
#: no routers.
_GLIBC = {"x86_64": "x86_64-linux-gnu.2.17", "aarch64": "aarch64-linux-gnu.2.17", "armv7l": "arm-linux-gnueabihf.2.17"}
_DEBIAN = {"amd64": "x86_64", "arm64": "aarch64", "armhf": "armv7l"}
#: The same for OpenWrt, whose names are those of processors (openwrt.org, "Package architectures"): what they match ->
#: zig's target. ARM with vfp is hard float there; MIPS is soft float, but for those that say 24kf.
_OPENWRT = {
    "x86_64": "x86_64-linux-musl",
    "aarch64_[a-z0-9-]+": "aarch64-linux-musl",
    "arm_[a-z0-9-]+_[a-z0-9-]*vfpv[34][a-z0-9-]*": "arm-linux-musleabihf",
    "mipsel_(24kc|74kc|mips32)": "mipsel-linux-musleabi",
    "riscv64_[a-z0-9]+": "riscv64-linux-musl",
}
#: Platform of a wheel -> zig's target. mipsel is in no standard: `ganglion.release.machine` knows it by this name.
_WHEELS = {
    "manylinux_2_17_x86_64": "x86_64-linux-gnu.2.17",
    "manylinux_2_17_aarch64": "aarch64-linux-gnu.2.17",
    "manylinux_2_17_armv7l": "arm-linux-gnueabihf.2.17",
    "musllinux_1_2_x86_64": "x86_64-linux-musl",
    "musllinux_1_2_aarch64": "aarch64-linux-musl",
    "musllinux_1_2_armv7l": "arm-linux-musleabihf",
    "musllinux_1_2_mipsel": "mipsel-linux-musleabi",
    "musllinux_1_2_riscv64": "riscv64-linux-musl",
}
#: The platform of a wheel without the native core.
ANY = "any"
#: What is built: packages of a system, and a wheel for a release to bring.
KINDS = (*PACKAGES, "wheel")
#: Examples of OpenWrt's, for messages.
_ROUTERS = ("x86_64", "aarch64_cortex-a53", "arm_cortex-a7_neon-vfpv4", "mipsel_24kc", "riscv64_generic")


def examples(kind: str) -> tuple[str, ...]:
    """Architectures that a kind of package is built for; of OpenWrt's, of which there are many, one of each family."""
    if kind == "wheel":
        return (*_WHEELS, ANY)
    return tuple(_DEBIAN) if kind == "deb" else tuple(_GLIBC) if kind == "tar" else _ROUTERS


def zig_target(kind: str, arch: str) -> str:
    """zig's target of an architecture, as that kind of package calls it.

    Raises:
        UsageError: there is no such kind, or nothing is built for that architecture.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no package {kind!r}; there are {', '.join(KINDS)}")
    known = examples(kind)
    if kind == "wheel" and arch in _WHEELS:
        return _WHEELS[arch]
    if kind in ("deb", "tar"):
        name = _DEBIAN.get(arch, "") if kind == "deb" else arch
        if name in _GLIBC:
            return _GLIBC[name]
    elif kind in ("ipk", "apk"):
        for pattern, target in _OPENWRT.items():
            if re.fullmatch(pattern, arch):
                return target
    those = f"such as {', '.join(known)}" if kind in ("ipk", "apk") else ", ".join(known)
    raise UsageError(f"no {kind} is built for {arch!r}{meant(arch, known)}; --arch is one of its own names: {those}")
