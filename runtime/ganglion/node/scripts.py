# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of a node, and what the gateway may do to them while it runs."""

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError
from ganglion.guardian import Actuators
from ganglion.mesh.parameters import takes
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from ganglion.mova.shell import ScriptRunner
from ganglion.node.hearing import Hearing
from ganglion.node.lacking import lacking
from ganglion.node.plain import PlainTopics
from ganglion.sensors import Sensors

_log = logging.getLogger(__name__)

#: Letters of a script's text in one answer: with four bytes each, they fit a message.
PIECE = 12_000
#: Seconds for which a script that somebody edits may be asked for at a time.
LONGEST = 3600


@dataclass(frozen=True, slots=True)
class _Edited:
    """A script that runs while somebody edits it: the one that it stands in for, and when that is back."""

    before: Plan | None
    timer: asyncio.TimerHandle


class Scripts:
    """Loads scripts into the runner, and has their plain topics come in.

    Args:
        runner: Runs them.
        plain: None for a node without a broker.
        hearing: Is told of their intents.
        sensors, actuators: What the node has; a script that needs others is not loaded.

    Attributes:
        refused: Those of the configuration that are not loaded, with why.
        configured: Names of those of the configuration.
        files: Where the text of those is.
    """

    def __init__(
        self,
        runner: ScriptRunner,
        plain: PlainTopics | None,
        hearing: Hearing,
        *,
        sensors: Sensors,
        actuators: Actuators,
    ) -> None:
        self._runner = runner
        self._plain = plain
        self._hearing = hearing
        self._sensors = sensors
        self._actuators = actuators
        self._plans: dict[str, Plan] = {}
        self._edited: dict[str, _Edited] = {}
        self.refused: dict[str, str] = {}
        self.configured: set[str] = set()
        self.files: dict[str, Path] = {}

    def serve(self, on_request: Callable[..., None]) -> None:
        """Registers the methods, by `MeshClient.on_request` or what is called like it."""
        on_request(
            "scripts.put",
            self.put,
            summary="load a compiled script (plan), until the next start (or for seconds)",
        )
        on_request("scripts.live", self.live, summary="have a script that is edited (name) run (seconds) longer")
        on_request("scripts.list", self.list, summary="the scripts that are loaded, with their hashes")
        on_request("scripts.source", self.source, summary="the text of a script (name), from a letter on (at)")
        on_request("scripts.remove", self.remove, summary="unload a script (name), until the next start")

    def begin(self, plans: Iterable[Plan]) -> None:
        """Loads what the configuration names; one that needs what is not here is logged, and the others run."""
        for plan in plans:
            self.configured.add(plan.name)
            try:
                self._add(plan)
            except RefusedError as error:
                self.refused[plan.name] = str(error)
                _log.error("%s; it is not loaded", error)
        self._listen()

    def _add(self, plan: Plan) -> None:
        """Loads it in place of the one of its name; the others go on as they are."""
        if missing := lacking(plan, self._sensors.capabilities(), self._actuators.capabilities()):
            raise RefusedError(f"the script {plan.name!r} cannot run on this node: {missing}")
        self._runner.add(plan)
        self._hearing.add(plan)
        self._plans[plan.name] = plan
        self.refused.pop(plan.name, None)

    def names(self) -> Iterable[str]:
        """Of those that are loaded."""
        return self._plans.keys()

    @takes("plan", "seconds")
    async def put(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """Loads a plan until the node starts again, which loads what its configuration says.

        A plan that runs already goes on as it is: `replaced` is whether another was there.

        Args:
            params: `plan`, the bytes of `Plan.encode` as base64url. With `seconds` it runs for so long, or as `live`
                says, and then what was there before is back.

        Raises:
            InvalidError: it is none that this node runs; the script that was there goes on.
            RefusedError: it needs a sensor or an actuator that is not here; the script that was there goes on.
        """
        text = params.get("plan")
        try:
            data = base64.urlsafe_b64decode(text) if isinstance(text, str) else b""
        except (binascii.Error, ValueError):
            data = b""
        if not data:
            raise InvalidError("must be a plan in base64url", where="plan")
        plan = Plan.decode(data)
        seconds = _seconds(params, 1) if "seconds" in params else None
        before = self._plans.get(plan.name)
        replaced = before is not None and before.hash != plan.hash
        if before is None or replaced:
            self._add(plan)
            self._listen()
        if seconds is None:
            self._settle(plan.name)
        else:
            self._keep(plan.name, before, seconds)
        return {"name": plan.name, "hash": plan.hash, "replaced": replaced}

    @takes("name", "seconds")
    async def live(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """Has a script that was put with `seconds` run for so many from now: `{"hash"}`, empty where it does not run.

        Args:
            params: `name`, and `seconds`, of which 0 has what was there before back at once.

        Raises:
            InvalidError: these are no seconds.
        """
        name, seconds = params.get("name"), _seconds(params, 0)
        edited = self._edited.get(name) if isinstance(name, str) else None
        if edited is None:
            return {"hash": ""}
        assert isinstance(name, str)
        if not seconds:
            self._back(name)
            return {"hash": ""}
        self._keep(name, edited.before, seconds)
        return {"hash": self._plans[name].hash}

    def _keep(self, name: str, before: Plan | None, seconds: int) -> None:
        known = self._settle(name)
        timer = asyncio.get_running_loop().call_later(seconds, self._back, name)
        self._edited[name] = _Edited(before if known is None else known.before, timer)

    def _settle(self, name: str) -> _Edited | None:
        """From here on the script is one like all others; returns what it was."""
        known = self._edited.pop(name, None)
        if known is not None:
            known.timer.cancel()
        return known

    def _back(self, name: str) -> None:
        known = self._settle(name)
        assert known is not None
        if known.before is not None and known.before.hash == self._plans[name].hash:
            return
        self._end(name)
        _log.info("the script %s is edited no more: %s", name, "the one before is back" if known.before else "it ends")
        if known.before is not None:
            self.begin([known.before])

    @takes("name")
    async def remove(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """Unloads a script until the node starts again; its runs end, and their episodes say so.

        Args:
            params: `name`.

        Raises:
            NotFoundError: no script here has it.
        """
        name = params.get("name")
        if not isinstance(name, str) or name not in self._plans:
            raise NotFoundError(f"there is no script {name!r} here; there are {', '.join(self._plans) or 'none'}")
        self._settle(name)
        self._end(name)
        return {"name": name}

    def _end(self, name: str) -> None:
        self._runner.remove(name)
        self._hearing.remove(name)
        del self._plans[name]
        self._listen()

    def _listen(self) -> None:
        """Has exactly those plain topics come in that a script listens to."""
        if self._plain is not None:
            self._plain.keep([topic for plan in self._plans.values() for topic in plan.mqtt_topics])

    @takes("name", "at")
    async def source(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """The text of a script, a piece at a time: `{"name", "hash", "file", "text", "size"}`.

        Args:
            params: `name`, and `at`, letters of the text before the piece; `size` is how many it has in all.

        Raises:
            NotFoundError: no script here has the name.
            RefusedError: it has come as a plan, or its file is another one now.
        """
        name, at = params.get("name"), params.get("at", 0)
        plan = self._plans.get(name) if isinstance(name, str) else None
        if plan is None:
            raise NotFoundError(f"there is no script {name!r} here; there are {', '.join(self._plans) or 'none'}")
        if type(at) is not int or at < 0:
            raise InvalidError("must be a number of letters", where="at")
        path = self.files.get(plan.name)
        text = None if path is None else await asyncio.to_thread(_text, path, plan.hash)
        if path is None or text is None:
            why = "it was put there as a plan, or its file has changed since"
            raise RefusedError(f"the text of {plan.name!r} is not on this node: {why}")
        piece = text[at : at + PIECE]
        return {"name": plan.name, "hash": plan.hash, "file": path.name, "text": piece, "size": len(text)}

    @takes()
    async def list(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """What is loaded: `{"scripts": [{"name", "hash"}]}`."""
        return {"scripts": [{"name": name, "hash": plan.hash} for name, plan in self._plans.items()]}


def _text(path: Path, hash: str) -> str | None:
    """What a file has, where it still is the script of that hash."""
    try:
        document = load(path)
        return document.text if compile(document).hash == hash else None
    except GanglionError:
        return None


def _seconds(params: dict[str, Any], least: int) -> int:
    seconds = params.get("seconds")
    if type(seconds) is not int or not least <= seconds <= LONGEST:
        raise InvalidError(f"must be {least} to {LONGEST}, whole ones", where="seconds")
    return seconds
