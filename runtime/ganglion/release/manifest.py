# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release is: files by their hashes and what they need, as bytes that name themselves. Pure.

    {"files": [[path, bytes, SHA-256], …], "name": …, "requires": {…}, "v": 1, "window": seconds}

in deterministic CBOR, and `"agent": [wheel, …]` where it brings versions of Ganglion. The id of a release is the
SHA-256 of these bytes, so the same content has the same id, and nobody can put another content under it. When and by
whom it was made is no part of it.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ganglion import sentences
from ganglion.errors import InvalidError
from ganglion.mesh import codec, statement
from ganglion.mesh.credential import CredentialError, Trust
from ganglion.release import agent
from ganglion.release.agent import Agent
from ganglion.release.requires import Requires
from ganglion.release.requires import read as read_requires
from ganglion.sentences import say
from ganglion_micro import gl1

#: What lies over the node's own configuration, and what limits its actuators further.
OVERLAY = "node.toml"
LIMITS = "limits.toml"
#: Ends of the names of scripts.
SCRIPTS = (".yaml", ".yml", ".json")
#: Files of a release, bytes of one, and of all together.
MAX_FILES = 128
MAX_FILE = 1024 * 1024
MAX_BYTES = 8 * 1024 * 1024
#: Seconds of a trial: by default, at least and at most.
WINDOW = 60
WINDOWS = range(2, 3601)
#: Letters of an id.
ID = re.compile(r"[0-9a-f]{64}")

#: What the name of a new release is, in words; earlier ones may have any letters.
NAMED = say("1 to 64 of a-z A-Z 0-9 _ . : -, as in fridge-2, and not `none`")

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_DEEP = 4
_KEYS = {"v", "name", "files", "requires", "window"}


@dataclass(frozen=True, slots=True, order=True)
class File:
    """One file of a release.

    Attributes:
        path: With `/`, below the release.
        size: Bytes.
        sha256: Of its content, 32 bytes.
    """

    path: str
    size: int
    sha256: bytes

    @property
    def is_script(self) -> bool:
        """Whether it is a MOVA document."""
        return self.path.endswith(SCRIPTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A release.

    Attributes:
        name: What people call it, one line.
        files: By path.
        requires: What a node must have for it.
        window: Seconds of the trial, in which it must prove that it is healthy.
        agents: The wheels of Ganglion that it brings, by name; without any, nodes run Ganglion as installed on them.
    """

    name: str
    files: tuple[File, ...]
    requires: Requires = field(default_factory=Requires)
    window: int = WINDOW
    agents: tuple[Agent, ...] = ()

    def encode(self) -> bytes:
        """The bytes whose SHA-256 is the id."""
        return codec.encode(
            {
                "v": 1,
                "name": self.name,
                "files": [[each.path, each.size, each.sha256] for each in self.files],
                "requires": self.requires.document,
                "window": self.window,
            }
            | ({"agent": [each.plain for each in self.agents]} if self.agents else {})
        )

    @property
    def id(self) -> str:
        """64 hexadecimal digits."""
        return hashlib.sha256(self.encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files, without wheels."""
        return sum(each.size for each in self.files)

    @property
    def scripts(self) -> list[File]:
        """Its MOVA documents."""
        return [each for each in self.files if each.is_script]

    def find(self, path: str) -> File | None:
        """The file of this path."""
        return next((each for each in self.files if each.path == path), None)


def made(
    name: str,
    files: Mapping[str, bytes],
    requires: Requires = Requires(),  # noqa: B008 - frozen
    window: int = WINDOW,
    agents: Iterable[Agent] = (),
) -> Manifest:
    """The release with this content.

    Raises:
        InvalidError: a path, the name, a size or the window is none that may be.
    """
    if not is_name(name):
        raise InvalidError(say("{name!r} is none of a release: {named}", name=name[:64], named=NAMED), where="name")
    return checked(
        Manifest(
            name=name,
            files=tuple(sorted(File(path, len(data), hashlib.sha256(data).digest()) for path, data in files.items())),
            requires=requires,
            window=window,
            agents=tuple(sorted(agents)),
        )
    )


def is_name(name: str) -> bool:
    """Whether a new release may be called so; `none` is what assigns none."""
    return _NAME.fullmatch(name) is not None and name != "none"


def checked(manifest: Manifest) -> Manifest:
    """The same manifest.

    Raises:
        InvalidError: it says what no release says.
    """
    if not 0 < len(manifest.name) <= 64 or not manifest.name.isprintable():
        raise InvalidError(say("is 1 to 64 printable letters"), where="name")
    if manifest.window not in WINDOWS:
        raise InvalidError(
            say("is {least} to {most} whole seconds", least=WINDOWS.start, most=WINDOWS.stop - 1), where="window"
        )
    if not (manifest.files or manifest.agents) or len(manifest.files) > MAX_FILES:
        raise InvalidError(
            say("{count} files: a release has 1 to {most}", count=len(manifest.files), most=MAX_FILES),
            where="files",
        )
    agent.checked(manifest.agents)
    _check_paths([each.path for each in manifest.files])
    for each in manifest.files:
        if not 0 <= each.size <= MAX_FILE:
            raise InvalidError(
                say("{size} bytes, and a file may have {most}", size=each.size, most=MAX_FILE), where=each.path
            )
    if manifest.size > MAX_BYTES:
        raise InvalidError(
            say("{size} bytes together, and a release may have {most}", size=manifest.size, most=MAX_BYTES),
            where="files",
        )
    return manifest


def _check_paths(paths: list[str]) -> None:
    if paths != sorted(set(paths)):
        raise InvalidError(say("each path once, in order"), where="files")
    for path in paths:
        parts = path.split("/")
        if len(parts) > _DEEP or not all(map(_PART.fullmatch, parts)):
            raise InvalidError(
                say(
                    "{path!r} is no path in a release: up to {most} names of letters, digits, . _ -",
                    path=path,
                    most=_DEEP,
                ),
                where="files",
            )
        if path not in (OVERLAY, LIMITS) and not path.endswith(SCRIPTS):
            raise InvalidError(
                say(
                    "a release has scripts ({names}), {overlay} and {limits}: leave this one out",
                    names=", ".join(SCRIPTS),
                    overlay=OVERLAY,
                    limits=LIMITS,
                ),
                where=path,
            )
    folders = {str(folder) for path in paths for folder in PurePosixPath(path).parents}
    if both := folders & set(paths):
        raise InvalidError(say("is a file and a folder"), where=min(both))


def decode(data: bytes) -> Manifest:
    """The manifest in bytes.

    Raises:
        InvalidError: they are none.
    """
    try:
        body = codec.decode(data)
    except ValueError as error:
        raise InvalidError(say("not a manifest: {why}", why=str(error))) from None
    if type(body) is not dict or body.keys() - {"agent"} != _KEYS or body["v"] != 1 or type(body["v"]) is not int:
        raise InvalidError(say("not a manifest of this version"))
    if type(body["name"]) is not str or type(body["window"]) is not int or type(body["files"]) is not list:
        raise InvalidError(say("not a manifest: a name, files and a window"))
    return checked(
        Manifest(
            name=body["name"],
            files=tuple(_files(body["files"])),
            requires=read_requires(body["requires"]),
            window=body["window"],
            agents=agent.decoded(body["agent"]) if "agent" in body else (),
        )
    )


def _files(listed: list[Any]) -> Iterable[File]:
    for each in listed:
        if type(each) is not list or [type(part) for part in each] != [str, int, bytes] or len(each[2]) != 32:
            raise InvalidError(say("not a manifest: a file is its path, its bytes and its SHA-256"))
        yield File(*each)


def verified(message: bytes, trust: Trust, *, release: str) -> Manifest:
    """The release of this id in a message, which may come from anywhere.

    Raises:
        InvalidError: the authority has not signed it, it is another one, or it says what no release says.
    """
    try:
        said = statement.verified(message, trust, kind=gl1.MANIFEST, what="release")
    except CredentialError as error:
        raise InvalidError(
            say("the release {release} is not believed: {why}", release=release[:12], why=sentences.of(error))
        ) from None
    if type(said.body) is not bytes or hashlib.sha256(said.body).hexdigest() != release:
        raise InvalidError(say("another release was sent in the place of {release}", release=release[:12]))
    return decode(said.body)
