# SPDX-License-Identifier: GPL-3.0-or-later
"""A wheel of what a node runs, for a release to bring; what packages bring along is in it, too."""

import base64
import hashlib
import io
import time
import zipfile
from collections.abc import Sequence

from ganglion_tools.package.archive import Entry
from ganglion_tools.package.contents import copyright_text
from ganglion_tools.package.version import Version

#: What a machine has to have, as the packages' own dependencies say (`files/debian/control`).
_NEEDS = ("PyNaCl>=1.5", "PyYAML>=6.0")
_NATIVE = "cffi>=1.15"
#: Zip knows no time before.
_FIRST = 315532800


def tag(platform: str) -> str:
    """What the wheel for a platform is for."""
    return "py3-none-any" if platform == "any" else f"cp311-abi3-{platform}"


def build(library: Sequence[Entry], platform: str, version: Version) -> bytes:
    """The wheel. The same files and the same time give the same bytes.

    Args:
        library: The files of Python, by their paths in the wheel, stamped with the version.
        platform: As the last part of its name says it.
    """
    info = f"ganglion-{version.python}.dist-info"
    needs = [*([] if platform == "any" else [_NATIVE]), *_NEEDS]
    metadata = ["Metadata-Version: 2.4", "Name: ganglion", f"Version: {version.python}", "Requires-Python: >=3.11"]
    metadata += ["License-Expression: GPL-3.0-or-later", *(f"Requires-Dist: {each}" for each in needs)]
    about = ["Wheel-Version: 1.0", f"Generator: ganglion package {version}"]
    about += [f"Root-Is-Purelib: {'true' if platform == 'any' else 'false'}", f"Tag: {tag(platform)}"]
    entries = [
        *sorted(library, key=lambda each: each.path),
        Entry(path=f"{info}/licenses/COPYRIGHT", data=copyright_text()),
        Entry(path=f"{info}/METADATA", data=_lines(metadata)),
        Entry(path=f"{info}/WHEEL", data=_lines(about)),
    ]
    rows = [f"{each.path},sha256={_digest(each.data or b'')},{len(each.data or b'')}" for each in entries]
    entries.append(Entry(path=f"{info}/RECORD", data=_lines([*rows, f"{info}/RECORD,,"])))
    when = time.gmtime(max(_FIRST, version.time))[:6]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for each in entries:
            header = zipfile.ZipInfo(each.path, when)
            header.compress_type = zipfile.ZIP_DEFLATED
            header.create_system = 3  # Unix, whose permissions follow
            header.external_attr = (0o100000 | each.mode) << 16
            archive.writestr(header, each.data or b"")
    return made.getvalue()


def _lines(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
