# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node keeps of who was at its console: a line of JSON for each thing, in a file that is replaced in time."""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganglion.node.seldom import Seldom

_log = logging.getLogger(__name__)

#: Bytes of the file, after which it is set aside in place of the one before: twice as much is kept.
BYTES = 256 * 1024


class Record:
    """That of one node.

    Args:
        path: The file; the one before is beside it, with `.1` behind its name. Both are for their owner alone.
        now: Nanoseconds since the Unix epoch.
    """

    def __init__(self, path: Path, now: Callable[[], int]) -> None:
        self._path = path
        self._now = now
        self._seldom = Seldom()

    def add(self, what: str, who: str, session: str, **more: Any) -> None:
        """Keeps that somebody did something. A disk that is full does not end a session: the log says so.

        Args:
            session: Its id, of which so much is kept as tells it from others: who knows all of it may use it.
        """
        said = {"at": self._now(), "what": what, "who": who, "session": session[:6], **more}
        data = json.dumps(said, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        try:
            if self._path.exists() and self._path.stat().st_size + len(data) > BYTES:
                os.replace(self._path, self._path.with_name(f"{self._path.name}.1"))
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(file, data)
            finally:
                os.close(file)
        except OSError as error:
            if self._seldom.due("record"):
                _log.error("The record of the console, %s, is not kept: %s.", self._path, error.strerror)
