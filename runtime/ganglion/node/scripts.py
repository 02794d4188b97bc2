# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of a node, and what the gateway may do to them while it runs."""

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mova.plan import Plan
from ganglion.mova.shell import ScriptRunner
from ganglion.node.plain import PlainTopics


class Scripts:
    """Loads scripts into the runner, and has their plain topics come in.

    Args:
        runner: Runs them.
        plain: None for a node without a broker.
    """

    def __init__(self, runner: ScriptRunner, plain: PlainTopics | None) -> None:
        self._runner = runner
        self._plain = plain
        self._hashes: dict[str, str] = {}

    def add(self, plans: Iterable[Plan]) -> None:
        """Loads each, in place of the one of its name; the others go on as they are."""
        for plan in plans:
            self._runner.add(plan)
            self._hashes[plan.name] = plan.hash
            if self._plain is not None:
                for filter, field in plan.mqtt_topics:
                    self._plain.want(filter, field)

    async def put(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """Loads a plan until the node starts again, which loads what its configuration says.

        Args:
            params: `plan`, the bytes of `Plan.encode` as base64url.

        Raises:
            InvalidError: it is none that this node runs; the script that was there goes on.
        """
        text = params.get("plan")
        try:
            data = base64.urlsafe_b64decode(text) if isinstance(text, str) else b""
        except (binascii.Error, ValueError):
            data = b""
        if not data:
            raise InvalidError("must be a plan in base64url", where="plan")
        plan = Plan.decode(data)
        replaced = plan.name in self._hashes
        self.add([plan])
        return {"name": plan.name, "hash": plan.hash, "replaced": replaced}

    async def list(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """What is loaded: `{"scripts": [{"name", "hash"}]}`."""
        return {"scripts": [{"name": name, "hash": value} for name, value in self._hashes.items()]}
