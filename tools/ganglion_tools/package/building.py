# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds one package from a clone."""

from collections.abc import Callable
from pathlib import Path

from ganglion.errors import UsageError
from ganglion_tools.package import deb, folder, native, openwrt, wheel
from ganglion_tools.package.contents import LIBRARY
from ganglion_tools.package.library import library
from ganglion_tools.package.signing import Sign
from ganglion_tools.package.target import ANY, zig_target
from ganglion_tools.package.version import stamped, version

#: The clone.
_ROOT = Path(__file__).parents[3]


def build(
    kind: str,
    arch: str,
    output: Path,
    sign: Sign | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Path:
    """Builds a package of a node with the native core for its machine; gives the file.

    No root and no tool of the target's is needed. The same commit gives the same bytes, with the same versions of zig
    and of what comes along. The name of the file has the version in it: what is installed already can be compared.

    Args:
        kind: `deb`, `ipk`, `apk`, `tar` or `wheel`.
        arch: As that kind calls it: `arm64`, `mipsel_24kc`, `x86_64`; `flashing.packages` of a board has both.
        output: The folder to put it into; it is made where there is none, and an older file of that name replaced.
        sign: Makes the signature of an `apk`; the others have none.
        tell: Is told what begins: the first part takes minutes where zig has not made the target's C library yet.

    Raises:
        UsageError: there is no such kind or architecture, or this is no clone.
        GanglionError: the native core does not compile, or something that comes along is not installed here.
        OSError: the file cannot be written.
    """
    is_pure = kind == "wheel" and arch == ANY
    target = "" if is_pure else zig_target(kind, arch)
    if not (_ROOT / "build.zig").is_file():
        raise UsageError("packages are built in a clone of the repository, and this Ganglion was installed without one")
    made = None
    if not is_pure:
        tell(f"compiling the native core for {target}, which takes minutes the first time")
        made = native.compile(_ROOT, target)
    of = version(_ROOT)
    tell(f"packing {of} for {arch} as {kind}")
    if kind == "wheel":
        name = f"ganglion-{of.python}-{wheel.tag(arch)}.whl"
        data = wheel.build(stamped(library(_ROOT, "", made), of), arch, of)
    elif kind == "tar":
        whole = f"ganglion-{of}-{arch}"
        name, data = f"{whole}.tar.gz", folder.build(stamped(library(_ROOT, "lib/ganglion", made), of), whole, of)
    else:
        files = stamped(library(_ROOT, LIBRARY, made), of)
        match kind:
            case "deb":
                name, data = f"ganglion_{of}_{arch}.deb", deb.build(files, arch, of)
            case "ipk":
                name, data = f"ganglion_{of}_{arch}.ipk", openwrt.ipk(files, arch, of)
            case _:
                name, data = f"ganglion-{of.apk}_{arch}.apk", openwrt.apk(files, arch, of, sign)
    tell(f"writing {name}: {len(data) / 1024:.0f} KiB")
    output.mkdir(parents=True, exist_ok=True)
    path = output / name
    fresh = path.with_name(f".{name}.new")
    fresh.write_bytes(data)
    fresh.replace(path)
    return path
