# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest of a slot: a text that names each file with its size and SHA-256, so its own hash is that of all.

    ganglion 1 2 0.3.0
    8d0c…64 digits… 51 ganglion_agent/__init__.mpy
    …

The first line has the number of files and the version. One space is between words; every line has its end.
"""

from binascii import hexlify
from hashlib import sha256

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: Its name in a slot.
MANIFEST = "manifest"
#: Bytes that are read at a time: what a board has to spare.
BLOCK = 512

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-./"


def digest_of(files: "Any", path: str) -> "tuple[str, int]":
    """SHA-256 of a file, in hexadecimal, and its size in bytes.

    Raises:
        OSError: there is none.
    """
    whole, size = sha256(), 0
    with files.open(path, "rb") as file:
        while True:
            block = file.read(BLOCK)
            if not block:
                return hexlify(whole.digest()).decode(), size
            whole.update(block)
            size += len(block)


def sha256_of(files: "Any", path: str) -> str:
    """SHA-256 of a file, in hexadecimal; empty where there is none."""
    try:
        return digest_of(files, path)[0]
    except OSError:
        return ""


def size_of(files: "Any", path: str) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        with files.open(path, "rb") as file:
            return int(file.seek(0, 2))
    except OSError:
        return 0


def entries(files: "Any", path: str) -> "Iterator[tuple[str, int, str]]":
    """The files of a manifest: SHA-256, bytes, name; `version` reads its first line.

    Raises:
        OSError: there is none.
        ValueError: it is damaged.
    """
    with files.open(path, "rb") as file:
        left = _head(file.readline())[0]
        while left:
            words = file.readline().decode().split(" ")
            if len(words) != 3 or len(words[0]) != 64 or words[2][-1:] != "\n":
                raise ValueError("the manifest is damaged")
            yield words[0], int(words[1]), words[2][:-1]
            left -= 1
        if file.read(1):
            raise ValueError("the manifest is damaged")


def intact(files: "Any", folder: str) -> bool:
    """Whether every file of a folder is there as its manifest says; each is read."""
    try:
        for digest, size, name in entries(files, folder + "/" + MANIFEST):
            if digest_of(files, folder + "/" + name) != (digest, size):
                return False
    except (OSError, ValueError):
        return False
    return True


def version(files: "Any", path: str) -> str:
    """The version that a manifest names. Raises: as `entries`."""
    with files.open(path, "rb") as file:
        return _head(file.readline())[1]


def _head(line: bytes) -> "tuple[int, str]":
    words = line.decode().split(" ")
    if len(words) != 4 or words[:2] != ["ganglion", "1"] or words[3][-1:] != "\n":
        raise ValueError("this is no manifest")
    return int(words[2]), words[3][:-1]


def refusal(name: str) -> str:
    """Why a file of a slot cannot have a name; empty where it can."""
    if [letter for letter in name if letter not in _LETTERS]:
        return "{}: a name of a file has small letters, digits and _ - . / only".format(name[:60])
    if [level for level in name.split("/") if level in ("", ".", "..")]:
        return "{} leads out of the slot".format(name[:60])
    if name == MANIFEST or name[:2] in ("m-", "p-"):
        return "{} is a name that an update has for itself".format(name[:60])
    return ""


def part(digest: str) -> str:
    """What a file is called until all of it is there."""
    return "p-" + digest[:16]
