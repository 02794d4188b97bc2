# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tools a contract is for: those whose URL lies under its endpoint."""

from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def covers(endpoint: str, url: str) -> bool:
    """Whether a URL, placeholders and all, has the endpoint's scheme, host and port, and a path that its path begins.

    `/v1` begins `/v1` and `/v1/a`, and not `/v10`. A placeholder must not be able to lead elsewhere, so the host and
    the beginning of the path have to stand in the URL itself.
    """
    wanted, found = _parts(endpoint), _parts(url)
    if wanted is None or found is None or wanted[:3] != found[:3]:
        return False
    path = wanted[3].rstrip("/")
    return found[3] == path or found[3].startswith(f"{path}/")


def _parts(url: str) -> tuple[str, str, int | None, str] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or _PORTS.get(parts.scheme), parts.path
