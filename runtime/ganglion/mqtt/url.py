# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a broker is and how it is spoken to.

    mqtt://[user:password@]host[:1883][?account=FILE]
    mqtts://host[:8883][?ca=FILE][&certificate=FILE&key=FILE][&account=FILE]

Files are named in a URL, never read by it until a connection is made: one that changes counts from the next one on.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from ganglion.errors import InvalidError, NotFoundError

#: Registered with IANA for `mqtt` and `secure-mqtt`.
_PORTS = {"mqtt": 1883, "mqtts": 8883}
#: What may follow a `?`, and whether it takes TLS.
_OPTIONS = {"account": False, "ca": True, "certificate": True, "key": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUrl:
    """A broker's address. `str` gives it without the credentials, fit for a log.

    Attributes:
        host: Name or address; an IPv6 address without its brackets.
        port: TCP port, 1 to 65535.
        tls: `mqtts`: TLS, the broker's name and certificate checked.
        username: User name for CONNECT (3.1.3.4), or None.
        password: Password for CONNECT (3.1.3.5), or None.
        account: File whose first line is `user:password`, in place of these two, or None.
        ca: PEM file of the authorities to trust instead of the system's, or None.
        certificate: PEM file of our own certificate, for a broker that asks for one, or None.
        key: PEM file of its key; None where the same file holds it.
    """

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    account: str | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    @classmethod
    def parse(cls, text: str, folder: Path | None = None) -> "BrokerUrl":
        """Reads a URL; percent-encoding in user name and password is undone.

        Args:
            folder: Where the names of files begin that are not absolute; None for the working directory.

        Raises:
            InvalidError: not such a URL. The message never repeats the credentials.
        """
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise InvalidError(f"the broker's URL cannot be read: {error}") from None
        if parts.scheme not in _PORTS:
            raise InvalidError(
                f"a broker's URL starts with mqtt:// or mqtts://, not {parts.scheme!r}, as in mqtt://127.0.0.1:1883"
            )
        if not parts.hostname:
            raise InvalidError("the broker's URL names no host: write it as mqtt://host:1883")
        if port == 0:
            raise InvalidError("port 0 is no port of a broker: write 1 to 65535")
        if parts.path not in ("", "/") or parts.fragment:
            raise InvalidError("a broker's URL has nothing after the port but ?account=FILE and the like")
        if parts.password is not None and not parts.username:
            raise InvalidError("the broker's URL has a password and no user name (MQTT 3.1.1 section 3.1.2.9)")
        tls = parts.scheme == "mqtts"
        files = _files(parts.query, tls=tls, folder=folder)
        if "account" in files and parts.username is not None:
            raise InvalidError("the broker's URL has a user name and account=FILE: the file holds both, leave one out")
        if "key" in files and "certificate" not in files:
            raise InvalidError("the broker's URL has key=FILE without the certificate=FILE that it belongs to")
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            tls=tls,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password is not None else None,
            **files,
        )

    def credentials(self) -> tuple[str | None, str | None]:
        """User name and password as they are now, each None where there is none.

        Raises:
            NotFoundError: the account's file is not there.
            InvalidError: it cannot be read, or its first line is no `user:password`.
        """
        if self.account is None:
            return self.username, self.password
        try:
            with Path(self.account).open(encoding="utf-8") as file:
                line = file.readline().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            said = f"{self.account}: the account for {self} cannot be read ({reason}): write user:password there"
            raise (NotFoundError if isinstance(error, FileNotFoundError) else InvalidError)(said) from None
        username, colon, password = line.partition(":")
        if not username or not colon:
            raise InvalidError(f"this is no account for {self}: write user:password there", where=self.account)
        return username, password

    def tls_context(self) -> ssl.SSLContext | None:
        """What to open the socket with; None without TLS.

        Raises:
            InvalidError: the file of authorities, or our own certificate with its key, cannot be read.
        """
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise InvalidError(f"the authorities in {self.ca} cannot be read: {error}", where=str(self)) from error
        if self.certificate is not None:
            try:
                context.load_cert_chain(self.certificate, self.key, password=_no_password)
            except (OSError, ssl.SSLError, ValueError) as error:
                raise InvalidError(
                    f"{self.certificate} is no certificate with its key in {self.key or 'the same file'}: {error}",
                    where=str(self),
                ) from error
        return context

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt{'s' if self.tls else ''}://{host}:{self.port}"


#: One address, or several of one and the same broker.
Addresses = str | BrokerUrl | Sequence[str | BrokerUrl]


def addresses(given: Addresses, folder: Path | None = None) -> tuple[BrokerUrl, ...]:
    """The addresses of a broker, in the order in which they are tried; `folder` is that of `BrokerUrl.parse`.

    Raises:
        InvalidError: there is none, or one is no URL.
    """
    several = [given] if isinstance(given, str | BrokerUrl) else given
    if not several:
        raise InvalidError("the broker's list of URLs is empty: write at least one, as in mqtt://127.0.0.1:1883")
    return tuple(one if isinstance(one, BrokerUrl) else BrokerUrl.parse(one, folder) for one in several)


def _files(query: str, *, tls: bool, folder: Path | None) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name, file in options.items():
        if name not in _OPTIONS:
            raise InvalidError(f"the broker's URL has an option {name!r}: known are {', '.join(_OPTIONS)}, each =FILE")
        if _OPTIONS[name] and not tls:
            raise InvalidError(f"the broker's URL has an option {name!r}: only mqtts:// takes {name}=FILE")
        if not file:
            raise InvalidError(f"the broker's URL names no file: write {name}=FILE")
    return {name: str(folder / file) if folder is not None else file for name, file in options.items()}


def _no_password() -> str:
    # Without it OpenSSL asks whoever sits at the terminal
    raise ValueError("the key is encrypted; take one that is not, readable by its owner alone")
