# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a version to a board without I/O: yields what is to be called there, and is sent what the board has answered.

    calls = sending(bundle)
    call = next(calls)
    while True:
        call = calls.send(await ask(board, call.method, call.params))   # until StopIteration

What is to be sent next is what the board says (see `ganglion_agent.update`), so a second run goes on where a first
was broken off, in another process or from another parent.
"""

import base64
import hashlib
from collections.abc import Generator
from typing import Any, NamedTuple

from ganglion.errors import InvalidError, RemoteProtocolError
from ganglion.firmware.bundle import Bundle
from ganglion_agent.seal import AHEAD
from ganglion_micro import cbor, cose

#: Bytes of a chunk: in base64 and with what is around it, one message of a leaf of 1024 bytes.
CHUNK = 480
#: Files that may come damaged before it is given up.
DAMAGED = 8


class Call(NamedTuple):
    """What is to be called.

    Attributes:
        method: Of the board.
        params: In JSON.
        sent: Bytes of files that were sent before it.
    """

    method: str
    params: dict[str, Any]
    sent: int


def sending(bundle: Bundle, seal: bytes | None = None) -> Generator[Call, dict[str, Any], str]:
    """Calls that bring a version to a board and reset it, where it does not run it already.

    Returns `committed`, or `running`.

    Args:
        bundle: The version.
        seal: The issuer's COSE_Sign1 over the manifest's SHA-256, for boards that want one.

    Raises:
        RemoteProtocolError: the board asks for what is not in the version, or everything comes damaged there.
    """
    files = {"": bundle.manifest, **bundle.files}
    begin = {"version": bundle.version, "size": len(files[""]), "sha256": hashlib.sha256(files[""]).hexdigest()}
    if seal is not None:
        begin["seal"] = base64.b64encode(seal).decode()
    sent = 0
    said = yield Call("update.begin", begin, sent)
    begun = True
    while True:
        state = said.get("state")
        if state == "committed":
            yield Call("reboot", {}, sent)
        if state in ("committed", "running"):
            return str(state)
        if state == "receiving":
            name, offset = said.get("file"), said.get("offset")
            data = files.get(name) if isinstance(name, str) else None
            if data is None or not isinstance(offset, int) or not 0 <= offset < len(data):
                raise RemoteProtocolError(f"the board asks for {name!r} from {offset!r}, which this version has not")
            if said.get("damaged", 0) > DAMAGED:
                raise RemoteProtocolError(
                    f"{name or 'the manifest'} comes damaged again and again: its flash is worn out"
                )
            chunk = data[offset : offset + CHUNK]
            sent += len(chunk)
            said = yield Call(
                "update.chunk", {"file": name, "offset": offset, "data": base64.b64encode(chunk).decode()}, sent
            )
        elif state == "trial" or (state == "idle" and not begun):  # or it has restarted, and finds what it has
            said = yield Call("update.begin", begin, sent)
            begun = True
            continue
        elif state == "busy":
            said = yield Call("update.status", {}, sent)
        elif state == "ready":
            said = yield Call("update.commit", {}, sent)
        else:
            raise RemoteProtocolError(f"the board says {state!r} of the update, which nobody here knows")
        begun = False


def seen_in_time(seal: bytes, now: float) -> None:
    """Looks at when a seal says that it was made: a board takes no older one afterwards.

    Args:
        now: Seconds since the Unix epoch.

    Raises:
        InvalidError: that is more than a day ahead.
    """
    ahead = cbor.decode(cose.parse(seal).payload)[1] - now
    if ahead > AHEAD:
        raise InvalidError(
            f"the gateway's seal is {ahead / 86400:.0f} days ahead of this machine: set the clock that is wrong, as a "
            "board takes nothing that was sealed before its newest"
        )
