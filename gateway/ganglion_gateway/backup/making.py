# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a backup, of a gateway that runs or of one that does not."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy.exc import OperationalError

from ganglion import __version__
from ganglion.errors import NotFoundError, RefusedError, UnreachableError
from ganglion.mesh import files
from ganglion.mesh.authority import Authority
from ganglion_gateway.backup import state, tables
from ganglion_gateway.backup.container import Reader, Writer
from ganglion_gateway.store import revisions
from ganglion_gateway.store.engines import snapshot
from ganglion_gateway.store.url import SQLITE, DatabaseUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in a backup.

    Attributes:
        header: What everybody may know of it.
        rows: How many, by table.
        files: Names of files of the state folder.
    """

    header: dict[str, Any]
    rows: dict[str, int]
    files: list[str]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.header, "encryption": self.header["encryption"] and "argon2id", "rows": self.rows} | {
            "files": self.files
        }


async def make(folder: Path, url: DatabaseUrl, to: Path, *, passphrase: str | None, force: bool = False) -> Contents:
    """Writes a backup, which is whole when it has its name.

    The database is as it is at one moment. The files are read after it: a node that is revoked meanwhile is revoked in
    the backup, too.

    Args:
        folder: The state folder.
        url: Its database.
        to: The file; its mode is 0600.
        passphrase: Encrypts it; None for one that whoever has it can read.
        force: Replace a file that is there.

    Raises:
        NotFoundError: there is no gateway in the folder, no database, or no folder for the file.
        RefusedError: the file cannot be written, or is there already.
        UnreachableError: the database does not answer.
    """
    _check(folder, url, to, force=force)
    now = time.time_ns()
    draft = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        async with snapshot(url) as connection:
            with _opened(draft, to) as file:
                revision = await revisions.current(connection)
                if revision is None:
                    raise NotFoundError(f"the database {url} has no tables of a gateway")
                mesh = Authority.open(folder / "authority", now=now, create=False).mesh_id
                header = {"created": now, "mesh": mesh, "revision": revision, "software": __version__}
                writer = Writer(file, header, passphrase)
                await tables.dump(connection, writer.line)
                state.dump(folder, writer.line, url.path)
                writer.close()
                file.flush()
                os.fsync(file.fileno())
        contents = look(Reader(draft, passphrase))  # what cannot be read back is none
        files.rename(draft, to)
    except OperationalError as error:
        said = (str(error.orig).strip().splitlines() or ["no answer"])[0]
        raise UnreachableError(f"the database {url} cannot be read: {said}") from None
    finally:
        draft.unlink(missing_ok=True)
    return contents


def _opened(draft: Path, to: Path) -> BinaryIO:
    try:
        return os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
    except OSError as error:
        raise RefusedError(f"{to} cannot be written: {error.strerror}") from None


def _check(folder: Path, url: DatabaseUrl, to: Path, *, force: bool) -> None:
    if not (folder / "identity").exists():
        raise NotFoundError(f"no gateway has its state in {folder}: name its folder by --state")
    if url.kind == SQLITE and not (url.path is not None and url.path.exists()):
        raise NotFoundError(f"no database in {url}: name it by --database")
    if not to.absolute().parent.is_dir():
        raise NotFoundError(f"{to} cannot be written: there is no folder {to.parent}; make it first")
    if to.exists() and not force:
        raise RefusedError(f"{to} is there already: give another name, or --force to replace it")


def look(reader: Reader) -> Contents:
    """Reads a backup through.

    Raises:
        RefusedError: the passphrase is another.
        InvalidError: it is damaged.
    """
    rows: dict[str, int] = {}
    names: list[str] = []
    table = ""
    for line in reader.lines():
        if isinstance(line, dict) and "table" in line:
            table = line["table"]
            rows[table] = 0
        elif isinstance(line, dict):
            names.append(line["file"])
        elif isinstance(line, list):
            rows[table] += 1
    return Contents(header=reader.header, rows=rows, files=names)
