# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes that show which language models there are, and what was used of them."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from ganglion.errors import InvalidError
from ganglion.sentences import say
from ganglion.units import SECOND
from ganglion_gateway.api.documents import Cursor, Limit
from ganglion_gateway.api.forms import DAY
from ganglion_gateway.api.paging import slice_of
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.model.budget import Scope
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services
from ganglion_gateway.store import model_usage
from ganglion_gateway.store.model_usage import day_of

#: Nanoseconds that are shown where nobody says which days.
_SPAN = 30 * 86400 * SECOND
Day = Annotated[str | None, Query(pattern=DAY, description="of UTC, as in 2026-11-22")]


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["models"])
    settings = services.settings.models

    @router.get("/models", summary="Language models, in the order in which they are asked, and what is left of today")
    async def list_models(limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        found, following = slice_of(enumerate(settings.models), lambda each: f"{each[0]:06}", cursor, limit)
        return {
            "models": [
                {
                    "name": model.called,
                    "model": model.model,
                    "url": model.url,
                    "prompt_price": model.prompt_price,
                    "completion_price": model.completion_price,
                }
                for _, model in found
            ],
            "next": following,
            "currency": settings.currency,
            "cache": {"ttl": settings.cache.ttl, "kept_in": "redis" if settings.cache.url else "database"}
            if settings.cache.ttl
            else None,
            "budgets": [_budget(*each) for each in await services.budgets.today()],
        }

    @router.get("/models/usage", summary="What was used of language models, most expensive first")
    async def usage(
        by: Literal["day", "node", "script", "model"] = "model",
        since: Day = None,
        until: Day = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        now = services.clock()
        last = _day(until, "until") or day_of(now)
        first = _day(since, "since") or day_of(now - _SPAN)
        if first > last:
            raise InvalidError(
                say("{first} is after {last}, which is `until`: name an earlier day", first=first, last=last),
                where="since",
            )
        rows = await model_usage.sums(services.database, by=by, since=first, until=last)
        found, following = slice_of(rows, lambda row: _place(row, by), cursor, limit)
        usage = [{**row, "cost": row["cost"] / 1_000_000} for row in found]
        answer = {"by": by, "since": first, "until": last, "currency": settings.currency}
        return {**answer, "usage": usage, "next": following}

    return router


def _day(text: str | None, where: str) -> str:
    """A day that there is; "" where none is named."""
    try:
        return "" if text is None else date.fromisoformat(text).isoformat()
    except ValueError:
        raise InvalidError(say("there is no day {text}: write it as in 2026-11-22", text=text), where=where) from None


def _place(row: dict[str, Any], by: str) -> str:
    """Where a row stands: the newest day first, of others the most expensive."""
    if by == "day":
        return f"{10**8 - int(row['day'].replace('-', '')):08}"
    return f"{2**63 - row['cost']:020}{2**63 - row['completion_tokens']:020}{row[by]}"


def _budget(scope: Scope, tokens: int, cost: int) -> dict[str, Any]:
    return {
        "of": scope.what,
        "name": scope.name,
        "tokens": scope.limit.tokens,
        "cost": scope.limit.cost,
        "used": {"tokens": tokens, "cost": cost / 1_000_000},
    }
