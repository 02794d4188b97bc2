# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the gateway's database is.

    /path/of/gateway.db
    sqlite:///path/of/gateway.db
    postgresql://[user[:password]@]host[:5432]/name[?account=FILE][&sslmode=verify-full&sslrootcert=FILE…]

What follows the `?` is libpq's (PostgreSQL 15, section 34.1.2), but for `account`: a file whose first line is
`user:password`, read at each connection, so that a password that changes counts from the next one on.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from ganglion import extras
from ganglion.errors import InvalidError, NotFoundError, UsageError

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_SCHEMES = {"sqlite": SQLITE, "postgresql": POSTGRESQL, "postgres": POSTGRESQL}
#: What of libpq is the gateway's own to set, or no business of a URL.
_OURS = ("options", "application_name", "client_encoding", "replication", "password")
#: What libpq is told where the URL does not say: seconds for one address to answer; milliseconds that what was sent may
#: go without a word of the other's kernel (tcp(7)); and seconds of silence until it is asked for one, so that who waits
#: for an answer of a machine that has vanished is told so, too.
_PATIENCE = {
    "connect_timeout": 5,
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
#: The account's words, where a file has them.
_ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrl:
    """One database. `str` gives it without the credentials, fit for a log.

    Attributes:
        kind: `sqlite` or `postgresql`.
        path: SQLite's file; None for PostgreSQL.
        parameters: What libpq calls its parameters, from the URL; empty for SQLite.
        account: File whose first line is `user:password`; None where there is none.
    """

    kind: str
    path: Path | None = None
    parameters: dict[str, Any] = field(default_factory=dict, repr=False)
    account: Path | None = None

    @classmethod
    def parse(cls, text: str) -> "DatabaseUrl":
        """Reads a URL, or the path of a file for SQLite.

        Raises:
            InvalidError: it is none. The message never repeats the credentials.
            UsageError: it is of PostgreSQL, and its driver is not installed.
        """
        if "://" not in text:
            return cls.file(Path(text))
        scheme = text.partition("://")[0]
        if scheme not in _SCHEMES:
            raise InvalidError(
                f"a database's URL starts with postgresql:// or sqlite://, not {scheme!r}, "
                "as in postgresql://ganglion@127.0.0.1/ganglion"
            )
        return _sqlite(text) if _SCHEMES[scheme] == SQLITE else _postgresql(text)

    @classmethod
    def file(cls, path: Path) -> "DatabaseUrl":
        """SQLite's database in a file."""
        return cls(kind=SQLITE, path=path.absolute())

    @property
    def has_password(self) -> bool:
        """Whether the text that it was read from has a password in it."""
        return "password" in self.parameters

    def connection(self) -> dict[str, Any]:
        """libpq's parameters as they are now, with the words of the account.

        Raises:
            NotFoundError: the account's file is not there.
            InvalidError: it cannot be read, or its first line is no `user:password`.
        """
        return {**_PATIENCE, **self.parameters, **self._account()}

    def _account(self) -> dict[str, str]:
        if self.account is None:
            return {}
        try:
            with self.account.open(encoding="utf-8") as file:
                line = file.readline().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            said = f"{self.account}: the account for {self} cannot be read ({reason}): write user:password there"
            raise (NotFoundError if isinstance(error, FileNotFoundError) else InvalidError)(said) from None
        user, colon, password = line.partition(":")
        if not user or not colon:
            raise InvalidError(f"this is no account for {self}: write user:password there", where=str(self.account))
        return {"user": user, "password": password}

    def __str__(self) -> str:
        if self.kind == SQLITE:
            return str(self.path)
        known = self.parameters
        hosts = str(known.get("host") or known.get("hostaddr") or "").split(",")
        ports = str(known.get("port") or "").split(",")
        ports += [ports[0]] * (len(hosts) - len(ports))
        where = ",".join(_host(host, port) for host, port in zip(hosts, ports, strict=False))
        return f"postgresql://{where}/{quote(str(known.get('dbname') or ''))}"


def _host(host: str, port: str) -> str:
    name = f"[{host}]" if ":" in host else quote(host)
    return f"{name}:{port}" if port else name


def _sqlite(text: str) -> DatabaseUrl:
    parts = urlsplit(text)
    if parts.netloc or parts.query or parts.fragment or parts.path in ("", "/"):
        raise InvalidError("SQLite's URL is sqlite:// and the absolute path of a file, as in sqlite:///srv/gateway.db")
    return DatabaseUrl.file(Path(parts.path))


def _postgresql(text: str) -> DatabaseUrl:
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise UsageError(f"PostgreSQL needs more than is installed: {extras.remedy('postgresql')}") from None
    address, _, query = text.partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    account = dict(options).get(_ACCOUNT)
    rest = urlencode([(name, value) for name, value in options if name != _ACCOUNT])
    try:
        known = conninfo_to_dict(f"{address}?{rest}" if rest else address)
    except ProgrammingError:
        raise InvalidError(
            "the database's URL cannot be read: write it as postgresql://user@host:5432/name?account=FILE, "
            "with %xx for letters that a URL does not have"
        ) from None
    if wrong := [name for name, _ in options if name in _OURS]:
        raise InvalidError(f"the database's URL has an option {wrong[0]!r}, which is not to be set there")
    if not known.get("dbname"):
        raise InvalidError("the database's URL names no database: write it as postgresql://user@host:5432/name")
    if account == "":
        raise InvalidError("the database's URL names no file: write account=FILE")
    if account and known.get("user"):
        raise InvalidError("the database's URL has a user and account=FILE: the file holds both, leave one out")
    return DatabaseUrl(
        kind=POSTGRESQL, parameters=dict(known), account=Path(account).absolute() if account is not None else None
    )
