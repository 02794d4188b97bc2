# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines whose keys are known: ssh's own `known_hosts`. A key that is not there is never taken in silence."""

import os
from pathlib import Path

import asyncssh

from ganglion.errors import InvalidError, unread

#: Where sshd listens unless it is told otherwise.
SSH_PORT = 22
#: What an administrator says for everybody; OpenSSH's sshd(8), FILES.
_EVERYBODYS = Path("/etc/ssh/ssh_known_hosts")


def file() -> Path:
    """Where this user's are."""
    return Path.home() / ".ssh" / "known_hosts"


def known() -> asyncssh.SSHKnownHosts:
    """What is known.

    Raises:
        InvalidError: a file cannot be read, or has a line that is none.
    """
    found = asyncssh.SSHKnownHosts()
    for path in (file(), _EVERYBODYS):
        try:
            found.load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidError(unread(error), where=str(path)) from None
        except ValueError as error:
            raise InvalidError(str(error), where=str(path)) from None
    return found


def named(host: str, port: int) -> str:
    """The name of a machine there; sshd(8), SSH_KNOWN_HOSTS FILE FORMAT."""
    return host if port == SSH_PORT else f"[{host}]:{port}"


def remember(host: str, port: int, key: asyncssh.SSHKey) -> None:
    """Adds a key.

    Raises:
        InvalidError: the file cannot be written.
    """
    path = file()
    line = f"{named(host, port)} ".encode() + key.export_public_key().split(b"\n")[0]
    kind = b" ".join(line.split(b" ")[:3])  # without the comment
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = path.read_bytes() if path.exists() else b""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(b"\n" * bool(before and not before.endswith(b"\n")) + kind + b"\n")
    except OSError as error:
        raise InvalidError(f"cannot be written: {error.strerror}", where=str(path)) from None
