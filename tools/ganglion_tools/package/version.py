# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version a package is, and of when: both of the commit, so that the same commit gives the same bytes."""

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ganglion import __version__
from ganglion.errors import GanglionError, InvalidError
from ganglion_tools.package.archive import Entry

_SAYS = "ganglion/__init__.py"
_LINE = re.compile(rb'^__version__ = "[^"\n]*"$', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The version of what is packaged.

    Attributes:
        release: `ganglion.__version__`.
        snapshot: Moment of the commit as 14 digits, of one that is before the release; "" for the release itself.
        time: Seconds since 1970: `SOURCE_DATE_EPOCH`, or the moment of the commit.
    """

    release: str
    snapshot: str
    time: int

    def __str__(self) -> str:
        """As Debian and opkg order versions: what stands behind `~` is before the release."""
        return f"{self.release}~git{self.snapshot}" if self.snapshot else self.release

    @property
    def python(self) -> str:
        """As PEP 440 orders them, and as what is packaged says of itself, as in `ganglion fleet list`."""
        return f"{self.release}.dev{self.snapshot}" if self.snapshot else self.release

    @property
    def apk(self) -> str:
        """As apk orders them."""
        return f"{self.release}_pre{self.snapshot}-r0" if self.snapshot else f"{self.release}-r0"


def version(root: Path) -> Version:
    """The version of a tree: a release where its commit has the tag `v<release>`, or where there is no git (an sdist).

    Raises:
        InvalidError: SOURCE_DATE_EPOCH is no number.
        GanglionError: git does not say which commit it is.
    """
    told = _git(root, "log", "-1", "--format=%ct").strip()
    commit = int(told) if told else int((root / "build.zig").stat().st_mtime)
    asked = os.environ.get("SOURCE_DATE_EPOCH", "")
    if asked and not (asked.isascii() and asked.isdigit()):
        raise InvalidError(f"must be seconds since 1970, not {asked!r}", where="SOURCE_DATE_EPOCH")
    released = not told or f"v{__version__}" in _git(root, "tag", "--points-at", "HEAD").split()
    snapshot = "" if released else datetime.fromtimestamp(commit, UTC).strftime("%Y%m%d%H%M%S")
    return Version(release=__version__, snapshot=snapshot, time=int(asked) if asked else commit)


def stamped(library: Iterable[Entry], of: Version) -> list[Entry]:
    """The same files, of which Ganglion's own says this version.

    Raises:
        InvalidError: it says none.
    """
    return [replace(each, data=_said(each, of)) if each.path.endswith(_SAYS) else each for each in library]


def _said(entry: Entry, of: Version) -> bytes:
    data, count = _LINE.subn(f'__version__ = "{of.python}"'.encode(), entry.data or b"")
    if count != 1:
        raise InvalidError("says no version", where=entry.path)
    return data


def _git(root: Path, *words: str) -> str:
    """What git says of a tree; "" of one that is no repository."""
    if not (root / ".git").exists():
        return ""
    try:
        done = subprocess.run(  # noqa: S603
            ["git", *words],  # noqa: S607
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GanglionError(
            f"{root}: git does not say which commit this is, which is a package's version: {error}"
        ) from None
    if done.returncode:
        said = done.stderr.strip()
        raise GanglionError(f"{root}: git does not say which commit this is, which is a package's version: {said}")
    return done.stdout
