# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's side of releases: fetches what it should run, tries it, keeps it or goes back, and tells the gateway.

What is decided is decided in `record`, `pull` and `trial`; here is the mesh, the disk and the time.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.mesh.client import MeshClient
from ganglion.mesh.credential import GATEWAY
from ganglion.mesh.parameters import takes
from ganglion.release.fetch import Fetch
from ganglion.release.link import Linking, Reach, Standing
from ganglion.release.manifest import ID
from ganglion.release.record import OWN, Record
from ganglion.release.site import Line, Site
from ganglion.release.start import Begun
from ganglion.release.trial import Trial
from ganglion.units import SECOND

_log = logging.getLogger(__name__)

#: Seconds between two questions of what should run: the gateway says it by itself, too, to who is there.
ASK = 900.0
#: Seconds before something that did not work is tried again: at first, and at most.
RETRY, SLOWEST = 1.0, 60.0
#: Seconds that the gateway has for an answer.
PATIENCE = 30.0
#: Seconds between two looks at a trial, and at what there is of a broker that the node is not at.
_LOOK = 0.2
_PROBE = 1.0


class Keeper:
    """The releases of one node that runs.

    Args:
        begun: This start.
        site: The node.
        mesh: Its membership; None for a node without one, which can only go back.
        line: Its link; None for a node without a mesh.
        monotonic: Seconds of a clock that only goes on.
    """

    def __init__(
        self,
        begun: Begun,
        site: Site,
        mesh: MeshClient | None,
        line: Line | None,
        monotonic: Callable[[], float],
    ) -> None:
        self._begun = begun
        self._site = site
        self._mesh = mesh
        self._line = line
        self._reach: Reach | None = None
        self._monotonic = monotonic
        self._wake = asyncio.Event()
        self._answered = False
        self._ends = False
        if mesh is not None:
            mesh.on_request(
                "release.desire", self.desire, roles=[GATEWAY], summary="the release that this node should run"
            )
            mesh.on_request("release.status", self.status, summary="the release that runs, and what becomes of it")

    @property
    def _record(self) -> Record:
        return self._begun.record

    @takes("number", "release")
    async def desire(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """The gateway's word of what should run.

        Raises:
            InvalidError: it is none.
        """
        self._assigned(params)
        return {"number": self._record.number}

    @takes()
    async def status(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """What runs, and the newest report."""
        record, release = self._record, self._begun.release
        return {
            "release": record.runs or None,
            "name": None if release is None else release.name,
            "trial": record.trial is not None,
            "desired": record.desired or None,
            "reported": None if record.last is None else asdict(record.last),
            "untold": len(record.untold),
            "agent": {"base": self._begun.launched.base, "wheel": self._begun.launched.agent or None},
        }

    def _assigned(self, said: dict[str, Any]) -> None:
        number, release = said.get("number"), said.get("release", OWN) or OWN
        if type(number) is not int or number < 0 or not isinstance(release, str):
            raise InvalidError("an assignment is a number and a release", where="params")
        if release != OWN and not ID.fullmatch(release):
            raise InvalidError("is no release: 64 hexadecimal digits", where="params.release")
        self._begun.save(self._record.assigned(number, release, self._now()))
        self._wake.set()

    def _now(self) -> int:
        return self._begun.clock()

    def _say(self, state: str) -> None:
        self._begun.save(self._record.said(state, "", self._now()))

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            if self._begun.trial:
                tasks.create_task(self._try(self._line))
            if self._mesh is not None:
                tasks.create_task(self._keep(self._mesh))

    # The trial of what runs

    async def _try(self, line: Line | None) -> None:
        looking = None if line is None else asyncio.create_task(self._look_for(line), name="looks for the broker")
        try:
            await self._tried(line)
        finally:
            if looking is not None:
                looking.cancel()

    async def _look_for(self, line: Line) -> None:
        """Learns what there is of the broker, while the node is not at it."""
        while True:
            if not line.up:
                self._reach = await line.reach()
            await asyncio.sleep(_PROBE)

    async def _tried(self, line: Line | None) -> None:
        window = self._begun.window
        trial = Trial(window, self._record.excused, int(self._monotonic() * SECOND))
        linking = Linking(had=self._record.linked, changed=self._begun.relinked, window=window)
        told = "trial"
        while True:
            await asyncio.sleep(_LOOK)
            if self._record.is_unwanted:
                self._leave("another release was assigned before the trial was over")
                return
            now = int(self._monotonic() * SECOND)
            link = Standing(False, "the node is in no mesh any more")
            if line is not None:
                link = linking.look(up=line.up, answered=self._answered, reach=self._reach, now=now)
            verdict = trial.look(replace(self._site.seen(), linked=link.proved, unlinked=link.why), now)
            if verdict.state in ("healthy", "committed") and told != "healthy":
                told = "healthy"
                self._say(told)
                self._wake.set()
            if verdict.state == "committed":
                self._begun.save(self._record.committed(self._now()))
                _log.info("the release %s is kept", self._record.current[:12] or "none")
                self._begun.folder.prune(self._record, running=self._begun.launched.agent)
                self._wake.set()
                return
            if verdict.state == "reverted":
                self._leave(verdict.why)
                return

    def _leave(self, why: str) -> None:
        _log.error("the release %s is left for the one before: %s", (self._record.trial or "none")[:12], why)
        self._begun.save(self._record.reverted(why, self._now()))
        self._ends = True
        self._site.restart()

    # What should run

    async def _keep(self, mesh: MeshClient) -> None:
        """Tells, asks and fetches; what does not work is tried again, ever more slowly."""
        wait, due = RETRY, self._monotonic()
        while True:
            self._wake.clear()
            try:
                await self._tell(mesh)
                if self._monotonic() >= due:
                    self._assigned(await self._ask(mesh, "release.desired", {}))
                    due = self._monotonic() + ASK * random.uniform(0.8, 1.0)  # not all at once
                    await self._tell(mesh)
                if self._record.wanted is not None and not self._ends:
                    await self._get(mesh, self._record.wanted)
                    await self._tell(mesh)
                wait, pause = RETRY, due - self._monotonic()
            except (GanglionError, OSError) as error:
                level = logging.DEBUG if isinstance(error, UnreachableError) else logging.WARNING
                _log.log(level, "releases: %s", error)
                wait, pause = min(wait * 2, SLOWEST), wait
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _ask(self, mesh: MeshClient, method: str, params: dict[str, Any]) -> Any:
        answer = await mesh.request(method, params, timeout=PATIENCE)
        self._answered = True
        return answer

    async def _tell(self, mesh: MeshClient) -> None:
        while self._record.untold:
            report = self._record.untold[0]
            await self._ask(mesh, "release.report", asdict(report))
            self._begun.save(self._record.told(report.serial))

    async def _get(self, mesh: MeshClient, release: str) -> None:
        """Has what should run be on trial at the next start, which is now."""
        if release != OWN:
            try:
                if not await self._fetch(mesh, release):
                    return
            except (InvalidError, NotFoundError, RefusedError, OSError) as error:
                # What came is no release: fetching it again would change nothing. All else may be otherwise later.
                if self._record.desired == release and not isinstance(error, UnreachableError):
                    for_good = isinstance(error, InvalidError)
                    self._begun.save(self._record.failed(str(error), self._now(), for_good=for_good))
                raise
        if self._record.desired != release or self._record.trial is not None:
            return
        silent = tuple(sorted(self._site.seen().silent))
        linked = self._line is None or self._line.up
        self._begun.save(self._record.tried(silent, self._now(), linked=linked))
        _log.info("the release %s is tried: the node starts anew", release[:12] or "none")
        self._ends = True
        self._site.restart()

    async def _fetch(self, mesh: MeshClient, release: str) -> bool:
        async def say(state: str) -> None:
            self._say(state)
            await self._tell(mesh)

        fetch = Fetch(self._begun, self._site, partial(self._ask, mesh), say)
        return await fetch.whole(release, mesh.member.trust)
