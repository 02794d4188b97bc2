# SPDX-License-Identifier: GPL-3.0-or-later
"""Which URLs and addresses webhooks may go to. Pure.

Whoever may name an endpoint could otherwise make the gateway knock at doors that only it can reach: cloud metadata,
routers, databases on loopback (server-side request forgery). A name is judged by the very address that is connected to
(`connection.py`), so that it cannot change between check and use.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ganglion.errors import InvalidError, RefusedError
from ganglion.sentences import say

if TYPE_CHECKING:
    from pycurl import CurlUrl

_MAX_URL = 2000
#: A translator stands for it: the last 32 bits are an IPv4 address (RFC 6052).
_TRANSLATED = IPv6Network("64:ff9b::/96")
#: The same, within a site (RFC 8215).
_LOCALLY_TRANSLATED = IPv6Network("64:ff9b:1::/48")


def check_url(url: str, *, allow_http: bool, allow_private: bool = True) -> str:
    """The URL, where it may be an endpoint's.

    Args:
        allow_private: Whether an address that stands in the URL itself may be a private one. Where a name leads is
            looked at when it is connected to.

    Raises:
        InvalidError: it is none, not of https, or of an address that is not public.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidError(say("{url!r} is no URL: {why}", url=url, why=str(error))) from None
    if len(url) > _MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidError(say("a webhook's URL has at most {most} letters, all of them ASCII", most=_MAX_URL))
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise InvalidError(say("{url!r} is no URL of a webhook: write https://host/path", url=url))
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidError(say("a webhook's URL holds no user, password or fragment: deliveries are signed instead"))
    if parts.scheme == "http" and not allow_http:
        raise InvalidError(
            say(
                "{url!r} is not https: anybody on the way could read it; allow_http (--allow-http) "
                "says that this is fine",
                url=url,
            )
        )
    parsed(url)
    if not allow_private:
        _check_public(url, parts.hostname)
    try:
        parts.hostname.encode("idna")
    except UnicodeError:
        raise InvalidError(
            say("{host!r} is no name of a host: between its dots there are 1 to 63 letters", host=parts.hostname)
        ) from None
    return url


def _check_public(url: str, host: str) -> None:
    try:
        is_private = not is_public(str(ip_address(host.partition("%")[0])))
    except ValueError:
        is_private = host == "localhost" or host.endswith(".localhost")  # RFC 6761 section 6.3
    if is_private:
        raise InvalidError(
            say(
                "{url!r} is at {host}, which is no public address: nothing would be delivered to it; "
                "allow_private (--allow-private) says that this is fine",
                url=url,
                host=host,
            )
        )


def parsed(url: str) -> "CurlUrl":
    """The URL as libcurl reads it, which delivers, and is stricter than `urlsplit`.

    Raises:
        InvalidError: it reads none.
    """
    import pycurl

    try:
        return pycurl.CurlUrl(url, pycurl.U_PATH_AS_IS)
    except pycurl.error as error:
        raise InvalidError(
            say(
                "{url!r} is no URL of a webhook: {why}; write https://host/path",
                url=url,
                why=str(error.args[-1]).lower(),
            )
        ) from None


def is_public(address: str) -> bool:
    """Whether an address is one of the whole Internet's, and not of this machine, network or site."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        if ip in _LOCALLY_TRANSLATED or ip.is_site_local:  # fec0::/10, which Python thinks global
            return False
        ip = _embedded(ip) or ip
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to this one end at."""
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip in _TRANSLATED or int(ip) >> 32 == 0:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return None


def check_address(host: str, address: str) -> None:
    """Raises: RefusedError, the address that a host was found at is not public."""
    if not is_public(address):
        raise RefusedError(
            say(
                "{host} is at {address}, which is not a public address; allow_private says that this is fine",
                host=host,
                address=address,
            )
        )
