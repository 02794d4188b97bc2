# SPDX-License-Identifier: GPL-3.0-or-later
"""Has a release whole on a node's disk: asks for what is missing, and believes what the authority has signed.

What is missing on the node for it to run there is found before anything is fetched.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ganglion.errors import InvalidError, UnreachableError
from ganglion.mesh.credential import Trust
from ganglion.release import machine, manifest, requires
from ganglion.release.agent import Agent, fitting, misfit, room_for
from ganglion.release.manifest import File, Manifest
from ganglion.release.pull import Pull
from ganglion.release.record import Record
from ganglion.release.requires import capabilities_of
from ganglion.release.site import Site
from ganglion.release.start import Begun
from ganglion.release.trees import Pointer, Trees

#: Times that a file is fetched anew which was not right when it was whole.
_ANEW = 2


class Fetch:
    """What fetches the releases of one node.

    Args:
        begun: This start.
        site: The node.
        ask: Asks the gateway a method with these parameters.
        say: Reports a state.
    """

    def __init__(
        self,
        begun: Begun,
        site: Site,
        ask: Callable[[str, dict[str, Any]], Awaitable[Any]],
        say: Callable[[str], Awaitable[None]],
    ) -> None:
        self._begun = begun
        self._site = site
        self._ask = ask
        self._say = say

    @property
    def _record(self) -> Record:
        return self._begun.record

    async def whole(self, release: str, trust: Trust | None) -> bool:
        """Whether it is on the disk when this returns, and may run here. What was fetched before is gone on with."""
        folder, elsewhere = self._begun.folder, asyncio.to_thread  # a disk may be slow, and so a hash
        folder.prune(self._record, running=self._begun.launched.agent)
        kept = await elsewhere(folder.whole, release)
        found = await self._stated(release, trust) if kept is None else kept
        if self._record.desired != release:
            return False  # something else was assigned meanwhile
        agent = fitting(found.agents, machine.here())
        if why := await elsewhere(self._lacking, found, agent):
            self._begun.save(self._record.failed("; ".join(why), self._begun.clock(), for_good=False))
            return False
        trees = Trees.of(folder.path.parent)
        is_brought = agent is None or not await elsewhere(trees.wrong, agent.id)
        if kept is not None and is_brought:
            return True
        pieces = _pieces(agent) if agent is not None and not is_brought else []
        pull = await self._begin(release, found, agent if pieces else None, pieces)
        if pull is None or not await self._pull(release, pull):
            return False
        if agent is not None and pieces:
            from ganglion.release.unpack import unpack  # zip and mail cost memory, and few releases bring Ganglion

            await elsewhere(unpack, trees, agent, [folder.part(release, each.sha256) for each in pieces])
        await elsewhere(folder.stage, release, found, None if agent is None else Pointer(agent.id, found.window))
        if self._record.desired != release:
            return False
        await self._say("staged")
        return True

    def _lacking(self, found: Manifest, agent: Agent | None) -> list[str]:
        here = machine.here()
        if agent is None and found.agents:
            return [misfit(found.agents, here)]
        version = self._begun.launched.base if agent is None else agent.version
        capabilities = capabilities_of(self._site.capabilities())
        why = requires.lacking(found.requires, board=self._site.board, agent=version, capabilities=capabilities)
        if agent is None:
            return why
        from ganglion.release.installed import missing

        if absent := missing(agent.needs):
            why.append(
                f"its Ganglion {version} needs {', '.join(absent)} on this node: install that there "
                "(opkg, apk, apt or pip has it), or bring a wheel that needs less (docs/releases.md)"
            )
        return why

    async def _begin(self, release: str, found: Manifest, agent: Agent | None, pieces: list[File]) -> Pull | None:
        """What is to be fetched, which the disk has room for; None where something else was assigned meanwhile."""
        folder = self._begun.folder
        for each in found.files:
            await asyncio.to_thread(folder.reuse, release, each, self._record.current)
        if self._record.desired != release:
            return None
        wanted = [*found.files, *pieces]
        pull = Pull(wanted, {each.sha256: folder.has(release, each) for each in wanted})
        need = pull.total - pull.done + (0 if agent is None else room_for(agent) - agent.size)  # pieces are counted
        if need > (room := folder.room()):
            what = f"the release {release[:12]}" + ("" if agent is None else f" with Ganglion {agent.version}")
            raise OSError(f"{what} needs {need} bytes, and the disk has {room} to spare")
        if pull.total > pull.done:
            await self._say("downloading")
        return pull

    async def _pull(self, release: str, pull: Pull) -> bool:
        """Fetches; whether it is still wanted."""
        folder, elsewhere = self._begun.folder, asyncio.to_thread
        for file in pull.files:
            for _ in range(_ANEW + 1):
                while (want := pull.wants(file)) is not None:
                    params = {"release": release, "file": file.sha256, "offset": want.offset, "length": want.length}
                    data = pull.take(want, await self._ask("release.chunk", params))
                    await elsewhere(folder.append, release, file, want.offset, data)
                    if self._record.desired != release:
                        return False
                if await elsewhere(folder.is_right, release, file):
                    break
                pull.again(file)
            else:
                raise InvalidError(f"{file.path} of the release {release[:12]} is not what the release says it is")
        return True

    async def _stated(self, release: str, trust: Trust | None) -> Manifest:
        """What the authority has stated, from the disk or the gateway."""
        if trust is None:
            raise UnreachableError("who signs for this mesh is not known yet")
        folder = self._begun.folder
        if (message := folder.begun(release)) is not None:
            try:
                return manifest.verified(message, trust, release=release)
            except InvalidError:
                pass  # a power cut, or the disk: it is asked for again
        message = await self._ask("release.manifest", {"release": release})
        if type(message) is not bytes:
            raise InvalidError("the gateway's answer is no release")
        found = manifest.verified(message, trust, release=release)
        folder.begin(release, message)
        return found


def _pieces(agent: Agent) -> list[File]:
    """As the files of a release are."""
    sizes = agent.sizes()
    return [
        File(f"{agent.name}/{n}", size, sha256)
        for n, (size, sha256) in enumerate(zip(sizes, agent.pieces, strict=True))
    ]
