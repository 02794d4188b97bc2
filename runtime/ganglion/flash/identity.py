# SPDX-License-Identifier: GPL-3.0-or-later
"""The key that a board shares with its parent: out of the parent's folder, or a file; it is shown to nobody."""

import time
from dataclasses import dataclass
from pathlib import Path

from ganglion.errors import InvalidError, NotFoundError, unread
from ganglion.mesh.leaves.folder import LeafFolder
from ganglion_micro import gl1
from ganglion_micro.leaf_key import parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What makes a board a leaf, or lets it join as a full member.

    Attributes:
        text: What goes onto the board: the key, and where it is known that of the issuer of updates.
        boots: How many starts of it its parent knows of.
        is_new: Whether the parent has let it in now.
    """

    text: str
    boots: int = 0
    is_new: bool = False


def check_parent(state: Path, name: str) -> None:
    """Refuses a parent that could let nobody in, before anything is written.

    Raises:
        InvalidError: the name cannot be a leaf's, or a file there is none of a leaf.
        NotFoundError: this is no folder of a node that is in a mesh.
    """
    if name and not gl1.level(name):
        raise InvalidError("a leaf's name is 1 to 32 of a-z A-Z 0-9 _ -", where=name)
    if not (state / "bundle.cbor").is_file():
        raise NotFoundError(f"{state} is the state folder of no node that has joined a mesh: start the node once")
    LeafFolder(state).all()


def of_parent(state: Path, name: str, *, dry: bool) -> Identity | None:
    """The leaf of a parent whose state folder is on this machine; it is let in where it is none yet.

    Args:
        dry: Lets nobody in; None where somebody would be.

    Raises:
        InvalidError, NotFoundError, RefusedError: see `LeafFolder.add`.
    """
    folder = LeafFolder(state)
    known = folder.all().get(name)
    if known is not None:
        key = known.entry.key
        return Identity(text=folder.on_board(key), boots=known.entry.epoch)
    if dry:
        return None
    key = folder.add(name, now=time.time_ns())
    return Identity(text=folder.on_board(key), is_new=True)


def of_file(path: Path) -> Identity:
    """The key that `ganglion leaf add` printed into a file.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it has no key; the message does not repeat what it has.
    """
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no file {path}: `ganglion leaf add NAME --out {path}` on the parent makes it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(unread(error), where=str(path)) from None
    try:
        parse(text)
        return Identity(text="\n".join(text.split()))
    except ValueError as error:
        raise InvalidError(str(error), where=str(path)) from None


def boots(state: Path, name: str) -> int:
    """How many starts of a leaf its parent knows of: it has one more when it has come."""
    known = LeafFolder(state).all().get(name)
    return 0 if known is None else known.entry.epoch
