# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies a COSE message and shows what is in it."""

import argparse
import os
import string
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ganglion.cli.diagnostic import diagnostic
from ganglion.cli.result import Result
from ganglion.cli.show import plain
from ganglion.errors import InvalidError, NotFoundError
from ganglion.mesh.sniffing import KINDS
from ganglion.mesh.verdict import MAX_SIZE, Verdict, judge
from ganglion.units import SECOND
from ganglion_micro import cbor, gl1

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

_DIGITS = frozenset(string.hexdigits)
#: Characters of what a payload says that are shown.
_SHOWN = 2000


def arguments(verbs: "Verbs", common: argparse.ArgumentParser) -> None:
    """`ganglion mesh decode HEX|FILE [--key HEX | --secret HEX] [--aad HEX]`."""
    verb = verbs.add_parser("decode", parents=[common], help="verify a COSE_Sign1 or COSE_Mac0, and show what it says")
    verb.add_argument(
        "message",
        metavar="HEX|FILE",
        help="the message in hexadecimal, or a file that has it so or in binary; - for stdin",
    )
    proof = verb.add_mutually_exclusive_group()
    proof.add_argument("--key", metavar="HEX", help="the signer's Ed25519 public key, 32 bytes")
    proof.add_argument("--secret", metavar="HEX", help="the key of HMAC that both ends hold")
    verb.add_argument("--aad", metavar="HEX", default="", help="external data that is signed and not sent")
    verb.set_defaults(perform=decoded)


def decoded(args: argparse.Namespace) -> Result:
    """Judges the message. Exit codes: 0 it is valid, 1 it is not, 3 no such file.

    Raises:
        NotFoundError: the file is not there.
    """
    try:
        data = _message(args.message)
        key = None if args.key is None else _bytes(args.key, "--key")
        secret = None if args.secret is None else _bytes(args.secret, "--secret")
        verdict = judge(data, key=key, secret=secret, aad=_bytes(args.aad, "--aad"))
    except InvalidError as error:
        verdict = Verdict(error=str(error))
    for note in verdict.notes:
        print(f"ganglion: {note}", file=sys.stderr)
    found = verdict.found
    document = {
        "valid": verdict.valid,
        "tag": found.tag,
        "alg": found.alg,
        "kid": None if found.kid is None else found.kid.hex(),
        "payload_hex": None if found.payload is None else found.payload.hex(),
        "error": verdict.error or None,
    }
    return Result(data=document, text=lambda: _text(verdict), exit_code=0 if verdict.valid else 1)


def _message(text: str) -> bytes:
    """The bytes that the first argument stands for.

    Raises:
        InvalidError: it is neither hexadecimal nor a file that can be read.
        NotFoundError: it can only be a file, and is not there.
    """
    if text == "-":
        return _content(sys.stdin.buffer.read(2 * MAX_SIZE + 2), "<stdin>")
    if _DIGITS.issuperset("".join(text.split())):
        return _bytes(text, "the message")
    try:
        with Path(text).open("rb") as file:
            data = file.read(2 * MAX_SIZE + 2)
    except FileNotFoundError:
        if os.sep in text or "." in text:
            raise NotFoundError(f"{plain(text)} does not exist") from None
        raise InvalidError(f"{plain(text[:40])!r} is neither hexadecimal nor a file") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no name of a file"
        raise InvalidError(f"{plain(text[:40])!r} is not hexadecimal, and as a file it cannot be read: {why}") from None
    return _content(data, text)


def _content(data: bytes, where: str) -> bytes:
    """The message in a file. None begins with a byte that is ASCII, so what does is text."""
    if data.strip()[:1] >= b"\x80":
        return data
    return _bytes(data.decode("ascii", "replace"), plain(where))


def _bytes(text: str, where: str) -> bytes:
    """The bytes of hexadecimal digits, in either case and with white space anywhere.

    Raises:
        InvalidError: it is none. The message repeats nothing of it: it may be a secret.
    """
    digits = "".join(text.split())
    if not _DIGITS.issuperset(digits):
        raise InvalidError("not hexadecimal: only 0 to 9 and a to f may be there", where=where)
    if len(digits) % 2:
        raise InvalidError(f"{len(digits)} hexadecimal digits: a byte has two, so one is missing", where=where)
    return bytes.fromhex(digits)


def _text(verdict: Verdict) -> str:
    found = verdict.found
    rows = [
        ("valid", "yes" if verdict.valid else "no"),
        ("error", verdict.error),
        ("tag", _named(found.tag, found.shape)),
        ("alg", _named(found.alg, verdict.algorithm)),
        ("kid", "" if found.kid is None else _kid(found.kid)),
        ("payload", "" if found.payload is None else found.payload.hex()),
        ("says", "" if found.payload is None else _says(found.payload)),
    ]
    return "\n".join(f"{name:8} {plain(value)}" for name, value in rows if value)


def _named(value: int | str | None, name: str) -> str:
    return f"{value} ({name})" if name else "" if value is None else str(value)


def _kid(kid: bytes) -> str:
    """In hexadecimal, and as text where it is one."""
    try:
        text = kid.decode()
    except UnicodeError:
        text = ""
    return f"{kid.hex()} ({text})" if text and text.isprintable() else kid.hex()


def _says(payload: bytes) -> str:
    """What a payload says, as far as it is the mesh's own encoding, or text."""
    try:
        said = _message_of_the_mesh(gl1.unpack(payload))
    except cbor.CBORError:
        try:
            said = diagnostic(cbor.decode(payload))
        except cbor.CBORError:
            text = payload.decode(errors="replace")
            said = text if text.isprintable() and "\N{REPLACEMENT CHARACTER}" not in text else ""
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"


def _message_of_the_mesh(message: gl1.MSG) -> str:
    kind = KINDS[message.kind] if message.kind < len(KINDS) else f"kind {message.kind}"
    to = "" if message.dst is None else f" to {diagnostic(message.dst)}"
    try:
        at = f"{datetime.fromtimestamp(message.ts / SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        at = f"{message.ts} ns"
    return f"{kind}{to}, epoch {message.epoch}, sequence {message.seq}, {at}: {diagnostic(message.body)}"
