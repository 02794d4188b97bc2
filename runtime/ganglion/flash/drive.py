# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives that boards show and that take an image: found, looked at, and copied to.

A boot loader of UF2 has INFO_UF2.TXT on its drive (github.com/microsoft/uf2), a DAPLink DETAILS.TXT and, where it did
not take a file, FAIL.TXT or ASSERT.TXT (github.com/ARMmbed/DAPLink, docs/MSD_COMMANDS.md and ERROR_CODES.md).
"""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ganglion.board.model import Board
from ganglion.errors import GanglionError, NotFoundError, RefusedError, UnreachableError
from ganglion.flash.plan import Report

MARKERS = {"uf2": "INFO_UF2.TXT", "daplink": "DETAILS.TXT"}
#: Where a DAPLink says what was wrong.
_FAILURES = ("FAIL.TXT", "ASSERT.TXT")
_CHUNK = 64 * 1024
_MOST = 4096  # bytes of such a text
_LOOK = 0.2
#: Seconds for a drive to come or to go: a DAPLink programs a whole flash meanwhile.
WITHIN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """A drive that is mounted.

    Attributes:
        folder: Where.
        facts: What its text says, by key in lower case.
        failures: Names of files in which it says what was wrong, and what they say.
    """

    folder: Path
    facts: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def find(board: Board, *, folder: Path | None = None, mounts: Path = Path("/proc/self/mounts")) -> Drive | None:
    """The drive of a board; None where there is none.

    Args:
        folder: Where it is, for who has mounted it by hand.
        mounts: The kernel's list.

    Raises:
        RefusedError: it is another board's, or in a mode in which it takes no image.
        GanglionError: two boards have one; they are named.
    """
    marker = MARKERS[board.flashing.method]
    found = []
    for place in [folder] if folder is not None else _mounted(mounts):
        text = _text(place / marker)
        if text:
            failures = {name: said for name in _FAILURES if (said := _text(place / name))}
            found.append(Drive(folder=place, facts=_facts(text), failures=failures))
    ours = [drive for drive in found if not refusal(drive, board)]
    if len(ours) > 1:
        raise GanglionError(
            f"{' and '.join(str(drive.folder) for drive in ours)} both wait for an image: name one with --drive"
        )
    if found and not ours:
        raise RefusedError(f"{found[0].folder}: {refusal(found[0], board)}")
    return ours[0] if ours else None


def missing(board: Board, folder: Path | None = None) -> NotFoundError:
    """Why there is no drive, and what to do."""
    label = board.flashing.label
    device = Path("/dev/disk/by-label") / label
    if folder is not None:
        return NotFoundError(f"{folder} is no drive of a board: there is no {MARKERS[board.flashing.method]} in it")
    if device.exists():
        return NotFoundError(f"the drive {label} is not mounted: udisksctl mount -b {device}")
    return NotFoundError(f"there is no drive {label}: {board.flashing.by_hand}")


def refusal(drive: Drive, board: Board) -> str:
    """Why a drive is none for a board's image; empty where it is."""
    facts = drive.facts
    if board.flashing.method == "uf2":
        here = facts.get("board-id", "")
        if here and here != board.flashing.label:
            return f"this board calls itself {here}, and {board.name} is an {board.flashing.label}: take its own board"
        return ""
    serials = [each for usb in board.usb for each in usb.serial]
    here = facts.get("unique id", "")
    if here and serials and not here.startswith(tuple(serials)):
        others = " or ".join(serials)
        return f"this board's number begins with {here[:4]}, and {board.name}'s with {others}: name its own board"
    if facts.get("daplink mode", "").lower() == "bootloader":
        return f"it waits for firmware of its interface: {board.flashing.by_hand}"
    return ""


def copy(drive: Drive, name: str, data: bytes, report: Report) -> None:
    """Copies an image onto the drive; it may be gone before the end, once the board has it all.

    Raises:
        GanglionError: it could not be written.
    """
    done = 0
    try:
        with (drive.folder / name).open("wb", buffering=0) as file:
            for at in range(0, len(data), _CHUNK):
                file.write(data[at : at + _CHUNK])
                os.fsync(file.fileno())
                done = min(at + _CHUNK, len(data))
                report({"event": "progress", "what": "written", "done": done, "total": len(data)})
    except OSError as error:
        if done + _CHUNK < len(data) or drive.folder.exists():
            raise GanglionError(
                f"{drive.folder}/{name} could not be written after {done} of {len(data)} bytes: {error.strerror}; "
                "plug the board in again and run the same command"
            ) from None


def taken(board: Board, before: Drive, *, folder: Path | None = None, within: float = WITHIN) -> None:
    """Waits until the board has taken the image.

    Raises:
        GanglionError: it says that it has not; with its words.
        UnreachableError: it does not say anything.
    """
    if board.flashing.method == "uf2":
        if not until(lambda: not (before.folder / MARKERS["uf2"]).exists(), within):
            raise UnreachableError(
                f"{before.folder} is still there, so the board has not taken the image: {board.flashing.by_hand}"
            )
        return
    count = before.facts.get("remount count")
    back: list[Drive] = []
    gone = False

    def remounted() -> bool:
        nonlocal gone
        found = find(board, folder=folder)
        if found is None:
            gone = True
            return False
        back[:] = [found]
        return gone or (count is not None and found.facts.get("remount count") != count)

    if not until(remounted, within):
        raise UnreachableError(
            f"{before.folder} has not come back: plug the board in again, and look for FAIL.TXT there"
        )
    for name, said in back[0].failures.items():
        # What failed long ago stays there, but for what says whether this file was taken
        if name == board.flashing.error_file or said != before.failures.get(name):
            raise GanglionError(f"the board has not taken the image; its {name} says: {' '.join(said.split())}")


def until(done: Callable[[], bool], within: float, *, look: float = _LOOK) -> bool:
    """Looks again and again; False where it is not so in so many seconds."""
    end = time.monotonic() + within
    while not done():
        if time.monotonic() >= end:
            return False
        time.sleep(look)
    return True


def _mounted(mounts: Path) -> list[Path]:
    """Where FAT file systems are mounted: no other is on such a drive."""
    found = []
    for line in mounts.read_bytes().splitlines():
        words = line.split(b" ")
        if len(words) > 2 and words[2] in (b"vfat", b"msdos"):
            # Spaces and the like are \040; every other letter is as it is
            name = re.sub(rb"\\([0-7]{3})", lambda digits: bytes([int(digits[1], 8) & 0xFF]), words[1])
            found.append(Path(os.fsdecode(name)))
    return found


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode(errors="replace")
    except OSError:
        return ""


def _facts(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(" #").lower(): value.strip() for key, colon, value in pairs if colon}
