# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's files on a board with MicroPython, over its raw REPL: looked at, written, read back."""

from collections.abc import Sequence
from hashlib import sha256

from ganglion.device import programs
from ganglion.device.files import Files
from ganglion.device.session import DeviceError, Session
from ganglion.errors import GanglionError, NotFoundError, RefusedError, UnreachableError
from ganglion.firmware import Bundle
from ganglion.flash.agent_plan import BOOTS, CONFIG, MAIN, AgentPlan, There, asked
from ganglion.flash.plan import Report
from ganglion_agent.slots import POINTER, SLOTS

#: Files whose digests one program asks for.
_AT_ONCE = 16
#: Seconds without a word while a board reads files.
_PATIENCE = 60.0
#: Of a number of starts: a board that says more has a flash that is torn.
_DIGITS = 10
_FREE = "_g=os.statvfs('/');print(_g[0]*_g[3])"
_FORMAT = "import sys;print(getattr(sys.implementation,'_mpy',0)&255)"
#: Old versions say in os.uname what new ones say in sys.
_NAME = """\
import sys
_g=sys.version.split('MicroPython ')[-1],getattr(sys.implementation,'_machine','')
if not _g[1]:
 import os
 _g=os.uname()[3:]
print(_g[0]);print(_g[1])
"""
_BOOTLOADER = "import machine;machine.bootloader()"


class AgentBoard:
    """A board of a session that has been entered.

    Raises:
        RefusedError: its MicroPython cannot run the agent.
        GanglionError: no file system is mounted.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._files = Files(session)
        can = self._files.can
        lacks = [
            what for what, has in (("folders", can.folders), ("rename", can.rename), ("SHA-256", can.sha256)) if not has
        ]
        if lacks:
            raise RefusedError(
                f"the MicroPython on {session.port.name} has no {' and no '.join(lacks)}, which the agent needs: flash "
                "its image first, with --firmware"
            )

        if not self._files.is_mounted("/"):
            raise GanglionError(
                f"the board on {session.port.name} has no file system at its top: its flash may need formatting, or "
                "its image flashed again, with --firmware"
            )

    def config(self) -> bytes | None:
        """The content of its configuration; None where there is none."""
        return self._read(CONFIG)

    def look(self, bundle: Bundle, *more: str) -> There:
        """What is there.

        Args:
            more: Paths whose digests are wanted, too.

        Raises:
            RefusedError: its MicroPython does not load what the bundle has.
        """
        self._loads(bundle)
        boots = self._read(BOOTS) or b""
        digests = self._digests([*asked(bundle), *more])
        is_ours = digests.get(MAIN) == sha256(bundle.outside[MAIN]).hexdigest()
        return There(
            digests=digests,
            pointer=self._read(POINTER),
            names=[path for slot in SLOTS for path in self._tree(slot)],
            config=self.config(),
            main=None if is_ours else self._read(MAIN),
            boots=int(boots) if boots.isdigit() and len(boots) <= _DIGITS else None,
        )

    def carry_out(self, plan: AgentPlan, report: Report) -> None:
        """Does what is to be done; every file is read back.

        Raises:
            GanglionError: a file does not arrive; what is done stays, and the next run goes on.
        """
        for path in plan.removed:
            self._files.remove(path)
        total, done = sum(map(len, plan.written.values())), 0
        for path, data in plan.written.items():
            before = done

            def far(now: int, _: int, before: int = before) -> None:
                report({"event": "progress", "what": "sent", "done": before + now, "total": total})

            self._files.write(path, data, far)
            done += len(data)

    def check_room(self, plan: AgentPlan) -> None:
        """Whether the flash takes what is to be written, once what is to be removed is gone.

        Raises:
            GanglionError: it does not.
        """
        try:
            free = int(self._session.execute(_FREE))
        except (DeviceError, ValueError):
            return  # a port that does not say
        need = sum(map(len, plan.written.values()))
        if need <= free:
            return
        free += sum(self._files.status(path).size for path in plan.removed)
        if need > free:
            raise GanglionError(
                f"{need // 1024} KiB are to be written, and {free // 1024} KiB are free on the board: remove files "
                f"there (`ganglion files {self._session.port.name} rm`)"
            )

    def _loads(self, bundle: Bundle) -> None:
        """The format of .mpy files is that of the interpreter, or nothing starts."""
        made = next(data[1] for name, data in bundle.files.items() if name.endswith(".mpy") and len(data) > 1)
        said = self._session.execute(_FORMAT).strip()
        if said not in (b"0", str(made).encode()):
            other = said.decode(errors="replace")
            raise RefusedError(
                f"the MicroPython on {self._session.port.name} loads .mpy files of format {other}, and the agent is of "
                f"format {made}: flash a newer image, with --firmware"
            )

    def _read(self, path: str) -> bytes | None:
        try:
            return self._files.read(path)
        except NotFoundError:
            return None

    def _tree(self, folder: str) -> list[str]:
        try:
            entries = self._files.listing(folder)
        except NotFoundError:
            return []
        found: list[str] = []
        for entry in entries:
            path = f"{folder}/{entry.name}"
            found += self._tree(path) if entry.is_folder else [path]
        return found

    def _digests(self, paths: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for at in range(0, len(paths), _AT_ONCE):
            some = paths[at : at + _AT_ONCE]
            said = self._session.execute(programs.digests(some), quiet=_PATIENCE).decode(errors="replace").split()
            if len(said) != len(some):
                raise GanglionError(f"the board on {self._session.port.name} said {' '.join(said)[:80]!r}: reset it")
            found |= {path: digest for path, digest in zip(some, said, strict=True) if digest != "-"}
        return found


def interpreter(session: Session) -> tuple[str, str]:
    """Version and machine of the MicroPython that runs, as they stand in its image; empty where it has no words."""
    try:
        lines = session.execute(_NAME).decode(errors="replace").splitlines()
    except DeviceError:
        return "", ""
    return (lines[0].strip(), lines[1].strip()) if len(lines) == 2 else ("", "")


def to_bootloader(session: Session) -> bool:
    """Has the board show its drive, and lets its port go; False where its MicroPython cannot."""
    try:
        session.execute(_BOOTLOADER, quiet=1.0)
    except DeviceError:
        return False
    except UnreachableError:
        pass  # it has gone
    return True
