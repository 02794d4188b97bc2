# SPDX-License-Identifier: GPL-3.0-or-later
"""/api/v1/users and /api/v1/api-keys: who may use the gateway."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.sentences import say
from ganglion.units import duration
from ganglion_gateway.access.permissions import ROLES, SCOPES, Role
from ganglion_gateway.access.tokens import Principal, digest, new_token
from ganglion_gateway.api.documents import Cursor, Document, Limit, Name
from ganglion_gateway.api.forms import KEY, USER
from ganglion_gateway.api.paging import keyed_page, read_key
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import Who
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services
from ganglion_gateway.store import accounts as store
from ganglion_gateway.store import audit, keys
from ganglion_gateway.store.database import Row

UserName = Annotated[str, Path(max_length=64, description="a user's name")]
KeyId = Annotated[str, Path(pattern=KEY, description="as `GET /api-keys` lists it")]
#: The longest that an API key with an end may hold, in nanoseconds.
_MAX_TTL = duration("3650d")


class UserBody(Document):
    """`POST /users`."""

    name: str = Field(pattern=USER)
    role: Role = Role.VIEWER


class RoleBody(Document):
    """`PATCH /users/{user}`."""

    role: Role


class KeyBody(Document):
    """`POST /api-keys`."""

    name: Name
    role: Role | None = Field(default=None, description="what it may do: as this role, or by `scopes`")
    scopes: list[str] | None = Field(default=None, max_length=len(SCOPES), description=", ".join(SCOPES))
    ttl: str | None = Field(default=None, max_length=16, description="how long it holds: 24h, 90d; by default for good")


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["access"])
    _users(router, services)
    _api_keys(router, services)
    return router


def _users(router: APIRouter, services: Services) -> None:
    accounts = services.accounts

    @router.get("/users", summary="Users")
    async def list_users(limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        rows = await store.all_users(services.database, after=read_key(cursor), limit=limit)
        return keyed_page("users", rows, [_user(row) for row in rows], "name", limit)

    @router.post("/users", status_code=201, summary="Add a user, with a password that is shown once")
    async def add_user(body: UserBody, who: Who) -> dict[str, Any]:
        row, password = await accounts.add(who, body.name, body.role)
        return {**_user(row), "password": password}

    @router.get("/users/{user}", summary="A user")
    async def get_user(user: UserName) -> dict[str, Any]:
        return _user(await accounts.find(user))

    @router.patch("/users/{user}", summary="Give a user another role, at once")
    async def set_role(user: UserName, body: RoleBody, who: Who) -> dict[str, Any]:
        return _user(await accounts.set_role(who, user, body.role))

    @router.post("/users/{user}/password", summary="A new one-time password, shown once; all sessions end")
    async def give_password(user: UserName, who: Who) -> dict[str, Any]:
        password = await accounts.give_password(who, user)
        return {**_user(await accounts.find(user)), "password": password}

    @router.delete("/users/{user}", status_code=204, summary="Remove a user; all sessions end")
    async def remove_user(user: UserName, who: Who) -> Response:
        await accounts.remove(who, user)
        return Response(status_code=204)


def _api_keys(router: APIRouter, services: Services) -> None:
    @router.get("/api-keys", summary="API keys, without their tokens")
    async def list_keys(limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        rows = await keys.all_api_keys(services.database, after=read_key(cursor), limit=limit)
        return keyed_page("api_keys", rows, [_key(row) for row in rows], "id", limit)

    @router.post("/api-keys", status_code=201, summary="Make an API key, whose token is shown once")
    async def create_key(body: KeyBody, who: Who) -> dict[str, Any]:
        scopes = _wanted(body, who)
        token, at = new_token(), services.clock()
        expires = None if body.ttl is None else at + _ttl(body.ttl)

        async def work(connection: AsyncConnection) -> Row:
            row = await keys.save_api_key(
                connection,
                name=body.name,
                role="scopes" if body.role is None else body.role.value,
                digest=digest(token),
                created=at,
                scopes=None if body.role is not None else sorted(scopes),
                expires=expires,
                creator=who.name,
            )
            detail = {"name": body.name, "role": row["role"], "scopes": sorted(scopes), "ttl": body.ttl}
            await audit.record(
                connection, at=at, actor=who.name, action="api_key.create", target=row["id"], detail=detail
            )
            return row

        row = await services.database.write(work)
        await services.accounts.load()
        return {**_key(row), "token": token}

    @router.post("/api-keys/{key}/revoke", summary="Let nobody in by it any more")
    async def revoke_key(key: KeyId, who: Who) -> dict[str, Any]:
        row = await keys.find_api_key(services.database, key)
        if row is None:
            raise NotFoundError(
                say("there is no API key {key}: `ganglion api-key list` shows those that there are", key=key)
            )
        if row["name"] == "admin" and row["creator"] == "":
            raise RefusedError(say("this is the key of the file `token`: delete the file and start the gateway again"))

        async def work(connection: AsyncConnection) -> None:
            await keys.revoke_api_key(connection, key)
            detail = {"name": row["name"]}
            at = services.clock()
            await audit.record(connection, at=at, actor=who.name, action="api_key.revoke", target=key, detail=detail)

        await services.database.write(work)
        await services.accounts.load()
        return _key({**row, "revoked": True})


def _wanted(body: KeyBody, who: Principal) -> frozenset[str]:
    if (body.role is None) == (body.scopes is None):
        raise InvalidError(say("say either a `role` or `scopes`"), where=say("the key"))
    scopes = ROLES[body.role] if body.role is not None else frozenset(body.scopes or ())
    if unknown := sorted(scopes - frozenset(SCOPES)):
        raise InvalidError(
            say("there is no scope {scope!r}: there are {names}", scope=unknown[0], names=", ".join(SCOPES)),
            where="scopes",
        )
    if not scopes:
        raise InvalidError(say("say at least one of {names}", names=", ".join(SCOPES)), where="scopes")
    if beyond := sorted(scopes - who.scopes):
        raise RefusedError(
            say("{name} cannot give what it does not have: {names}", name=who.name, names=", ".join(beyond))
        )
    return scopes


def _ttl(text: str) -> int:
    held = duration(text, where="ttl")
    if not 0 < held <= _MAX_TTL:
        raise InvalidError(say("an API key holds for more than nothing and at most 3650d"), where="ttl")
    return held


def _user(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "name", "role", "must_change", "created", "changed")}


def _key(row: Row) -> dict[str, Any]:
    fields = ("id", "name", "created", "expires", "revoked", "creator")
    role = None if row["scopes"] is not None else row["role"]
    scopes = row["scopes"] if row["scopes"] is not None else sorted(ROLES[Role(row["role"])])
    return {**{name: row[name] for name in fields}, "role": role, "scopes": scopes}
