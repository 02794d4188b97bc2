# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions in Redis, in keys and values as MOVA's SDK 2.2 keeps them, so that both may work on one session.

`mova:session:{id}` is a hash: each value of the top level in a field of its name, as JSON, and `_metadata` with the
names and the time to live. A save is one transaction (WATCH, MULTI, EXEC).
"""

import json
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar, cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ConnectionError,
    NoPermissionError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from ganglion.errors import GanglionError, InvalidError, RefusedError, UnreachableError
from ganglion.mova.session.fields import MAX_TTL, METADATA, Fields, data, merged, named, value
from ganglion.mova.session.redis_url import RedisUrl

T = TypeVar("T")

_PREFIX = "mova:session:"
#: Seconds that the server has to take a connection, and to answer.
_PATIENCE = 5.0


def client(url: RedisUrl, patience: float) -> Redis:
    """What asks a server, which connects when it is first used, and again when it must.

    Args:
        url: The server, its account and its database.
        patience: Seconds that the server has to take a connection, and to answer.
    """
    tls: dict[str, Any] = {"ssl": True, "ssl_ca_certs": url.ca} if url.tls else {}
    return Redis(
        host=url.host,
        port=url.port,
        db=url.database,
        username=url.username,
        password=url.password,
        socket_timeout=patience,
        socket_connect_timeout=patience,
        retry=Retry(NoBackoff(), 1),  # for a connection that has gone since it was last used
        **tls,
    )


class RedisStore:
    """`ganglion.mova.ports.SessionStore` on a server, which connects when it is first used, and again when it must."""

    def __init__(self, url: RedisUrl) -> None:
        self._url = url
        self._redis = client(url, _PATIENCE)

    async def load(self, session_id: str) -> dict[str, Any] | None:
        fields = await self._answer(self._hash(self._redis, _key(session_id)))
        if fields is None:
            return None
        fields.pop(METADATA, None)
        return data(fields)

    async def save(self, session_id: str, before: Mapping[str, Any] | None, after: Mapping[str, Any], ttl: int) -> None:
        key = _key(session_id)

        async def write(pipe: "Pipeline") -> None:
            kept = await self._hash(pipe, key)
            about = None if kept is None else value(kept.pop(METADATA, ""))
            fields = merged(kept, before, after)
            about = (about if isinstance(about, dict) else {}) | {"ttl": ttl, "data_keys": sorted(fields)}
            pipe.multi()  # type: ignore[no-untyped-call]
            pipe.delete(key)
            mapping: dict[Any, Any] = {**fields, METADATA: json.dumps(about)}
            pipe.hset(key, mapping=mapping)
            pipe.expire(key, min(ttl, MAX_TTL))

        await self._answer(self._redis.transaction(write, key))

    async def delete(self, session_id: str) -> bool:
        return bool(await self._answer(self._redis.delete(_key(session_id))))

    async def ids(self) -> list[str]:
        async def scan() -> set[bytes]:  # a scan may give a key twice
            return {key async for key in self._redis.scan_iter(f"{_PREFIX}*", count=1000)}

        return sorted(key.decode(errors="replace").removeprefix(_PREFIX) for key in await self._answer(scan()))

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _hash(self, redis: "Redis | Pipeline", key: str) -> Fields | None:
        fields = await cast(Awaitable[dict[bytes, bytes]], redis.hgetall(key))
        return {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()} or None

    async def _answer(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except (AuthenticationError, AuthorizationError, NoPermissionError):
            raise RefusedError(f"{self._url} refuses user and password: write redis://user:password@host") from None
        except TimeoutError:
            raise UnreachableError(f"{self._url} gives no answer within {_PATIENCE:g} s") from None
        except (ConnectionError, OSError) as error:
            raise UnreachableError(f"{self._url} cannot be reached: {error}") from None
        except ResponseError as error:
            raise self._refused(error) from None
        except RedisError as error:
            raise UnreachableError(f"{self._url}: {type(error).__name__}") from None

    def _refused(self, error: ResponseError) -> GanglionError:
        if str(error).startswith("WRONGTYPE"):
            return InvalidError(f"{self._url} keeps something else under the session's key")
        return UnreachableError(f"{self._url}: {error}")


def _key(session_id: str) -> str:
    return _PREFIX + named(session_id)
