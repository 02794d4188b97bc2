# SPDX-License-Identifier: GPL-3.0-or-later
"""A broker's folder: its book, its configuration, the accounts to be carried to nodes; and the running broker's ear."""

import os
import pwd
import signal
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from ganglion.errors import NotFoundError, RefusedError, UsageError
from ganglion.mesh import files
from ganglion_tools.admission import certificates, limits, mosquitto, nats
from ganglion_tools.admission.book import Book

KINDS: Mapping[str, ModuleType] = {"mosquitto": mosquitto, "nats": nats}
_BOOK = "broker.json"


class Folder:
    """One broker's folder.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def is_made(self) -> bool:
        """Whether a broker was configured here."""
        return (self.path / _BOOK).exists()

    def read(self) -> Book:
        """Its book.

        Raises:
            NotFoundError: there is none.
            InvalidError: the file is none.
        """
        data = files.read(self.path / _BOOK)
        if data is None:
            raise NotFoundError(f"{self.path} is no broker's folder: `ganglion broker init` makes one")
        return Book.read(data, str(self.path / _BOOK))

    def save(self, book: Book, passwords: Mapping[str, str]) -> None:
        """Writes everything anew; of accounts, only those that have a new password.

        The book comes last: what is cut short before is done again.
        """
        for user, password in passwords.items():
            self._write(f"accounts/{user}", f"{user}:{password}\n".encode(), book)
        for gone in self._accounts() - set(book.accounts):
            (self.path / "accounts" / gone).unlink()
        (self.path / "data").mkdir(mode=0o700, exist_ok=True)
        self._own(self.path / "data", book)
        for name, text in KINDS[book.kind].render(book, self.path).items():
            self._write(name, text.encode(), book)
        self._write(_BOOK, book.write(), book)

    def certify(self, book: Book) -> bool:
        """Makes the broker's certificate where it has none, or not for long; whether there is a new one."""
        now = datetime.now(UTC)
        held = files.read(self.path / "tls" / "server.pem")
        if not book.tls or (held is not None and not certificates.due(held, now)):
            return False
        authority, key = files.read(self.path / "tls" / "ca.pem"), files.read(self.path / "tls" / "ca.key")
        if authority is None or key is None:
            authority, key = certificates.authority(now)
            self._write("tls/ca.key", key, book)
            self._write("tls/ca.pem", authority, book, mode=0o644)
        certificate, own = certificates.server(book.hosts, authority, key, now)
        self._write("tls/server.key", own, book)
        self._write("tls/server.pem", certificate, book, mode=0o644)
        return True

    def reload(self, book: Book) -> int | None:
        """Has the running broker read its configuration again; its process id, None where it does not run here.

        Both brokers do so on SIGHUP. Connections whose account is as it was stay.

        Raises:
            RefusedError: it runs as another user.
        """
        try:
            pid = int((self.path / limits.PID_FILE).read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        program = KINDS[book.kind].PROGRAM
        if program.encode() not in command.partition(b"\0")[0]:
            return None  # another program has the number now
        try:
            os.kill(pid, signal.SIGHUP)
        except ProcessLookupError:
            return None
        except PermissionError:
            raise RefusedError(
                f"the configuration is written, and {program} (pid {pid}) runs as another user: "
                f"tell it as that user, kill -HUP {pid}"
            ) from None
        return pid

    def _accounts(self) -> set[str]:
        with suppress(FileNotFoundError):
            return {path.name for path in (self.path / "accounts").iterdir() if not path.name.startswith(".")}
        return set()

    def _write(self, name: str, data: bytes, book: Book, *, mode: int = 0o600) -> None:
        path = self.path / name
        files.write(path, data, mode=mode)
        self._own(path.parent, book)
        self._own(path, book)

    def _own(self, path: Path, book: Book) -> None:
        """Gives it to the user that runs the broker, where that is another than we are."""
        if os.geteuid() == 0:
            user = account_of(book.owner)
            os.chown(path, user.pw_uid, user.pw_gid)


def account_of(owner: str) -> pwd.struct_passwd:
    """The system user of this name.

    Raises:
        UsageError: there is none.
    """
    try:
        return pwd.getpwnam(owner)
    except KeyError:
        raise UsageError(f"--user {owner}: this machine has no such user") from None
