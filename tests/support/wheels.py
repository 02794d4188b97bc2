# SPDX-License-Identifier: GPL-3.0-or-later
"""Real wheels of Ganglion, of other versions than this one: zips of this tree, or of as little as a case needs."""

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ganglion import __version__
from ganglion.release.wheel import LAUNCH

ROOT = Path(__file__).parents[2]
#: What it takes no part in, and of the commands what does: compiling the rest would be half of what a test costs.
UNUSED = {"client", "device", "editor", "firmware", "flash", "shims"}
CLI = {"__init__", "main", "node", "node_life", "option", "result", "show"}
#: What a node cannot do without; all that Ganglion asks for beside it is in the environment of the tests.
NEEDS = ("cbor2<6,>=5.6.5", "cffi>=1.17; platform_machine == 'x86_64'", "pynacl>=1.5", "sqlalchemy; extra == 'gateway'")


def init(version: str) -> bytes:
    """`ganglion/__init__.py` of a version."""
    return f'"""Ganglion."""\n\n__version__ = "{version}"\n'.encode()


def tiny(version: str, main: str, **more: bytes) -> dict[str, bytes]:
    """A version that does nothing but what its `ganglion.cli.main` says."""
    return {
        "ganglion/__init__.py": init(version),
        "ganglion/cli/__init__.py": b"",
        "ganglion/cli/main.py": main.encode(),
        LAUNCH: b"",
        "ganglion_gateway/__init__.py": b"unused = True\n",
        **more,
    }


def whole(version: str) -> dict[str, bytes]:
    """This Ganglion under another version, as far as a node that runs has it; on the twin, so it needs no compiler."""
    found = {}
    for package in (ROOT / "runtime" / "ganglion", ROOT / "firmware" / "ganglion_micro"):
        for path in package.rglob("*"):
            part, *rest = path.relative_to(package).parts
            is_used = part not in UNUSED and (part != "cli" or rest == [] or Path(rest[0]).stem in CLI)
            if is_used and path.is_file() and path.suffix in (".py", ".yaml", ".cddl", ".mo"):
                found[f"{package.name}/{path.relative_to(package).as_posix()}"] = path.read_bytes()
    for board in (ROOT / "boards").iterdir():
        found[f"ganglion/boards/{board.name}"] = board.read_bytes()
    before = f'__version__ = "{__version__}"'.encode()
    assert before in found["ganglion/__init__.py"]
    found["ganglion/__init__.py"] = found["ganglion/__init__.py"].replace(before, f'__version__ = "{version}"'.encode())
    return found


def metadata(version: str, needs: Sequence[str] = NEEDS, python: str = ">=3.11") -> bytes:
    """METADATA."""
    lines = ["Metadata-Version: 2.4", "Name: ganglion", f"Version: {version}", f"Requires-Python: {python}"]
    return "\n".join([*lines, *(f"Requires-Dist: {each}" for each in needs), "", "About it."]).encode()


def wheel(
    version: str,
    content: Mapping[str, bytes],
    *,
    tag: str = "py3-none-any",
    needs: Sequence[str] = NEEDS,
    over: Mapping[str, bytes | None] | None = None,
    modes: Mapping[str, int] | None = None,
) -> tuple[str, bytes]:
    """Name and bytes of a wheel.

    Args:
        over: What else is in the zip than a right wheel has, after RECORD was made; None for what is left out.
        modes: Of some of its files.
    """
    info = f"ganglion-{version}.dist-info"
    python, abi, platform = tag.split("-")
    tags = [f"{one}-{abi}-{on}" for one in python.split(".") for on in platform.split(".")]
    lines = ["Wheel-Version: 1.0", "Generator: tests", "Root-Is-Purelib: true", *(f"Tag: {each}" for each in tags), ""]
    whole: dict[str, bytes | None] = {
        **content,
        f"{info}/METADATA": metadata(version, needs),
        f"{info}/WHEEL": "\n".join(lines).encode(),
    }
    rows = [f"{path},sha256={_digest(data or b'')},{len(data or b'')}" for path, data in whole.items()]
    whole[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path, data in (whole | dict(over or {})).items():
            if data is not None:
                entry = zipfile.ZipInfo(path)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (modes or {}).get(path, 0o100644) << 16
                archive.writestr(entry, data)
    return f"ganglion-{version}-{tag}.whl", made.getvalue()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
