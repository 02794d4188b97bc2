# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out one effect of a run on the ports, and makes of every error the failure that the engine understands."""

import asyncio
import logging
from typing import Any

from ganglion.errors import GanglionError, InvalidError, RefusedError, UnreachableError
from ganglion.mova.http import BusyError
from ganglion.mova.ports import Ports, PromptRequest, ToolRequest, Tools
from ganglion.units import SECOND
from ganglion_micro import effects as e
from ganglion_micro.effects import Failure

_log = logging.getLogger(__name__)
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Performer:
    """What effects are carried out on.

    Attributes:
        broken: How often a port failed with an error that is none of Ganglion's: a mistake in the port.
    """

    def __init__(self, ports: Ports, tools: Tools) -> None:
        self._ports = ports
        self._tools = tools
        self.broken = 0

    def at_once(self, effect: Any, source: str) -> Any:
        """The result of an effect that waits for nothing: publish, emit, log.

        Args:
            source: Who says it: the script's name.
        """
        try:
            if effect.kind == e.PUBLISH:
                return self._ports.publish(
                    effect.topic, effect.value, to=effect.to, must_arrive=effect.must_arrive, run=effect.run
                )
            if effect.kind == e.EMIT:
                return self._ports.emit(effect.topic, effect.value, source=source)
        except Exception as error:
            return self._failure(error, effect)
        _log.log(_LEVELS[effect.level], "%s: %s", source, effect.message)
        return None

    async def awaited(self, effect: Any, source: str) -> Any:
        """The result of an effect that the world takes time for: prompt, tool, actuate, read."""
        try:
            return await self._awaited(effect, source)
        except Exception as error:
            return self._failure(error, effect)

    async def _awaited(self, effect: Any, source: str) -> Any:
        if effect.kind == e.PROMPT:
            return await self._prompt(effect, source)
        if effect.kind == e.ACTUATE:
            decision = await self._ports.actuate(
                effect.actuator,
                effect.value,
                owner=source,
                for_ns=effect.ns,
                priority=effect.priority,
                within_ns=effect.within,
                advised=effect.advised,
                run=effect.run,
            )
            return [decision.accepted, decision.value, decision.reason]
        if effect.kind == e.READ:
            return await self._ports.read(effect.sensor)
        reply = await self._tools.call(
            ToolRequest(
                tool=effect.tool,
                method=effect.method,
                url=effect.url,
                headers=effect.headers,
                parameters=effect.parameters,
                body=effect.body,
                auth=effect.auth,
                seconds=effect.ns / SECOND if effect.ns else None,
                run=effect.run,
            )
        )
        return [reply.status, reply.body, round(reply.retry_after * SECOND)]

    async def _prompt(self, effect: e.Prompt, script: str) -> list[Any]:
        model, temperature, most, system = effect.preset or (None, None, None, None)
        seconds = effect.ns / SECOND if effect.ns else None
        request = PromptRequest(
            prompt=effect.prompt,
            schema=effect.schema,
            tokens=min((n for n in (effect.tokens, most) if n), default=None),
            seconds=seconds,
            model=model,
            temperature=temperature,
            system=system,
            tools=effect.tools,
            rounds=effect.rounds,
            run=effect.run,
            script=script,
        )
        try:
            async with asyncio.timeout(seconds):
                reply = await self._ports.prompt(request)
        except TimeoutError:
            raise UnreachableError(f"the model gave no answer within {seconds:g} s" if seconds else "") from None
        return [reply.value, reply.model, reply.tokens, list(reply.calls)]

    def _failure(self, error: Exception, effect: Any) -> Failure:
        message = str(error) or type(error).__name__
        match error:
            case BusyError():
                return Failure("unreachable", message, error.retry, round(error.after * SECOND))
            case UnreachableError():
                return Failure("unreachable", message, error.retry)
            case RefusedError():
                return Failure("refused", message)
            case InvalidError():
                return Failure("invalid", message)
            case GanglionError():
                return Failure("failed", message, error.retry)
        self.broken += 1
        _log.error("a port failed at %s of run %s", type(effect).__name__, effect.run, exc_info=error)
        return Failure("failed", f"{type(error).__name__}: {message}")
