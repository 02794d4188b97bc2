# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion gateway backup FILE` and `ganglion gateway restore FILE`."""

import argparse
import asyncio
import os
from pathlib import Path
from typing import Any

from ganglion.cli.result import Result
from ganglion.errors import UsageError
from ganglion_gateway.backup.making import Contents, make
from ganglion_gateway.backup.restoring import restore, restore_keys
from ganglion_gateway.store.url import DatabaseUrl

BACKUP, RESTORE = "backup", "restore"
#: Names the passphrase where no file does.
_ENVIRONMENT = "GANGLION_BACKUP_PASSPHRASE"


def arguments(verbs: "argparse._SubParsersAction[Any]", common: argparse.ArgumentParser) -> None:
    """The verbs and their options; `--state` and `--database` stand before the verb or behind it."""
    backup = verbs.add_parser(BACKUP, help="write the database and the keys into one file", parents=[common])
    backup.add_argument("file", type=Path, help="where to; readable by its owner alone")
    backup.add_argument("--force", action="store_true", help="replace the file")
    back = verbs.add_parser(RESTORE, help="begin from such a file", parents=[common])
    back.add_argument("file", type=Path, help="a backup")
    back.add_argument("--force", action="store_true", help="replace what is there; files go into a folder of their own")
    back.add_argument(
        "--beside", action="store_true", help="the keys alone, for a gateway beside that one, on the same database"
    )
    back.add_argument("--dry-run", action="store_true", help="look at the file, and at what is there; change nothing")
    for parser in (backup, back):
        parser.add_argument("--state", type=Path, default=argparse.SUPPRESS, help="as for the gateway")
        parser.add_argument("--database", metavar="URL", default=argparse.SUPPRESS, help="as for the gateway")
        parser.add_argument(
            "--passphrase-file", type=Path, metavar="FILE", help=f"its first line encrypts; or {_ENVIRONMENT}"
        )


def run(args: argparse.Namespace, url: DatabaseUrl | None) -> Result:
    """Does what the verb says.

    Raises:
        UsageError: the passphrase is empty, or options do not go together.
        GanglionError: see `make` and `restore`.
    """
    folder = args.state.absolute()
    where = url or DatabaseUrl.file(folder / "gateway.db")
    passphrase = _passphrase(args.passphrase_file)
    if args.verb == BACKUP:
        contents = asyncio.run(make(folder, where, args.file, passphrase=passphrase, force=args.force))
        return Result(data={"file": str(args.file), **contents.document()}, text=lambda: _made(args.file, contents))
    if args.beside:
        return _beside(args, folder, passphrase)
    done = asyncio.run(restore(args.file, folder, where, passphrase=passphrase, force=args.force, dry_run=args.dry_run))
    document = {**done.contents.document(), "state": str(folder), "database": str(where), "dry_run": args.dry_run}
    document["before"] = None if done.before is None else str(done.before)

    def told() -> str:
        said = f"{'would restore' if args.dry_run else 'restored'} {_says(done.contents)} into {folder}"
        said += f"\nthe database: {where}"
        return said + (f"\nwhat was there before: {done.before}" if done.before is not None else "")

    return Result(data=document, text=told)


def _beside(args: argparse.Namespace, folder: Path, passphrase: str | None) -> Result:
    if args.force or args.dry_run:
        raise UsageError("--beside begins a state folder: it goes with neither --force nor --dry-run")
    kept = restore_keys(args.file, folder, passphrase=passphrase).contents
    mesh = kept.header["mesh"]
    return Result(
        data={**kept.document(), "state": str(folder)},
        text=lambda: f"{folder} has the keys of the mesh {mesh}: {', '.join(kept.files)}",
    )


def _says(contents: Contents) -> str:
    rows = contents.rows
    return (
        f"the mesh {contents.header['mesh']}, {rows.get('nodes', 0)} nodes, {rows.get('events', 0)} events, "
        f"{sum(rows.values())} rows and {len(contents.files)} files"
    )


def _made(file: Path, contents: Contents) -> str:
    said = f"{file}: {_says(contents)}, {file.stat().st_size} bytes"
    if contents.header["encryption"] is None:
        said += "\nIt is not encrypted, and holds the keys of the mesh: whoever reads it can run the mesh."
    return said


def _passphrase(file: Path | None) -> str | None:
    if file is None:
        given = os.environ.get(_ENVIRONMENT)
        where = _ENVIRONMENT
    else:
        given = (file.read_text(encoding="utf-8").splitlines() or [""])[0]
        where = str(file)
    if given is not None and not given.strip():
        raise UsageError(f"{where} holds no passphrase: write one there, or leave it out")
    return given
