# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Redis server is: `redis://[[user]:password@]host[:6379][/database]`, `rediss://…[?ca=FILE]` over TLS."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from ganglion.errors import UsageError

_PORT = 6379


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisUrl:
    """A server's address. `str` gives it without the credentials, fit for a log.

    Attributes:
        host: Name or address; an IPv6 address without its brackets.
        port: TCP port.
        database: Its number, 0 where the URL has none.
        tls: `rediss`: TLS, the server's name and certificate checked.
        username, password: None where the URL has none.
        ca: PEM file of the authorities to trust instead of the system's, or None.
    """

    host: str
    port: int = _PORT
    database: int = 0
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None

    @classmethod
    def parse(cls, text: str) -> "RedisUrl":
        """Reads a URL; percent-encoding in user name and password is undone.

        Raises:
            UsageError: not such a URL. The message never repeats it, as it may have a password.
        """
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise UsageError("the URL of Redis cannot be read: write redis://host:6379/0") from None
        database = parts.path.removeprefix("/") or "0"
        tls = parts.scheme == "rediss"
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if not parts.hostname or port == 0 or parts.fragment or options.keys() - ({"ca"} if tls else set()):
            raise UsageError("the URL of Redis is redis://user:password@host:6379/0, or rediss://…?ca=FILE for TLS")
        if not (database.isascii() and database.isdecimal() and len(database) <= 5):
            raise UsageError("the URL of Redis ends with the number of the database: redis://host:6379/0")
        return cls(
            host=parts.hostname,
            port=port or _PORT,
            database=int(database),
            tls=tls,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password is not None else None,
            ca=options.get("ca"),
        )

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' if self.tls else ''}://{host}:{self.port}/{self.database}"
