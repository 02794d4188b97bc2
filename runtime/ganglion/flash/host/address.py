# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a machine is and who one is there: `pi@10.0.0.5`, `root@router:2222`, `[fe80::1]:22`. Nothing here connects."""

import re
from dataclasses import dataclass

from ganglion.errors import InvalidError

_WRITTEN = re.compile(r"(?:([^@\[\]]*)@)?(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^@:\[\]\s]+))(?::([0-9]+))?")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A machine, as `--host` names it.

    Attributes:
        host: Name or address.
        user: Whom to be there; empty where ssh's own configuration or the board says it.
        port: TCP port; none for that of ssh's own configuration, which is 22 where it says nothing.
    """

    host: str
    user: str = ""
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@" * bool(self.user) + host + (f":{self.port}" if self.port else "")


def parse(text: str, user: str = "") -> Address:
    """An address from its text; `user` where that names none.

    Raises:
        InvalidError: it is none, or has a password in it.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise InvalidError("must be a machine, as in pi@10.0.0.5 or root@router:2222", where=f"--host {text!r}")
    said, six, name, port = found.groups()
    if said is not None and ":" in said:
        # Without the text: it is in the list of processes already, and need not be in a log too
        raise InvalidError("has a password, which everybody on this machine can read: leave it out", where="--host")
    host = six or name
    if (six is None and not _HOST.fullmatch(host)) or (said is not None and not _USER.fullmatch(said)):
        raise InvalidError("must be a machine, as in pi@10.0.0.5 or root@router:2222", where=f"--host {text!r}")
    if port is not None and not 0 < int(port) < 65536:
        raise InvalidError(f"port {port} must be 1 to 65535", where=f"--host {text!r}")
    return Address(host=host, user=said or user, port=None if port is None else int(port))
