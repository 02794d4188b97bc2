# SPDX-License-Identifier: GPL-3.0-or-later
"""/api/v1/auth: a name and a password become a short access token and a refresh token, and what one's own are."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from ganglion import sentences
from ganglion.errors import RefusedError
from ganglion.sentences import say
from ganglion_gateway.access.accounts import Granted
from ganglion_gateway.access.entrance import TooOftenError, WrongError
from ganglion_gateway.access.passwords import LEAST, MOST
from ganglion_gateway.access.tokens import Principal
from ganglion_gateway.api.documents import Cursor, Document, Limit
from ganglion_gateway.api.forms import KEY
from ganglion_gateway.api.paging import keyed_page, read_key
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import Who
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services
from ganglion_gateway.store import accounts as store

UserName = Annotated[str, Field(max_length=64, description="of a user")]
Password = Annotated[str, Field(max_length=MOST)]

_WRONG = say("name or password is not right")
_OVER = say("this refresh token is none, was used before, or its session is over: log in again")


class LoginBody(Document):
    """`POST /auth/login`."""

    name: UserName
    password: Password


class RefreshBody(Document):
    """`POST /auth/refresh`."""

    refresh_token: str = Field(max_length=256)


class PasswordBody(Document):
    """`POST /auth/password`."""

    old: Password
    new: str = Field(min_length=LEAST, max_length=MOST)


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1/auth", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["auth"])
    accounts = services.accounts

    @router.post("/login", summary="Log in by name and password")
    async def login(body: LoginBody, request: Request) -> dict[str, Any]:
        async with told(services):
            client = request.headers.get("user-agent", "")
            return _document(await accounts.login(body.name, body.password, address=address_of(request), client=client))

    @router.post("/refresh", summary="The next tokens, by the refresh token, which is good once")
    async def refresh(body: RefreshBody) -> dict[str, Any]:
        async with told(services, _OVER):
            return _document(await accounts.refresh(body.refresh_token))

    @router.post("/logout", status_code=204, summary="End this session")
    async def logout(who: Who) -> Response:
        _is_user(who)
        await accounts.logout(who)
        return Response(status_code=204)

    @router.get("/me", summary="Who asks, and what it may do")
    async def me(who: Who) -> dict[str, Any]:
        return {
            "name": who.name,
            "kind": "user" if who.user else "api_key",
            "role": None if who.role is None else who.role.value,
            "scopes": sorted(who.scopes),
            "must_change": who.must_change,
        }

    @router.post("/password", status_code=204, summary="Change one's password; all other sessions end")
    async def password(body: PasswordBody, who: Who, request: Request) -> Response:
        _is_user(who)
        async with told(services, say("the old password is not right")):
            await accounts.change_password(who.name, body.old, body.new, address=address_of(request), login=who.key)
        return Response(status_code=204)

    @router.get("/sessions", summary="Where one is logged in")
    async def sessions(who: Who, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        rows = await store.logins_of(
            services.database, who.user, now=services.clock(), after=read_key(cursor), limit=limit
        )
        fields = ("id", "created", "used", "expires", "address", "client")
        documents = [{**{name: row[name] for name in fields}, "this": row["id"] == who.key} for row in rows]
        return keyed_page("sessions", rows, documents, "id", limit)

    @router.delete("/sessions/{session}", status_code=204, summary="End a session")
    async def end(session: Annotated[str, Path(pattern=KEY)], who: Who) -> Response:
        await accounts.end(who, session)
        return Response(status_code=204)

    return router


def _document(granted: Granted) -> dict[str, Any]:
    return {
        "access_token": granted.access,
        "token_type": "Bearer",
        "expires_in": granted.seconds,
        "refresh_token": granted.refresh,
        "session": granted.login,
        "must_change": granted.must_change,
    }


def _is_user(who: Principal) -> None:
    if not who.user:
        raise RefusedError(say("{name} is an API key, which has neither password nor session", name=who.name))


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


@asynccontextmanager
async def told(services: Services, wrong: str = _WRONG) -> AsyncIterator[None]:
    """Makes the answers of what is wrong: 401, or 429 with when to try again."""
    try:
        yield
    except WrongError:
        services.metrics.refused.inc()
        raise HTTPException(401, wrong) from None
    except TooOftenError as error:
        raise HTTPException(429, sentences.of(error), {"retry-after": str(math.ceil(error.wait))}) from None
