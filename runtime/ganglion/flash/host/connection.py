# SPDX-License-Identifier: GPL-3.0-or-later
"""One SSH connection to a machine: commands with bounds on their time and on what they say."""

import asyncio
import shlex
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import asyncssh

from ganglion.errors import (
    GanglionError,
    RefusedError,
    RemoteProtocolError,
    UnreachableError,
)
from ganglion.flash.host import known
from ganglion.flash.host.address import Address
from ganglion.flash.host.text import shown

#: Seconds until one must be logged in, where nobody has to type.
CONNECT = 15
#: Seconds between questions whether the machine is still there.
ALIVE = 5
#: What is to be done where a connection breaks.
AGAIN = ": run this again, it goes on from there"
#: Seconds that a command has, unless it is given more.
_BRIEF = 30.0
#: Bytes that a command may say.
_MOST = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command ended with.

    Attributes:
        status: Its exit code; -1 where a signal ended it.
        text: What it wrote on stdout; bytes that are no UTF-8 are replaced.
    """

    status: int
    text: str


class Remote:
    """A machine that one is logged in to. An async context manager: at its end the connection is closed.

    Attributes:
        address: Where it is.
        user: Whom one is there.
        as_root: Words that make a command root's; None where one may not become root.
    """

    def __init__(self, connection: asyncssh.SSHClientConnection, address: Address) -> None:
        self._connection = connection
        self.address = address
        self.user = str(connection.get_extra_info("username"))
        self.as_root: tuple[str, ...] | None = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        with suppress(asyncssh.Error, OSError, TimeoutError):
            async with asyncio.timeout(ALIVE):
                await self._connection.wait_closed()

    def cut(self) -> None:
        """Drops the connection, as a pulled cable does."""
        self._connection.abort()

    async def run(
        self,
        script: str,
        *,
        stdin: Iterable[bytes] = (),
        within: float = _BRIEF,
        most: int = _MOST,
        plain: bool = False,
    ) -> Said:
        """Runs a script of POSIX sh as root, or with `plain` as who one is; what it writes on stderr is dropped.

        Nothing secret belongs into `script`, for the machine's `ps` shows it: that goes through `stdin`.

        Args:
            stdin: What it reads, in parts, each of which has `within` seconds to get away.
            within: Seconds until it must have ended, once it has read all.
            most: Bytes that it may say.

        Raises:
            UnreachableError: the connection is lost, or it does not end in time.
            RemoteProtocolError: it says more than that.
        """
        words = [] if plain else list(self.as_root or ())
        command = shlex.join([*words, "sh", "-c", script])
        try:
            async with asyncio.timeout(CONNECT):
                process = await self._connection.create_process(command, encoding=None, stderr=asyncssh.DEVNULL)
        except (asyncssh.Error, OSError) as error:
            raise problem(error, self.address) from None
        try:
            reading = asyncio.create_task(self._read(process.stdout, most))
            try:
                await self._write(process.stdin, stdin, within, reading)
                async with asyncio.timeout(within):
                    said = await reading
                    await process.wait_closed()
            finally:
                reading.cancel()
                with suppress(asyncio.CancelledError, GanglionError, asyncssh.Error, OSError):
                    await reading
        except TimeoutError:
            raise UnreachableError(
                f"{self.address} did not end within {within:g} s what it was asked: see whether it is busy, "
                "and run this again"
            ) from None
        except (asyncssh.Error, OSError) as error:
            raise problem(error, self.address) from None
        finally:
            process.close()
        if process.exit_status is None:
            raise UnreachableError(f"the connection to {self.address} broke off{AGAIN}")
        return Said(status=process.exit_status, text=said.decode(errors="replace"))

    async def _read(self, out: "asyncssh.SSHReader[bytes]", most: int) -> bytes:
        data = bytearray()
        while part := await out.read(64 * 1024):
            data += part
            if len(data) > most:
                raise RemoteProtocolError(
                    f"{self.address} said more than {most} bytes where an answer has a few lines: "
                    "see what its login shell prints"
                )
        return bytes(data)

    async def _write(
        self, to: "asyncssh.SSHWriter[bytes]", parts: Iterable[bytes], within: float, reading: "asyncio.Task[bytes]"
    ) -> None:
        # A command that has ended takes no more: then its exit code says why, and nothing is wrong with the connection
        with suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                if reading.done():
                    return
                to.write(part)
                async with asyncio.timeout(within):
                    await to.drain()
            to.write_eof()


def problem(error: Exception, address: Address) -> GanglionError:
    """What went wrong with a connection, as one sentence with its remedy."""
    match error:
        case GanglionError():
            return error
        case asyncssh.DisconnectError() if (
            isinstance(error, asyncssh.PermissionDenied) or "authentication failures" in error.reason  # of OpenSSH
        ):
            return RefusedError(
                f"{address} lets nobody in by what was tried: name your key with --identity, add it to ssh-agent, "
                "or have `ssh-copy-id` put it there; a password is asked for in a terminal only"
            )
        case asyncssh.KeyExchangeFailed():
            return RefusedError(
                f"{address} and this machine have no way to encrypt in common, or its key is of another kind than "
                f"known_hosts has: {shown(error.reason)}"
            )
        case asyncssh.ConnectionLost() | BrokenPipeError() | ConnectionResetError() | asyncssh.ChannelOpenError():
            return UnreachableError(f"the connection to {address} broke off{AGAIN}")
        case asyncssh.Error():
            return UnreachableError(f"{address} does not speak SSH as it should: {shown(error.reason)}")
        case socket.gaierror():
            return UnreachableError(
                f"{address.host} is no machine that is known here: see the name, or use its address"
            )
        case ConnectionRefusedError():
            return UnreachableError(
                f"nothing listens on {address.host}, port {address.port or known.SSH_PORT}: switch on its SSH server "
                "(Raspberry Pi: raspi-config, Interface Options; OpenWrt: System, Administration), or say the port"
            )
        case TimeoutError():
            return UnreachableError(f"{address} did not answer within {CONNECT} s: is it on, and in this network?")
    return UnreachableError(f"{address} cannot be reached: {shown(str(getattr(error, 'strerror', None) or error))}")
