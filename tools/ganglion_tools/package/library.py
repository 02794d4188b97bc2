# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node runs, as files of a package: the runtime, its native core, and the pure Python that it needs.

The gateway, the tools and the firmware of boards are not among it.
"""

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from ganglion.errors import GanglionError
from ganglion_tools.package.archive import Entry
from ganglion_tools.package.native import Native

#: What comes along because distributions have none, or one that is too old: Debian 12 has cbor2 5.4.6 and smbus2 0.4.2.
#: All are Python alone, or can be: cbor2 falls back to it.
VENDORED = ("cbor2", "cronsim", "smbus2")
#: Of the sources, what is read at run time.
_READ = {".py", ".yaml", ".cddl"}


def library(root: Path, folder: str, native: Native | None) -> list[Entry]:
    """The files of the folder from which a node's Python imports.

    Args:
        root: The clone.
        folder: Where that folder is on the machine, without the first `/`.
        native: What zig has made; None for a node on the Python twin, without what makes actuators safe for it.

    Raises:
        GanglionError: something that comes along is not installed here.
    """
    base = f"{folder}/" if folder else ""
    entries = [
        *_tree(root / "runtime" / "ganglion", f"{base}ganglion"),
        *_tree(root / "firmware" / "ganglion_micro", f"{base}ganglion_micro"),
        *(
            Entry(path=f"{base}ganglion/boards/{path.name}", data=path.read_bytes())
            for path in (root / "boards").iterdir()
        ),
        *(
            Entry(path=f"{base}ganglion/locale/{path.stem}.mo", data=_catalogue(path))
            for path in (root / "runtime" / "ganglion" / "locale").glob("*.po")
        ),
    ]
    if native is None:
        entries.append(
            Entry(path=f"{base}ganglion/bus/pure.txt", data=b"built without the native core: for any machine\n")
        )
    else:
        entries += [
            Entry(path=f"{base}ganglion/_native.abi3.so", data=native.core),
            Entry(path=f"{base}ganglion/_watchdog", data=native.watchdog, mode=0o755),
        ]
    for name in VENDORED:
        found = _distribution(name)
        entries += [
            Entry(path=f"{base}{file}", data=Path(str(file.locate())).read_bytes())
            for file in found.files or ()
            if file.suffix == ".py" and file.parts[0] == name
        ]
    return entries


def licences() -> dict[str, str]:
    """Name and version of each that comes along -> its licence, whole: it asks for that.

    Raises:
        GanglionError: it is not installed here, or without its licence.
    """
    texts = {}
    for name in VENDORED:
        found = _distribution(name)
        files = [file for file in found.files or () if file.name.upper().startswith("LICENSE")]
        if not files:
            raise GanglionError(f"{name} is installed without its licence: pip install --force-reinstall {name}")
        texts[f"{name} {found.version}"] = "\n".join(file.read_text(encoding="utf-8").strip() for file in files)
    return texts


def _distribution(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise GanglionError(
            f"a package brings {name} along, which is not installed here: pip install 'ganglion[package]'"
        ) from None


def _tree(source: Path, folder: str) -> list[Entry]:
    return [
        Entry(path=f"{folder}/{path.relative_to(source)}", data=path.read_bytes())
        for path in source.rglob("*")
        if path.suffix in _READ and path.is_file()
    ]


def _catalogue(source: Path) -> bytes:
    """A catalogue as gettext reads it."""
    import polib

    made: bytes = polib.pofile(str(source)).to_binary()
    return made
