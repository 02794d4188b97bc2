# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cache the settings want."""

from collections.abc import Callable

from ganglion import extras
from ganglion.errors import UsageError
from ganglion_gateway.cache.store import Cache, DatabaseCache
from ganglion_gateway.model.configuration import CacheSettings
from ganglion_gateway.store.database import Database

_SPACE = "model"


def cache_of(settings: CacheSettings, database: Database, *, clock: Callable[[], int]) -> Cache | None:
    """The cache of models' answers; None where nothing is to be kept.

    Raises:
        UsageError: the URL is none of Redis, or what it needs is not installed.
    """
    if not settings.ttl:
        return None
    if not settings.url:
        return DatabaseCache(database, _SPACE, clock=clock)
    from ganglion.mova.session.redis_url import RedisUrl

    url = RedisUrl.parse(settings.url)
    try:
        from ganglion_gateway.cache.redis import RedisCache
    except ImportError:
        raise UsageError(f"a cache in Redis needs more than is installed: {extras.remedy('redis')}") from None
    return RedisCache(url, _SPACE)
