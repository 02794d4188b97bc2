# SPDX-License-Identifier: GPL-3.0-or-later
"""A replica and its authors on the disk: what has changed is gathered, and committed in a thread."""

import asyncio
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ganglion.errors import GanglionError
from ganglion.mesh.state.directory import Directory
from ganglion.mesh.state.file import StateFile
from ganglion.mesh.state.replica import Replica, Unsaved

_log = logging.getLogger(__name__)


class Journal:
    """That of one member. Runs on one event loop.

    Args:
        path: The file; opened here.
        directory: The authors; gets those that were kept.

    Attributes:
        failing: Whether the disk took nothing when it was last tried.

    Raises:
        sqlite3.Error: the disk is broken.
    """

    def __init__(self, path: Path, directory: Directory) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")
        self._file = StateFile(path)
        self._directory = directory
        self._unsaved = Unsaved({}, {})
        self.failing = False
        directory.restore(self._file.credentials())

    def restore(self, replica: Replica) -> None:
        """Gives a new replica what was kept."""
        replica.restore(*self._file.load())

    def gather(self, replica: Replica) -> bool:
        """Takes what has changed; whether there is any entry that is not on the disk."""
        entries, seen = replica.take_unsaved()
        self._unsaved.entries.update(entries)
        self._unsaved.seen.update(seen)
        return bool(self._unsaved.entries)

    async def commit(self, replica: Replica) -> GanglionError | None:
        """One transaction. Why the disk took nothing, if so; then all of it comes before what is next."""
        unsaved, credentials = self._unsaved, self._directory.take_unsaved(replica.authors)
        self.failing = False
        if not (unsaved.entries or unsaved.seen or credentials):
            return None
        self._unsaved = Unsaved({}, {})
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._file.commit, unsaved, credentials)
        except sqlite3.Error as error:
            _log.error("The mesh's state cannot be written (%s).", error)
            self._unsaved = Unsaved(unsaved.entries | self._unsaved.entries, unsaved.seen | self._unsaved.seen)
            self._directory.unsaved |= credentials
            self.failing = True
            return GanglionError(f"the disk did not take it ({error}): make room; it is tried again until then")
        return None

    async def close(self) -> None:
        """Closes the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._file.close)
        self._thread.shutdown()
