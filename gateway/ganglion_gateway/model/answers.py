# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are kept, so that the same question to the same model is not paid twice while they are fresh."""

import hashlib
import json
from typing import Any

from ganglion.mova.completion import Call, Completion
from ganglion_gateway.cache.store import Cache
from ganglion_gateway.model.configuration import ModelSettings


def letters(request: dict[str, Any]) -> int:
    """How many letters a model is given to read."""
    read = {key: request[key] for key in ("messages", "tools", "response_format") if key in request}
    return len(json.dumps(read, ensure_ascii=False))


class Answers:
    """Those of all models.

    Args:
        cache: Where they are kept; None for nowhere.
        ttl: Nanoseconds for which one is.
    """

    def __init__(self, cache: Cache | None, ttl: int) -> None:
        self._cache = cache
        self._ttl = ttl

    async def find(self, model: ModelSettings, request: dict[str, Any]) -> Completion | None:
        """The answer that a model gave to a request, where it is kept."""
        text = None if self._cache is None else await self._cache.get(_key(model, request))
        if text is None:
            return None
        try:
            kept = json.loads(text)
            calls = [Call(*call) for call in kept["calls"]]
            return Completion(text=kept["text"], calls=calls, model=kept["model"], finish=kept["finish"], done=True)
        except (ValueError, KeyError, TypeError):
            return None  # of another version; it is asked anew

    async def keep(self, model: ModelSettings, request: dict[str, Any], answer: Completion) -> None:
        """Keeps an answer that was what was asked for."""
        if self._cache is not None:
            calls = [(call.id, call.name, call.arguments) for call in answer.calls]
            kept = {"text": answer.text, "calls": calls, "model": answer.model, "finish": answer.finish}
            await self._cache.put(_key(model, request), json.dumps(kept), self._ttl)

    async def aclose(self) -> None:
        """Closes the cache."""
        if self._cache is not None:
            await self._cache.aclose()


def _key(model: ModelSettings, request: dict[str, Any]) -> str:
    asked = json.dumps([model.url, request], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(asked.encode("utf-8", "replace")).hexdigest()
