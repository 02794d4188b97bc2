# SPDX-License-Identifier: GPL-3.0-or-later
"""What leaves ask a language model: their parent asks the gateway in their place, and tells them what came.

A question is an event of class `prompt`, which goes no further; the answer is a call of the leaf's method `answer`.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from ganglion.errors import GanglionError, InvalidError
from ganglion.mesh.leaves.effects import Happened

_log = logging.getLogger(__name__)

#: The class of such an event, and the leaf's method.
PROMPT = "prompt"
ANSWER = "answer"
#: Questions of one leaf at a time.
_MOST = 4
#: Seconds that a model may take, at the most, and that the way to it and back takes.
_LONGEST = 120.0
_WAY = 5.0

#: Asks the gateway: method, parameters, and seconds to wait.
Request = Callable[[str, dict[str, Any], float], Awaitable[dict[str, Any]]]
#: Calls a leaf: its name, method, and parameters.
Call = Callable[[str, str, dict[str, Any]], Awaitable[Any]]


class Prompts:
    """Those of all leaves of a node."""

    def __init__(self, request: Request, call: Call) -> None:
        self._request = request
        self._call = call
        self._asking: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, event: Happened) -> None:
        """Has a question answered, in a task of its own."""
        task = asyncio.create_task(self._answer(event.leaf, event.value), name=f"prompt of {event.leaf}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Ends what is under way."""
        for task in self._tasks:
            task.cancel()

    async def _answer(self, leaf: str, value: Any) -> None:
        asked = value if isinstance(value, dict) else {}
        said: dict[str, Any] = {"id": asked.get("id")}
        self._asking[leaf] += 1
        try:
            if self._asking[leaf] > _MOST:
                raise InvalidError(f"{_MOST} questions of {leaf} wait for an answer already")
            answer = await self._asked(leaf, asked)
            tokens = answer.get("tokens") or {}
            said |= {"value": answer["value"], "model": answer.get("model"), "tokens": sum(tokens.values()) or None}
        except GanglionError as error:
            said["error"] = str(error)[:200]
        finally:
            self._asking[leaf] -= 1
        try:
            await self._told(leaf, said)
        except GanglionError as error:
            _log.info("The answer to a prompt did not reach the leaf %s: %s.", leaf, error)

    async def _asked(self, leaf: str, asked: dict[str, Any]) -> dict[str, Any]:
        seconds = asked.get("seconds")
        if not isinstance(asked.get("id"), str) or not isinstance(asked.get("prompt"), str):
            raise InvalidError("a prompt of a leaf has an id and a text")
        if not isinstance(seconds, int | float) or not 0 < seconds <= _LONGEST:
            raise InvalidError(f"a prompt of a leaf has 0 to {_LONGEST:g} seconds")
        names = {"system": "system", "schema": "schema", "model": "model", "temperature": "temperature"}
        params = {key: asked[name] for key, name in names.items() if asked.get(name) is not None}
        params |= {"prompt": asked["prompt"], "seconds": seconds, "run": f"leaf/{leaf}/{asked['id']}"}
        if asked.get("tokens"):
            params["max_tokens"] = asked["tokens"]
        return await self._request(PROMPT, params, seconds + _WAY)

    async def _told(self, leaf: str, said: dict[str, Any]) -> None:
        try:
            await self._call(leaf, ANSWER, said)
        except InvalidError:
            if "value" not in said:
                raise
            await self._call(leaf, ANSWER, {"id": said["id"], "error": "the model's answer is too long for a leaf"})
