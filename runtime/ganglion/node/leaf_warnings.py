# SPDX-License-Identifier: GPL-3.0-or-later
"""What leaves warn of: each is asked now and then for what is new in its log, and the gateway told warnings and errors.

They must arrive, as those of the node itself. A leaf keeps its last lines alone, and so many of them are told: how many
were lost or left out is told with the next ones. How far each was told is on the disk, so that a node that is started
again tells nothing twice.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganglion.errors import GanglionError
from ganglion.mesh import files
from ganglion.mesh.overlay.bucket import Bucket
from ganglion.mesh.told import LOG
from ganglion.node.telling import Publish
from ganglion.redacted import redacted

_log = logging.getLogger(__name__)

#: Seconds between two questions to one leaf, and between two looks at which leaf is to be asked.
EVERY = 30.0
LOOK = 1.0
#: Warnings and errors of one leaf at once, and a second after that: 1728 a day.
BURST, RATE = 32.0, 0.02
#: Letters of one line, lines of one answer, and leaves of which it is known how far they were told.
LETTERS = 400
_LINES = 256
_LEAVES = 256
#: Answers of a leaf at once: its last lines fit none.
_PIECES = 8
#: A number above this counts boots of the leaf, the rest lines: see `ganglion_agent.agent`.
_BOOT = 20

_LEVELS = {"warning": logging.WARNING, "error": logging.ERROR}


class LeafWarnings:
    """Those of the leaves of one node.

    Args:
        there: Names of the leaves that are there and have the method `log`, each with how often it was started.
        ask: Asks a leaf by its name for the lines of its log after a number: its `log`.
        publish: Takes events.
        saved: Returns when every event so far is safe on the disk.
        clock: Nanoseconds since the Unix epoch.
        kept: The file that says how far each was told.
    """

    def __init__(
        self,
        *,
        there: Callable[[], Mapping[str, int]],
        ask: Callable[[str, int], Awaitable[Any]],
        publish: Publish,
        saved: Callable[[], Awaitable[None]],
        clock: Callable[[], int],
        kept: Path,
    ) -> None:
        self._there = there
        self._ask = ask
        self._publish = publish
        self._saved = saved
        self._clock = clock
        self._kept = kept
        self._after = _read(kept)  # of each leaf, up to which line it was told
        self._allowed: dict[str, Bucket] = {}
        self._lost: dict[str, int] = {}

    async def run(self) -> None:
        """Until cancelled."""
        asked: dict[tuple[str, int], float] = {}
        seen = dict(self._after)
        loop = asyncio.get_running_loop()
        while True:
            there, now = set(self._there().items()), loop.time()
            for gone in asked.keys() - there:
                del asked[gone]  # it is asked at once when it is back
            due = [boot for boot in there if now - asked.get(boot, -EVERY) >= EVERY]
            if due:
                boot = min(due, key=lambda each: asked.get(each, -EVERY))
                asked[boot] = now
                name, _ = boot
                with suppress(GanglionError):  # it is away: it is asked again later
                    for _ in range(_PIECES):
                        after = seen.get(name, 0)
                        seen[name] = await self._look(name, after)
                        if seen[name] == after:
                            break
            await asyncio.sleep(LOOK)

    async def _look(self, name: str, after: int) -> int:
        """Tells what is new of a leaf; up to which line that is."""
        answer = await self._ask(name, after)
        lines, following = (answer.get("lines"), answer.get("next")) if isinstance(answer, dict) else (None, None)
        if type(lines) is not list or type(following) is not int or following == after or following < 0:
            return after  # nothing new, or it is of another kind
        lost = self._lost.get(name, 0)
        begun = following - len(lines)
        if after and begun >> _BOOT == after >> _BOOT:
            lost += max(0, begun - after)
        allowed = self._allowed.setdefault(name, Bucket(RATE, BURST, self._clock()))
        records: list[list[Any]] = []
        for line in lines[:_LINES]:
            words = line.split(" ", 2) if type(line) is str else []
            if len(words) < 3 or (level := _LEVELS.get(words[1])) is None:
                continue
            if allowed.take(self._clock()):
                records.append([self._clock(), level, "leaf", redacted(line[:LETTERS])])
            else:
                lost += 1
        if not records:
            self._lost[name] = lost
            return following
        body = {"topic": LOG, "records": records, "lost": lost, "leaf": name, "vouched": True}
        self._publish(LOG, body | {"source": f"leaf/{name}"})
        await self._saved()
        self._lost[name] = 0
        self._after[name] = following
        while len(self._after) > _LEAVES:
            del self._after[next(iter(self._after))]
        try:
            files.write(self._kept, json.dumps(self._after).encode())
        except OSError as error:
            _log.info("After the next start, warnings of leaves are told again: %s.", error)
        return following


def _read(path: Path) -> dict[str, int]:
    """What the file has; nothing where it is none of ours."""
    try:
        known = json.loads(files.read(path) or b"{}")
    except (OSError, ValueError):
        return {}
    found = known if isinstance(known, dict) else {}
    return {name: after for name, after in found.items() if type(after) is int and after >= 0}
