# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of a node, and what the gateway may do to them while it runs."""

import base64
import binascii
import logging
from collections.abc import Iterable
from typing import Any

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.guardian import Actuators
from ganglion.mesh.parameters import takes
from ganglion.mova.plan import Plan
from ganglion.mova.shell import ScriptRunner
from ganglion.node.hearing import Hearing
from ganglion.node.lacking import lacking
from ganglion.node.plain import PlainTopics
from ganglion.sensors import Sensors

_log = logging.getLogger(__name__)


class Scripts:
    """Loads scripts into the runner, and has their plain topics come in.

    Args:
        runner: Runs them.
        plain: None for a node without a broker.
        hearing: Is told of their intents.
        sensors, actuators: What the node has; a script that needs others is not loaded.
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

    def begin(self, plans: Iterable[Plan]) -> None:
        """Loads what the configuration names; one that needs what is not here is logged, and the others run."""
        for plan in plans:
            try:
                self._add(plan)
            except RefusedError as error:
                _log.error("%s; it is not loaded", error)
        self._listen()

    def _add(self, plan: Plan) -> None:
        """Loads it in place of the one of its name; the others go on as they are."""
        if missing := lacking(plan, self._sensors.capabilities(), self._actuators.capabilities()):
            raise RefusedError(f"the script {plan.name!r} cannot run on this node: {missing}")
        self._runner.add(plan)
        self._hearing.add(plan)
        self._plans[plan.name] = plan

    def names(self) -> Iterable[str]:
        """Of those that are loaded."""
        return self._plans.keys()

    @takes("plan")
    async def put(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """Loads a plan until the node starts again, which loads what its configuration says.

        A plan that runs already goes on as it is: `replaced` is whether another was there.

        Args:
            params: `plan`, the bytes of `Plan.encode` as base64url.

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
        before = self._plans.get(plan.name)
        replaced = before is not None and before.hash != plan.hash
        if before is None or replaced:
            self._add(plan)
            self._listen()
        return {"name": plan.name, "hash": plan.hash, "replaced": replaced}

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
        self._runner.remove(name)
        self._hearing.remove(name)
        del self._plans[name]
        self._listen()
        return {"name": name}

    def _listen(self) -> None:
        """Has exactly those plain topics come in that a script listens to."""
        if self._plain is not None:
            self._plain.keep([topic for plan in self._plans.values() for topic in plan.mqtt_topics])

    @takes()
    async def list(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """What is loaded: `{"scripts": [{"name", "hash"}]}`."""
        return {"scripts": [{"name": name, "hash": plan.hash} for name, plan in self._plans.items()]}
