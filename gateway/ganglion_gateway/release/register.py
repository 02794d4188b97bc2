# SPDX-License-Identifier: GPL-3.0-or-later
"""All releases: made of files that were sent before, named by their content, and looked up."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from ganglion import sentences
from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnfitError
from ganglion.mesh.authority import Authority
from ganglion.release import agent, manifest, wheel
from ganglion.release.agent import Agent
from ganglion.release.manifest import MAX_FILE, Manifest
from ganglion.release.requires import Requires, capabilities_of, lacking
from ganglion.sentences import joined, say
from ganglion.settings import instead
from ganglion.units import SECOND
from ganglion_gateway.release import content, diff
from ganglion_gateway.store import releases as store
from ganglion_gateway.store.database import Database, Row
from ganglion_micro import cose, gl1

#: Nanoseconds that a file is kept which is in no release yet.
_STALE = 86400 * SECOND
#: Letters of an id's beginning that stand for it.
_LEAST = 4
#: Letters of an id that are shown.
_SHOWN = 12
#: The newest ones, of which a near name is looked for.
_NAMES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release.

    Attributes:
        id: 64 hexadecimal digits.
        manifest: What it has.
        created: When it was made, in nanoseconds since the Unix epoch.
        by: By whom.
        number: In the order of their making.
    """

    id: str
    manifest: Manifest
    created: int
    by: str
    number: int

    @property
    def name(self) -> str:
        """What people call it; others may be called so, too."""
        return self.manifest.name

    @property
    def requires(self) -> Requires:
        """What a node must have for it."""
        return self.manifest.requires

    @property
    def size(self) -> int:
        """Bytes that its files take on a node."""
        return self.manifest.size

    def weight(self, caps: Mapping[str, Any]) -> int:
        """Bytes that its Ganglion takes beside them on a node with this birth; none where that runs it already."""
        machine, _, wheel = agent.said(caps)
        brought = None if machine is None else agent.fitting(self.manifest.agents, machine)
        return 0 if brought is None or brought.id == wheel else agent.room_for(brought)

    def brings(self, sw: str, caps: Mapping[str, Any]) -> str:
        """The version of Ganglion that a node would run by it; "" where none of its wheels is for that node.

        Args:
            sw, caps: As in the node's birth.
        """
        machine, base, _ = agent.said(caps)
        if not self.manifest.agents:
            return base or sw.rpartition("/")[2]
        brought = None if machine is None else agent.fitting(self.manifest.agents, machine)
        return "" if brought is None else brought.version

    def lacking(self, *, board: str, sw: str, caps: Mapping[str, Any]) -> list[str]:
        """What a node lacks for it, a sentence each.

        Args:
            board, sw, caps: As in the node's birth.
        """
        version = self.brings(sw, caps)
        if not version and self.manifest.agents:
            machine = agent.said(caps)[0]
            return [agent.TOO_OLD if machine is None else agent.misfit(self.manifest.agents, machine)]
        return lacking(self.requires, board=board, agent=version, capabilities=capabilities_of(caps))

    @property
    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.id,
            "name": self.manifest.name,
            "created": self.created,
            "by": self.by,
            "size": self.size,
            "window": self.manifest.window,
            "requires": self.requires.document,
            "files": [
                {"path": each.path, "size": each.size, "sha256": each.sha256.hex()} for each in self.manifest.files
            ],
            "agent": [each.document for each in self.manifest.agents],
        }


class Register:
    """The releases of a mesh.

    Args:
        database: Holds them.
        authority: Signs them.
        clock: Nanoseconds since the Unix epoch.
        on_made: Called when there is another one.
    """

    def __init__(
        self,
        database: Database,
        authority: Authority,
        clock: Callable[[], int],
        on_made: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._authority = authority
        self._clock = clock
        self._on_made = on_made

    async def keep(self, sha256: str, data: bytes) -> bool:
        """Keeps the content of a file for a release to come; whether it was not there.

        Raises:
            InvalidError: it is another content, or too large.
        """
        if len(data) > MAX_FILE:
            raise InvalidError(
                say("{size} bytes, and a file may have {most}", size=len(data), most=MAX_FILE),
                where=sha256[:12],
            )
        if hashlib.sha256(data).hexdigest() != sha256:
            raise InvalidError(say("what was sent has another SHA-256 than its address says"), where=sha256[:12])
        now = self._clock()
        return await self._database.write(
            lambda connection: store.keep_blob(connection, sha256, data, now=now, stale=now - _STALE)
        )

    async def create(
        self,
        name: str,
        files: Mapping[str, str],
        agents: Mapping[str, Sequence[str]] = MappingProxyType({}),
        *,
        requires: Requires,
        window: int,
        by: str,
    ) -> tuple[Release, bool]:
        """A release of files that were kept; and whether it was not there.

        Args:
            files: SHA-256 by path.
            agents: SHA-256 of the pieces of each wheel of Ganglion, by its name.

        Raises:
            RefusedError: a file was not sent; its SHA-256 is named.
            InvalidError: a file is not what its name says, or all of it is no release.
        """
        pieces: dict[str, str] = {}
        for file, each in agents.items():
            pieces |= _paths(file, each)
        await self._were_sent({**files, **pieces})
        blobs = await store.blobs(self._database, files.values())
        data = {path: blobs[sha256] for path, sha256 in files.items()}
        read = [await self._wheel(file, listed) for file, listed in agents.items()]
        made = manifest.made(name, data, requires, window, read)
        content.check(data)
        now = self._clock()
        row = {
            "id": made.id,
            "name": name,
            "manifest": made.encode(),
            "message": self._authority.state(gl1.MANIFEST, made.encode(), now=now),
            "created": now,
            "by": by,
        }
        listed = [*files.items(), *pieces.items()]
        is_new = await self._database.write(lambda connection: store.create(connection, row, listed))
        if is_new:
            self._on_made()
        return await self.find(made.id), is_new

    async def wheel(self, name: str, pieces: Sequence[str]) -> Agent:
        """What a wheel is that a release to come may bring; nothing is made of it.

        Args:
            name: Of its file.
            pieces: SHA-256 of its pieces, which were kept.

        Raises:
            RefusedError: a piece was not sent; its SHA-256 is named.
            InvalidError: it is no wheel of Ganglion that a release may bring.
        """
        await self._were_sent(_paths(name, pieces))
        return await self._wheel(name, pieces)

    async def _were_sent(self, wanted: Mapping[str, str]) -> None:
        """Returns where all is there that these paths name by SHA-256."""
        if missing := await store.missing(self._database, list(wanted.values())):
            paths = [path for path, sha256 in wanted.items() if sha256 in missing]
            raise RefusedError(
                say(
                    "send {names} first: PUT /api/v1/releases/files/{sha256}",
                    names=", ".join(sorted(paths)[:5]),
                    sha256=missing[0],
                )
            )

    async def _wheel(self, name: str, pieces: Sequence[str]) -> Agent:
        """What a manifest says of a wheel of these pieces, which are there."""
        blobs = await store.blobs(self._database, pieces)
        if sum(len(blobs[each]) for each in pieces) > agent.MAX_WHEEL:
            raise InvalidError(say("a wheel has at most {most} bytes", most=agent.MAX_WHEEL), where=name)
        found = await asyncio.to_thread(wheel.read, b"".join(blobs[each] for each in pieces), name)
        if [each.hex() for each in found.pieces] != list(pieces):
            raise InvalidError(say("its pieces have {size} bytes each, but for the last", size=agent.PIECE), where=name)
        return found

    async def find(self, who: str) -> Release:
        """A release by its id, the first letters of it, or its name.

        Raises:
            NotFoundError: there is none.
            UnfitError: several have this name, or ids that begin so.
        """
        rows = await store.find(self._database, who) if len(who) >= _LEAST or who else []
        if len(rows) > 1:
            ids = joined(
                ", ", [say("{id} of {time}", id=row["id"][:_SHOWN], time=_time(row["created"])) for row in rows]
            )
            if rows[0]["name"] == who:
                raise UnfitError(
                    say("several releases are called {who!r}: say which by its id, {ids}", who=who, ids=ids)
                )
            raise UnfitError(say("several releases begin with {who!r}: say which by its id, {ids}", who=who, ids=ids))
        if not rows or (rows[0]["name"] != who and len(who) < _LEAST):
            known = await store.names(self._database, limit=_NAMES)
            raise NotFoundError(
                say(
                    "there is no release {who!r}{instead}",
                    who=who,
                    instead=instead(who, known, "ganglion release list"),
                )
            )
        return release_of(rows[0])

    async def page(self, *, before: int | None, limit: int) -> list[Release]:
        """Releases, the newest first."""
        return [release_of(row) for row in await store.page(self._database, before=before, limit=limit)]

    async def file(self, release: Release, path: str) -> bytes:
        """The content of a file.

        Raises:
            NotFoundError: the release has no such file.
        """
        found = release.manifest.find(path)
        if found is None:
            names = ", ".join(each.path for each in release.manifest.files)
            raise NotFoundError(
                say("{name} has no file {path!r}; it has {names}", name=release.manifest.name, path=path, names=names)
            )
        blobs = await store.blobs(self._database, [found.sha256.hex()])
        return blobs[found.sha256.hex()]

    async def signed(self, release: Release) -> dict[str, Any]:
        """Who has signed it and when, and whether the authority of this mesh stands to it now."""
        message = await store.message(self._database, release.id)
        if message is None:
            raise NotFoundError(say("there is no release {release} any more", release=release.id[:12]))
        sealed = cose.parse(bytes(message))
        try:
            manifest.verified(bytes(message), self._authority.trust(now=self._clock()), release=release.id)
            why = ""
        except InvalidError as error:
            why = sentences.of(error)
        return {
            "algorithm": "Ed25519",
            "key": sealed.kid.hex(),
            "signature": sealed.signature.hex(),
            "at": gl1.unpack(sealed.payload).ts,
            "holds": not why,
            "why": why,
        }

    async def diff(self, before: Release, after: Release) -> dict[str, Any]:
        """What is otherwise."""
        wanted = diff.changed_files(before.manifest, after.manifest)
        blobs = await store.blobs(self._database, [each.hex() for each in wanted])
        found = diff.diff(before.manifest, after.manifest, {each: blobs[each.hex()] for each in wanted})
        return {
            "before": {"id": before.id, "name": before.manifest.name},
            "after": {"id": after.id, "name": after.manifest.name},
            **found,
        }


def _paths(wheel: str, pieces: Sequence[str]) -> dict[str, str]:
    """What a refusal calls the pieces of a wheel."""
    return {f"agent/{wheel}/{n}": sha256 for n, sha256 in enumerate(pieces)}


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at // SECOND, UTC):%Y-%m-%d %H:%M:%S}Z"


def release_of(row: Row) -> Release:
    """The release in a row of the database."""
    return Release(
        id=row["id"],
        manifest=manifest.decode(bytes(row["manifest"])),
        created=row["created"],
        by=row["by"],
        number=row["number"],
    )
