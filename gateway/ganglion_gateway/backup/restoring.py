# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a backup in the place of a gateway that does not run: all of it, or nothing."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import InvalidError, RefusedError, UnreachableError
from ganglion.mesh import files
from ganglion_gateway.backup import state, tables
from ganglion_gateway.backup.container import Reader
from ganglion_gateway.backup.making import Contents, look
from ganglion_gateway.store import revisions
from ganglion_gateway.store.database import secure
from ganglion_gateway.store.engines import engines
from ganglion_gateway.store.url import SQLITE, DatabaseUrl

#: Tables that a gateway fills as soon as it starts, and that say nothing of whether something is stored.
_ANYWAY = ("about", "leases")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore has done.

    Attributes:
        contents: What was in the backup.
        before: The folder with what was there before; None where nothing was.
    """

    contents: Contents
    before: Path | None


def restore_keys(path: Path, folder: Path, *, passphrase: str | None) -> Restored:
    """Gives a gateway of its own, beside the one that a backup is of, the same keys of the mesh.

    It has another identity in the mesh, and uses the same database, which is left alone.

    Args:
        path: The backup.
        folder: Its state folder, in which nothing is yet.
        passphrase: Of a backup that is encrypted.

    Raises:
        RefusedError: there is something in the folder, or the passphrase is another.
        InvalidError: the file is damaged, or no backup.
    """
    reader = Reader(path, passphrase)
    contents = look(reader)
    is_new = _made(folder)
    with files.held(folder, "gateway"):
        with _or_nothing(folder, is_new):
            if there := state.entries(folder):
                raise RefusedError(f"{folder} has {there[0].name} and more in it: give another --state")
            staging = state.Staging(folder)
            taking = False
            for line in reader.lines():
                if isinstance(line, dict):
                    taking = "file" in line and state.is_key(line["file"])
                    if taking:
                        staging.file(line["file"], line["mode"])
                elif taking:
                    staging.piece(line)
            staging.close()
        staging.swap(_stamp())
    kept = [name for name in contents.files if state.is_key(name)]
    return Restored(contents=Contents(header=contents.header, rows={}, files=kept), before=None)


async def restore(
    path: Path, folder: Path, url: DatabaseUrl, *, passphrase: str | None, force: bool = False, dry_run: bool = False
) -> Restored:
    """Restores a backup into a state folder and a database, which need not be of the kind that it was made of.

    Args:
        path: The backup.
        folder: The state folder; what was in it is moved into a folder of its own.
        url: The database.
        passphrase: Of a backup that is encrypted.
        force: Replace what is there.
        dry_run: Look at everything, and change nothing.

    Raises:
        RefusedError: a gateway runs there, or something is there and `force` is not set; or the passphrase is another.
        InvalidError: the file is damaged, no backup, or of a newer gateway.
        UnreachableError: the database does not answer.
    """
    reader = Reader(path, passphrase)
    contents = look(reader)
    _known(contents.header["revision"], path)
    if dry_run:
        _check(folder, url, force=force)
        return Restored(contents=contents, before=None)
    is_new = _made(folder)
    with files.held(folder, "gateway"):
        with _or_nothing(folder, is_new):
            _check(folder, url, force=force)
            staging = state.Staging(folder)
            where = url
            if (
                url.path is not None and url.path.parent == folder
            ):  # it is made beside the files, and put in place with them
                where = DatabaseUrl.file(staging.path / url.path.name)
            elif url.path is not None:
                _aside(url.path)
            async with _writing(where) as connection:
                await _empty(connection, url, force=force)
                await _load(connection, reader, staging)
            staging.close()
        return Restored(contents=contents, before=staging.swap(_stamp()))


def _check(folder: Path, url: DatabaseUrl, *, force: bool) -> None:
    there = state.entries(folder) if folder.exists() else []
    if there and not force:
        raise RefusedError(f"{folder} has {there[0].name} and more in it: give another --state, or --force")
    if url.path is not None and url.path.exists() and not force:
        raise RefusedError(f"{url.path} is there already: give another --database, or --force")


def _made(folder: Path) -> bool:
    """Makes a state folder; whether there was none."""
    is_new = not folder.exists()
    secure(folder)
    return is_new


@contextmanager
def _or_nothing(folder: Path, is_new: bool) -> Iterator[None]:
    """Where the block fails, nothing of it is left in the folder, nor the folder where it is new."""
    was_broken_off = (folder / state.STAGE).exists()  # then some of what it held may be nowhere else
    try:
        yield
    except BaseException:
        if not was_broken_off:
            state.remove(folder / state.STAGE)
        if is_new:
            (folder / state.LOCK).unlink(missing_ok=True)
            with suppress(OSError):
                folder.rmdir()
        raise


def _stamp() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


@asynccontextmanager
async def _writing(url: DatabaseUrl) -> AsyncIterator[AsyncConnection]:
    """One transaction, alone, that is committed if the block ends well."""
    connections = engines(url)
    try:
        async with connections.migrations.begin() as connection:
            yield connection
    except OperationalError as error:
        said = (str(error.orig).strip().splitlines() or ["no answer"])[0]
        raise UnreachableError(f"the database {url} cannot be used: {said}") from None
    finally:
        await connections.dispose()


def _known(revision: str, path: Path) -> None:
    if revision not in revisions.known():
        raise InvalidError(
            f"its tables are of the revision {revision}, a newer gateway's: update this one", where=str(path)
        )


def _aside(path: Path) -> None:
    stamp = _stamp()
    for end in ("", "-wal", "-shm"):
        file = path.with_name(path.name + end)
        if file.exists():
            files.rename(file, path.with_name(f"{path.name}.{state.BEFORE}{stamp}{end}"))


async def _empty(connection: AsyncConnection, url: DatabaseUrl, *, force: bool) -> None:
    """Has the database hold no tables of a gateway's, where nobody uses it."""
    if url.kind == SQLITE:
        return
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'ganglion-gateway' AND pid <> pg_backend_pid()"
    )
    if (await connection.execute(others)).scalar():
        raise RefusedError(f"a gateway uses the database {url}: stop it first")
    if await revisions.current(connection) is None:
        return
    for table in await tables.reflected(connection):
        if table.name not in _ANYWAY and (await connection.execute(select(func.count()).select_from(table))).scalar():
            if not force:
                raise RefusedError(f"the database {url} has rows in {table.name}: give another --database, or --force")
            break
    await revisions.remove(connection)


async def _load(connection: AsyncConnection, reader: Reader, staging: state.Staging) -> None:
    await revisions.upgrade(connection, reader.header["revision"])
    loading = tables.Loading(connection, await tables.reflected(connection))
    for line in reader.lines():
        if isinstance(line, list):
            await loading.row(line)
        elif isinstance(line, str):
            staging.piece(line)
        elif "table" in line:
            await loading.table(line["table"], line["columns"])
        else:
            staging.file(line["file"], line["mode"])
    await loading.close()
    await revisions.upgrade(connection, revisions.known()[-1])
