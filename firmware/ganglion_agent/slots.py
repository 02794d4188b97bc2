# SPDX-License-Identifier: GPL-3.0-or-later
"""Two directories with the application, and a pointer to the one that runs. Nothing here resets or reads a clock.

    a/ b/           the slots; `manifest` in one names its files with their hashes, and comes last: without it, or with
                    a file that is not as it says, a slot is not whole
    slot            the pointer: one line with a checksum, replaced by a rename
    slot.new        the next pointer, until it has that name

What the pointer says of the slot is `kept` or `trial`, and of the other one `good`, `bad` or `unknown`. A boot of a
trial is counted before it starts, so it makes no difference how it ends: an exception, the watchdog, a power cut. One
that confirms itself is kept; one that does not, in its boots, is bad until another version is switched to, and is left
for the other slot. A slot that was kept and now fails again and again is left, too, on trial, but not for one that is
bad: it is tried again, for what it fails by may pass. One that is not whole any more is left for any other. Where there
is none that is known to be good, a console is offered before it goes on, and it goes on: nothing here gives up.

`files` has open, rename, remove, listdir, mkdir and sync as MicroPython has them; `rename` may refuse a name that is
taken, as FAT's does. Then the pointer is removed before, and a cut between the two leaves `slot.new`, which is read.
"""

from binascii import hexlify
from hashlib import sha256

from ganglion_agent.manifest import intact

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

    Record = tuple[str, bool, int, str]  # slot, kept, tries, how the other slot is

#: The slots' names.
SLOTS = ("a", "b")
#: The file with the pointer.
POINTER = "slot"
#: Boots that a version has to confirm itself in.
TRIAL_BOOTS = 3
#: Failures, without a good boot between them, after which a version that was kept is left.
FAILURES = 3

_NEW = ".new"
#: How the other slot is: was kept before this one, has failed its trial, or neither of the two.
GOOD, _BAD, _UNKNOWN = "good", "bad", "unknown"


class Slots:
    """The slots in one boot.

    Args:
        files: Of the board, see above.
        root: Where they are, without a slash at its end.
        slot: Which one runs, where `boot` was another object's.

    Attributes:
        slot: Which one runs; empty before `boot`, and where there is none.
        rescue: Whether a person should be let to the console before the slot is run: nothing here is known to be good.
    """

    def __init__(self, files: "Any", root: str = "", slot: str = "") -> None:
        self._files = files
        self._root = root
        self.slot = slot
        self.rescue = False

    def path(self, slot: str) -> str:
        """The directory of a slot."""
        return self._root + "/" + slot

    @property
    def other(self) -> str:
        """The slot that does not run."""
        return _other(self.slot)

    @property
    def trial(self) -> bool:
        """Whether what runs has not confirmed itself yet."""
        record = self._read()
        return record is not None and record[0] == self.slot and not record[1]

    @property
    def pending(self) -> bool:
        """Whether the other slot is to run at the next boot."""
        record = self._read()
        return record is not None and record[0] != self.slot

    def boot(self, watchdog: bool = False) -> str:
        """Says which slot to run now, and counts this boot; empty where neither has a file.

        Args:
            watchdog: Whether the boot before ended by the watchdog.
        """
        record = self._read() or self._guess()
        slot, kept, tries, back = record
        if kept and watchdog:
            tries += 1
        # MicroPython may take a file that is cut off, and never come to an end of it: no count would help then
        if slot and (tries >= (FAILURES if kept else TRIAL_BOOTS) or not self.whole(slot)):
            slot, kept, tries, back = self._left(slot, kept, back)
        self.slot = slot
        if not slot:
            self.rescue = True
            return ""
        after = (slot, kept, tries if kept else tries + 1, back)
        if after != record:
            try:
                self._write(after)
            except OSError:
                # A flash that takes nothing cannot count a trial, so what is known to be good runs.
                if not kept and back == GOOD and self.whole(_other(slot)):
                    self.slot = _other(slot)
        return self.slot

    def confirm(self) -> None:
        """What runs is healthy: it is kept. Writes nothing where that is known.

        Raises:
            OSError: the flash could not be written.
        """
        record = self._read()
        if record is None:
            self._write((self.slot, True, 0, _UNKNOWN))
        elif record[0] == self.slot and (not record[1] or record[2]):
            self._write((self.slot, True, 0, record[3]))

    def fail(self, row: int = FAILURES) -> None:
        """What runs has failed; a boot of a trial was counted at its start.

        Args:
            row: How often in a row, where that is known: after a steady boot it is the first time.

        Raises:
            OSError: the flash could not be written.
        """
        record = self._read()
        if record is not None and record[0] == self.slot and record[1]:
            self._write((record[0], True, min(record[2] + 1, row), record[3]))

    def expire(self) -> None:
        """The trial is over before its boots are: the next boot leaves it.

        Raises:
            OSError: the flash could not be written.
        """
        record = self._read()
        if record is not None and record[0] == self.slot and not record[1]:
            self._write((self.slot, False, TRIAL_BOOTS, record[3]))

    def switch(self) -> None:
        """Has the other slot run on trial from the next boot.

        Raises:
            ValueError: what runs is on trial itself, or the other slot is not whole.
            OSError: the flash could not be written; what runs stays.
        """
        record = self._read()
        if record is None or record[0] != self.slot or not record[1]:
            raise ValueError("slot {} has to be confirmed before another is tried".format(self.slot))
        if not self.whole(self.other):
            raise ValueError("slot {} is not whole".format(self.other))
        self._write((self.other, False, 0, GOOD))

    def whole(self, slot: str) -> bool:
        """Whether every file is there as the slot's manifest says; each is read."""
        return intact(self._files, self.path(slot))

    def _left(self, slot: str, kept: bool, back: str) -> "Record":
        """The pointer after a slot that has used up its boots or its failures, or is not whole."""
        there = self.whole(_other(slot)) and not (kept and back == _BAD and self.whole(slot))
        self.rescue = kept or back != GOOD or not there
        if not there:
            return slot, kept, 0, back
        return _other(slot), back == GOOD and not kept, 0, _UNKNOWN if kept else _BAD

    def _guess(self) -> "Record":
        """A pointer where none can be read: a slot that is whole, else one that has anything."""
        for slot in SLOTS:
            if self.whole(slot):
                return slot, False, 0, _UNKNOWN
        self.rescue = True
        for slot in SLOTS:
            try:
                if self._files.listdir(self.path(slot)):
                    return slot, False, 0, _UNKNOWN
            except OSError:
                pass
        return "", False, 0, _UNKNOWN

    def _read(self) -> "Record | None":
        for name in (POINTER, POINTER + _NEW):
            try:
                with self._files.open(self.path(name), "rb") as file:
                    return record_of(file.read(64))
            except (OSError, ValueError):
                pass
        return None

    def _write(self, record: "Record") -> None:
        pointer = self.path(POINTER)
        with self._files.open(pointer + _NEW, "wb") as file:
            file.write(line_of(record))
        self._files.sync()
        replace(self._files, pointer + _NEW, pointer)
        self._files.sync()


def _other(slot: str) -> str:
    return SLOTS[1 - SLOTS.index(slot)]


def _check(line: bytes) -> bytes:
    return hexlify(sha256(line).digest()[:4])


def line_of(record: "Record") -> bytes:
    """The line of a pointer."""
    slot, kept, tries, back = record
    line = "1 {} {} {} {}".format(slot, "kept" if kept else "trial", tries, back).encode()
    return line + b" " + _check(line) + b"\n"


def record_of(line: bytes) -> "Record":
    """The pointer in a line. Raises: ValueError, it is damaged."""
    body, _, check = line.rpartition(b" ")
    words = body.decode().split(" ")
    if check != _check(body) + b"\n" or len(words) != 5 or words[0] != "1" or words[1] not in SLOTS:
        raise ValueError("the pointer is damaged")
    return words[1], words[2] == "kept", int(words[3]), words[4]


def replace(files: "Any", old: str, new: str) -> None:
    """Renames a file to a name that may be taken.

    Raises:
        OSError: it cannot be.
    """
    try:
        files.rename(old, new)
    except OSError:
        files.remove(new)  # FAT's rename refuses a name that is taken
        files.rename(old, new)
