# SPDX-License-Identifier: GPL-3.0-or-later
"""The store that a URL names."""

from pathlib import Path
from urllib.parse import unquote

from ganglion import extras
from ganglion.errors import UsageError
from ganglion.mova.ports import SessionStore, Time


def file_of(url: str) -> Path | None:
    """The file that a URL names; None where it names another store, or none."""
    begin = "sqlite:///"
    return Path(unquote(url.removeprefix(begin))) if url.startswith(begin) and url != begin else None


def open_store(url: str, clock: Time) -> SessionStore:
    """A store for sessions; it connects, or opens its file, when it is first used.

    Args:
        url: `memory:`, `sqlite:///sessions.db` (`sqlite:////var/lib/sessions.db` is an absolute path),
            `redis://[[user]:password@]host[:6379][/database]`, or `rediss://…[?ca=FILE]`.
        clock: What the time is; Redis has its own.

    Raises:
        UsageError: it is none of these, or Redis's client is not installed. The message has no password.
    """
    if url == "memory:":
        from ganglion.mova.session.memory import MemoryStore

        return MemoryStore(clock)
    if (file := file_of(url)) is not None:
        from ganglion.mova.session.sqlite import SQLiteStore

        return SQLiteStore(file, clock)
    if url.partition(":")[0] in ("redis", "rediss"):
        from ganglion.mova.session.redis_url import RedisUrl

        address = RedisUrl.parse(url)
        try:
            from ganglion.mova.session.redis import RedisStore
        except ImportError:
            raise UsageError(f"sessions in Redis need more than is installed: {extras.remedy('redis')}") from None
        return RedisStore(address)
    raise UsageError("sessions are kept in memory:, sqlite:///FILE or redis://host:6379/0")
