# SPDX-License-Identifier: GPL-3.0-or-later
"""What the keys of a console mean: keys in, what to send, to show and to do out. Nothing here reads a terminal.

Every key goes to the device but two: Ctrl-] ends the console, and Ctrl-T begins a command of one key. Both reach the
device after a Ctrl-T.
"""

from dataclasses import dataclass
from enum import Enum

#: Ctrl-] and Ctrl-T.
LEAVE, MENU = 0x1D, 0x14
#: Bytes of a file's name that are typed at most.
LONGEST = 4096


class Command(Enum):
    """What a console is told to do; the value is the key after Ctrl-T."""

    RESET = "r"
    FILE = "f"
    PASTE = "p"
    RECORD = "l"
    BREAK = "b"
    HEX = "x"
    TIMES = "t"
    HELP = "h"
    LEAVE = "q"


HELP = """\
Ctrl-]         end, as Ctrl-T q does
Ctrl-T r       reset the board by the lines of its port (DTR and RTS)
Ctrl-T f       send a file to a MicroPython, and check it
Ctrl-T p       paste the bytes of a file, slowly
Ctrl-T l       record, or stop recording
Ctrl-T b       send a break
Ctrl-T x       show bytes in hexadecimal, or as text again
Ctrl-T t       show the time before each line, or no longer
Ctrl-T Ctrl-T  send a Ctrl-T; Ctrl-T Ctrl-] sends a Ctrl-]
Ctrl-T h       show this list
"""


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for the device; never empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Show:
    """What the person sees of what they type to the console itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Do:
    """A command; `path` is what was typed for one that wants a file."""

    command: Command
    path: str = ""


Meant = Send | Show | Do


class _State(Enum):
    THROUGH = "keys go to the device"
    MENU = "the next key is a command"
    ASKING = "a file's name is typed"


class Keys:
    """The keyboard of one console."""

    def __init__(self) -> None:
        self._state = _State.THROUGH
        self._for = Command.FILE  # what the name is for
        self._typed = bytearray()

    def receive(self, data: bytes) -> list[Meant]:
        """What these keys mean, in their order."""
        meant: list[Meant] = []
        through = bytearray()

        def flush() -> None:
            if through:
                meant.append(Send(bytes(through)))
                through.clear()

        for byte in data:
            match self._state:
                case _State.THROUGH if byte == LEAVE:
                    flush()
                    meant.append(Do(Command.LEAVE))
                case _State.THROUGH if byte == MENU:
                    self._state = _State.MENU
                case _State.THROUGH:
                    through.append(byte)
                case _State.MENU if byte in (LEAVE, MENU):
                    self._state = _State.THROUGH
                    through.append(byte)
                case _State.MENU:
                    flush()
                    meant.append(self._chosen(byte))
                case _State.ASKING:
                    meant += self._asked(byte)
        flush()
        return meant

    def _chosen(self, byte: int) -> Meant:
        self._state = _State.THROUGH
        try:
            command = Command(chr(byte).lower())
        except ValueError:
            command = Command.HELP
        if command not in (Command.FILE, Command.PASTE):
            return Do(command)
        self._state, self._for = _State.ASKING, command
        self._typed.clear()
        return Show("\r\nfile to send (Ctrl-C: none): ")

    def _asked(self, byte: int) -> list[Meant]:
        if byte in b"\r\n":
            self._state = _State.THROUGH
            path = self._typed.decode(errors="surrogateescape").strip()
            return [Show("\r\n"), Do(self._for, path)] if path else [Show("\r\n")]
        if byte in b"\x03\x1b\x07" or byte == LEAVE:
            self._state = _State.THROUGH
            return [Show(" (none)\r\n")]
        if byte in b"\x7f\x08":
            text = self._typed.decode(errors="surrogateescape")
            self._typed[:] = text[:-1].encode(errors="surrogateescape")
            return [Show("\b \b")] if text else []
        if byte < 0x20 or len(self._typed) >= LONGEST:
            return []
        self._typed.append(byte)
        return self._echo()

    def _echo(self) -> list[Meant]:
        """The letter that is now whole; nothing within one of several bytes."""
        for size in range(1, 5):
            try:
                letter = self._typed[-size:].decode()
            except UnicodeDecodeError:
                continue
            return [Show(letter)] if len(letter) == 1 and letter.isprintable() else []
        return []
