# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a broker is and how it is spoken to: `mqtt://[user:password@]host[:1883]`, `mqtts://host[:8883][?ca=FILE]`."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from ganglion.errors import InvalidError

#: Registered with IANA for `mqtt` and `secure-mqtt`.
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUrl:
    """A broker's address. `str` gives it without the credentials, fit for a log.

    Attributes:
        host: Name or address; an IPv6 address without its brackets.
        port: TCP port, 1 to 65535.
        tls: `mqtts`: TLS, the broker's name and certificate checked.
        username: User name for CONNECT (3.1.3.4), or None.
        password: Password for CONNECT (3.1.3.5), or None.
        ca: PEM file of the authorities to trust instead of the system's, or None.
    """

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None

    @classmethod
    def parse(cls, text: str) -> "BrokerUrl":
        """Reads a URL; percent-encoding in user name and password is undone.

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
            raise InvalidError("a broker's URL has nothing after the port but ?ca=FILE")
        if parts.password is not None and not parts.username:
            raise InvalidError("the broker's URL has a password and no user name (MQTT 3.1.1 section 3.1.2.9)")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        tls = parts.scheme == "mqtts"
        if unknown := options.keys() - ({"ca"} if tls else set()):
            remedy = "only mqtts:// takes ca=FILE" if "ca" in unknown else "only ca=FILE is known"
            raise InvalidError(f"the broker's URL has an option {min(unknown)!r}: {remedy}")
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            tls=tls,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password is not None else None,
            ca=options.get("ca"),
        )

    def tls_context(self) -> ssl.SSLContext | None:
        """What to open the socket with; None without TLS.

        Raises:
            InvalidError: the file of authorities cannot be read.
        """
        if not self.tls:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise InvalidError(f"the authorities in {self.ca} cannot be read: {error}", where=str(self)) from error

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt{'s' if self.tls else ''}://{host}:{self.port}"
