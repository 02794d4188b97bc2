# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache in Redis. One that is away is as one that is empty: one question waits for it a second, others do not."""

import time

import structlog
from redis.exceptions import RedisError

from ganglion.mova.session.redis import client
from ganglion.mova.session.redis_url import RedisUrl
from ganglion.units import MILLISECOND

_log = structlog.get_logger(__name__)

#: Seconds that the server has to take a connection, and to answer.
_PATIENCE = 1.0
#: Seconds for which one that did not answer is left alone.
_PAUSE = 10.0


class RedisCache:
    """A `Cache` on a server, under `ganglion:SPACE:KEY`; it connects when it is first used, and again when it must."""

    def __init__(self, url: RedisUrl, space: str) -> None:
        self._url = url
        self._space = space
        self._away_until = 0.0
        self._redis = client(url, _PATIENCE)

    async def get(self, key: str) -> str | None:
        if time.monotonic() < self._away_until:
            return None
        try:
            value = await self._redis.get(self._key(key))
        except (RedisError, OSError) as error:
            self._away(error)
            return None
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    async def put(self, key: str, value: str, ttl: int) -> None:
        if time.monotonic() < self._away_until:
            return
        try:
            await self._redis.set(self._key(key), value.encode(), px=max(1, ttl // MILLISECOND))
        except (RedisError, OSError) as error:
            self._away(error)

    async def aclose(self) -> None:
        await self._redis.aclose()

    def _key(self, key: str) -> str:
        return f"ganglion:{self._space}:{key}"

    def _away(self, error: Exception) -> None:
        self._away_until = time.monotonic() + _PAUSE
        _log.warning("cache away", url=str(self._url), reason=type(error).__name__)
