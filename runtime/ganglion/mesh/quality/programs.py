# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks babeld over its local socket, and batman-adv through batctl. Nothing is started that was not running."""

import asyncio
import shutil
import socket
from contextlib import suppress

from ganglion.mesh.quality import babeld, batman
from ganglion.mesh.quality.measured import Measured, UnavailableError

#: Seconds that an answer may take, and bytes that it may have: a thousand routes are 150 KiB.
_PATIENCE = 2.0
_ANSWER = 8 << 20
#: The mesh interface that batctl asks about unless told otherwise.
_BAT = "bat0"
_NO_BATMAN = "join a mesh of batman-adv: modprobe batman-adv, then batctl interface add wlan0"


async def ask_babeld(where: int | str) -> list[Measured]:
    """The neighbours of the babeld that is running.

    Args:
        where: Port of its local interface on ::1, or the path of its socket.

    Raises:
        UnavailableError: there is none, or it does not tell.
    """
    place = f"[::1]:{where}" if isinstance(where, int) else where
    option = "local-port" if isinstance(where, int) else "local-path"
    remedy = f"write `{option} {where}` into /etc/babeld.conf and restart babeld"
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await _open(where)
            try:
                if not (await _answer(reader)).startswith(babeld.GREETING):
                    raise EOFError("it does not say BABEL")
                writer.write(b"dump\n")
                return babeld.neighbours(await _answer(reader))
            except (OSError, EOFError, ValueError) as error:
                raise UnavailableError(f"what answers at {place} is not babeld's local interface", remedy) from error
            finally:
                writer.close()
    except TimeoutError:
        raise UnavailableError(f"babeld says nothing at {place} within {_PATIENCE:g} s", "restart babeld") from None
    except OSError as error:
        if shutil.which("babeld") is None:
            raise UnavailableError("babeld is not installed", f"apt install babeld, then {remedy}") from error
        raise UnavailableError(f"babeld does not listen at {place}", remedy) from error


async def _open(where: int | str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(where, int):
        return await asyncio.open_connection("::1", where)
    return await asyncio.open_unix_connection(where)


async def _answer(reader: asyncio.StreamReader) -> str:
    lines: list[str] = []
    size = 0
    while not lines or lines[-1] not in babeld.ENDS:
        line = await reader.readline()
        size += len(line)
        if not line.endswith(b"\n") or size > _ANSWER:
            raise EOFError("it ends in the middle of an answer, or never")
        lines.append(line[:-1].decode("ascii", "replace"))
    return "\n".join(lines)


async def ask_batman() -> list[Measured]:
    """The stations that batman-adv knows: neighbours on its interfaces, and whoever is reached over bat0.

    Raises:
        UnavailableError: there is no batctl, or no batman-adv.
    """
    if shutil.which("batctl") is None:
        raise UnavailableError("batctl is not installed", f"apt install batctl, then {_NO_BATMAN}")
    try:
        originators = await _print("batctl", "originators_json")
        clients = await _print("batctl", "transtable_global_json")
        costs = batman.neighbours(originators, dict(socket.if_nameindex()))
        costs |= batman.behind(originators, clients, _BAT)
    except batman.FormatError as error:
        raise UnavailableError(f"what batctl prints cannot be read: {error}", "report it, with batctl -v") from error
    known: dict[batman.Station, set[str]] = {}
    with suppress(batman.FormatError, UnavailableError):
        known = batman.addresses(await _print("ip", "-json", "neigh", "show"))
    return batman.measured(costs, known)


async def _print(*command: str) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise UnavailableError(f"{command[0]} cannot be run: {error}", f"install {command[0]}") from error
    try:
        async with asyncio.timeout(_PATIENCE):
            out, err = await process.communicate()
    except TimeoutError:
        raise UnavailableError(f"{command[0]} says nothing within {_PATIENCE:g} s", "restart batman-adv") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        said = err.decode(errors="replace").strip().partition("\n")[0] or f"exit code {process.returncode}"
        remedy = f"run as root, which {command[0]} asks for" if "must be root" in said else _NO_BATMAN
        raise UnavailableError(f"{command[0]} says: {said.removeprefix('Error - ')}", remedy)
    return out.decode(errors="replace")
