# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows the logs of nodes: each is asked for what is new, and answers when there is something.

Nobody is asked whose log nobody follows, and then nothing of it is kept. Those who follow the same share one following,
so a node is asked once for all who look at its page. A node that goes is asked again when it is back.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, Protocol

from ganglion.errors import GanglionError, NotFoundError, RefusedError
from ganglion.sentences import say
from ganglion_gateway.fleet import Fleet
from ganglion_gateway.leaves import leaf_in

#: Seconds that a node waits for something to say, that its answer may take then, and between two looks at who is there.
_WAIT = 8.0
_SLACK = 10.0
_LOOK = 1.0
#: Seconds between two questions to a leaf, which does not wait.
_LEAF = 1.0
#: Nodes of one following; records that wait for one person, of which the oldest are dropped then, and he is told; and
#: those of before that are told to who comes later.
MOST = 256
QUEUE = 2000
RECENT = 500
#: Followings that ask one node for its own log or its leaves', and those by selectors, any of which may ask any node.
ALIKE = 24

Record = dict[str, Any]


class Target(NamedTuple):
    """Whose log: a node's id, and the name of its leaf or ""."""

    node: str
    leaf: str


class Ask(Protocol):
    """What is needed of the mesh."""

    async def request(self, method: str, params: dict[str, Any], *, to: str, called: str = "", timeout: float) -> Any:
        """See `MeshClient.request`."""
        ...


class Listener:
    """One person who follows."""

    def __init__(self, records: Sequence[Record] = ()) -> None:
        self._records: deque[Record] = deque(records)
        self._dropped = 0
        self._news = asyncio.Event()
        if records:
            self._news.set()

    def take(self, record: Record) -> None:
        """Something was logged."""
        if len(self._records) >= QUEUE:
            self._records.popleft()
            self._dropped += 1
        self._records.append(record)
        self._news.set()

    async def next(self, *, within: float) -> list[Record]:
        """What came since, at least one; nothing after so many seconds of silence."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._news.wait()
        self._news.clear()
        found, dropped = list(self._records), self._dropped
        self._records.clear()
        self._dropped = 0
        return [{"dropped": dropped}, *found] if dropped else found


class Following:
    """The logs of some nodes, for all who follow the same.

    Args:
        fleet: Knows who is there.
        mesh: By which nodes are asked.
        targets: Whose logs are meant; asked again and again, as nodes come.
        level: The least that is told: `debug`, `info`, `warning` or `error`.

    Attributes:
        listeners: Who follows.
    """

    def __init__(self, fleet: Fleet, mesh: Ask, targets: Callable[[], Sequence[Target]], *, level: str) -> None:
        self._fleet = fleet
        self._mesh = mesh
        self._targets = targets
        self._level = level
        self._recent: deque[Record] = deque(maxlen=RECENT)
        self._asking: dict[Target, asyncio.Task[None]] = {}
        self.listeners: set[Listener] = set()
        self._looking = asyncio.create_task(self._look(), name="follow logs")

    def join(self) -> Listener:
        """One more, who is told first what the others were lately."""
        listener = Listener(self._recent)
        self.listeners.add(listener)
        return listener

    async def end(self) -> None:
        """Nobody is asked any more."""
        tasks = [*self._asking.values(), self._looking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            with suppress(GanglionError):  # a node that was named twice meanwhile: those that are followed go on
                for target in self._targets()[:MOST]:
                    task = self._asking.get(target)
                    if (task is None or task.done()) and self._is_there(target):
                        self._asking[target] = asyncio.create_task(self._ask(target), name="follow a log")
            await asyncio.sleep(_LOOK)

    def _is_there(self, target: Target) -> bool:
        node = self._fleet.nodes.get(target.node)
        return node is not None and node.online

    async def _ask(self, target: Target) -> None:
        """Until it does not answer any more."""
        state: dict[str, Any] = {"after": 0, "boot": ""}
        one = self._of_leaf if target.leaf else self._of_node
        while self._is_there(target):
            try:
                await one(target, state)
            except NotFoundError as error:
                self._say(target, time.time_ns(), logging.WARNING, "gateway", f"shows no log: {error}")
                await asyncio.Event().wait()  # and will not, while it is followed
            except GanglionError:
                await asyncio.sleep(_LOOK * random.uniform(1.0, 3.0))  # of many that were cut off not all at once

    async def _of_node(self, target: Target, state: dict[str, Any]) -> None:
        params = {"after": state["after"], "boot": state["boot"], "level": self._level, "wait": _WAIT}
        answer = await self._mesh.request("log.follow", params, to=target.node, timeout=_WAIT + _SLACK)
        if not isinstance(answer, dict) or not isinstance(answer.get("records"), list):
            raise NotFoundError(say("its software is too old: update it"))
        if lost := answer.get("lost"):
            self._say(target, time.time_ns(), logging.WARNING, "gateway", f"{lost} lines before these are kept no more")
        for record in answer["records"]:
            if isinstance(record, list) and len(record) == 4 and isinstance(record[0], int):
                at, level, logger, text = record
                self._say(target, at, level if isinstance(level, int) else logging.INFO, str(logger), str(text))
        after, boot = answer.get("next"), answer.get("boot")
        state |= {"after": after if isinstance(after, int) else 0, "boot": str(boot)}

    async def _of_leaf(self, target: Target, state: dict[str, Any]) -> None:
        asked = {"leaf": target.leaf, "method": "log", "params": {"after": state["after"]}}
        answer = await self._mesh.request("leaf.call", asked, to=target.node, timeout=_SLACK)
        lines, following = (answer.get("lines"), answer.get("next")) if isinstance(answer, dict) else (None, None)
        if not isinstance(lines, list) or not isinstance(following, int):
            raise NotFoundError(say("its software is too old: update it"))
        for line in lines:
            level, text = _leveled(str(line))
            if level >= _LEVELS[self._level]:
                self._say(target, time.time_ns(), level, "leaf", text)
        state["after"] = following
        await asyncio.sleep(_LEAF)

    def _say(self, target: Target, at: int, level: int, logger: str, text: str) -> None:
        record = {
            "at": at,
            "node": target.node,
            "name": self._fleet.name(target.node),
            "leaf": target.leaf,
            "level": level_name(level),
            "logger": logger,
            "text": text,
        }
        self._recent.append(record)
        for listener in self.listeners:
            listener.take(record)


class What(NamedTuple):
    """What is followed: a node or leaf, or those of a selector, and the least level of a record."""

    target: Target | None
    where: str
    level: str


class Followings:
    """Everything that is followed now.

    Args:
        fleet, mesh: See `Following`.
    """

    def __init__(self, fleet: Fleet, mesh: Ask) -> None:
        self._fleet = fleet
        self._mesh = mesh
        self._all: dict[What, Following] = {}

    def check(self, what: What) -> None:
        """Whether it may be followed, too: of each following the nodes have a request to serve, and serve 64 of ours.

        Raises:
            RefusedError: other followings have these nodes asked as often as they may be.
        """
        node = what.target and what.target.node
        alike = sum(1 for each in self._all if (each.target and each.target.node) == node)
        if what not in self._all and alike >= ALIKE:
            which = say("by selectors")
            if node is not None:
                which = say("of {name} and its leaves", name=self._fleet.name(node))
            raise RefusedError(
                say(
                    "{most} logs {which} are followed already: let one of them end, or see what is kept",
                    most=ALIKE,
                    which=which,
                )
            )

    @asynccontextmanager
    async def listen(self, what: What, targets: Callable[[], Sequence[Target]]) -> AsyncIterator[Listener]:
        """Follows until the block ends.

        Raises:
            RefusedError: see `check`.
        """
        self.check(what)
        following = self._all.get(what)
        if following is None:
            following = self._all[what] = Following(self._fleet, self._mesh, targets, level=what.level)
        listener = following.join()
        try:
            yield listener
        finally:
            following.listeners.discard(listener)
            if not following.listeners:
                del self._all[what]
                await following.end()


def log_document(fleet: Fleet, row: Mapping[str, Any]) -> dict[str, Any]:
    """A line that is stored, a row of `node_logs`."""
    leaf = leaf_in(row["logger"])
    return {
        "at": row["at"],
        "node": fleet.now(row["node"]),
        "name": fleet.name(row["node"]),
        "leaf": leaf or "",
        "level": level_name(row["level"]),
        "logger": "leaf" if leaf else row["logger"],
        "text": row["text"],
        "lost": row["lost"],
    }


_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def level_name(level: int) -> str:
    """`debug`, `info`, `warning` or `error`: what is worse is an error, too."""
    return next((name for name, least in reversed(_LEVELS.items()) if level >= least), "debug")


def _leveled(line: str) -> tuple[int, str]:
    """The level of a leaf's line, such as `12 info the parent knows this boot`."""
    words = line.split(" ", 2)
    return _LEVELS.get(words[1], logging.INFO) if len(words) > 1 else logging.INFO, line
