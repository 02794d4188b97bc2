# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge to language models with a real database, asked as a node asks it."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from ganglion.mesh.member import Peer
from ganglion_gateway.cache.opened import cache_of
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.model.bridge import Bridge
from ganglion_gateway.model.budget import Budgets
from ganglion_gateway.model.configuration import ModelSettings, ModelsSettings
from ganglion_gateway.model.ledger import Entry, Ledger
from ganglion_gateway.store.database import Database

NODE = cast(Peer, SimpleNamespace(node_id="n" * 26, name="fridge"))


class _Noted(Ledger):
    """The real one, of which a test reads what it wrote without asking the database."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        super().__init__(database, clock=clock)
        self.details: list[dict[str, Any]] = []

    async def write(self, entry: Entry) -> None:
        await super().write(entry)
        self.details.append(entry.detail())


class Asked:
    """A bridge and what it wrote into the audit."""

    def __init__(self, database: Database, settings: ModelsSettings, clock: Callable[[], int] = time.time_ns) -> None:
        self.metrics = Metrics()
        self._ledger = _Noted(database, clock)
        self.audit = self._ledger.details
        self.budgets = Budgets(settings, database, clock=clock)
        self.bridge = Bridge(
            settings,
            budgets=self.budgets,
            ledger=self._ledger,
            cache=cache_of(settings.cache, database, clock=clock),
            metrics=self.metrics,
            clock=clock,
        )

    async def ask(self, *, by: Peer = NODE, **params: Any) -> dict[str, Any]:
        return await self.bridge.prompt({"prompt": "Why?", "script": "watch", "run": "r1", **params}, by)


@asynccontextmanager
async def asking(
    database: Database, *models: ModelSettings, clock: Callable[[], int] = time.time_ns, **more: Any
) -> AsyncIterator[Asked]:
    """A bridge to these models; `more` is of `ModelsSettings`."""
    asked = Asked(database, ModelsSettings(models=models, **more), clock)
    try:
        yield asked
    finally:
        await asked.bridge.aclose()
