# SPDX-License-Identifier: GPL-3.0-or-later
"""What other gateways at the same database have done since, for what this one keeps in memory.

All of them hear the mesh, and what one has stored the others store no second time. What only one has heard of, an
operator's word or a webhook that came in, the others read from the database here.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ganglion_gateway.intake import Intake
from ganglion_gateway.services import Services
from ganglion_gateway.store import fleet
from ganglion_gateway.store.database import why

_log = structlog.get_logger(__name__)

#: Seconds between looks at events that others have stored, and how many of these go by between looks at the rest.
_LOOK = 0.5
_REST = 4


class Sharing:
    """Keeps one gateway up with the others.

    Args:
        services: The parts.
        intake: Is told of events that others have stored.
    """

    def __init__(self, services: Services, intake: Intake) -> None:
        self._services = services
        self._intake = intake
        self._away = False

    async def run(self) -> None:
        """Looks again and again until cancelled; returns at once where there can be no other gateway."""
        services = self._services
        if not services.database.shared:
            return
        rest = [services.approvals.refresh, services.consents.refresh, services.groups.load, self._revoked]
        count = 0
        while True:
            await asyncio.sleep(_LOOK)
            await self._look([self._intake.follow, *(rest if count % _REST == 0 else [])])
            count += 1

    async def _look(self, looks: list[Callable[[], Awaitable[None]]]) -> None:
        try:
            for look in looks:
                await look()
        except SQLAlchemyError as error:
            if not self._away:
                _log.error("what other gateways do is not known", reason=why(error))
            self._away = True
        else:
            self._away = False

    async def _revoked(self) -> None:
        known = self._services.fleet
        for id, at in (await fleet.revoked(self._services.database)).items():
            node = known.nodes.get(id)
            if node is not None and node.revoked is None:
                known.revoke(id, at)
