# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the models a day, a node and a script may use; what was used is in the database, and outlives restarts.

A question takes its share before it is asked, with those that are under way: their answers are bounded by what is left,
so that no budget is exceeded by more than the guess of how many tokens a question has.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ganglion.errors import RefusedError
from ganglion_gateway.model.configuration import Limit, ModelSettings, ModelsSettings, millionths
from ganglion_gateway.store import model_usage
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.model_usage import day_of

#: Letters of a token, where nobody has counted: fewer than in most languages, so that the guess is rather too high.
_LETTERS = 3


def guessed(letters: int) -> int:
    """Tokens of so many letters, where the service counts none."""
    return -(-letters // _LETTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Something with a budget.

    Attributes:
        what: `day`, `node` or `script`.
        name: Of the node or script, for people; "" for the day.
        id: As usage is counted by.
        limit: What it may use.
    """

    what: str
    name: str
    id: str
    limit: Limit

    def __str__(self) -> str:
        return "everything together" if self.what == "day" else f"the {self.what} {self.name}"

    @property
    def of(self) -> dict[str, str]:
        """What its usage is found by."""
        return {} if self.what == "day" else {self.what: self.id}


@dataclass(slots=True, eq=False)
class Share:
    """What one question to one model has of its budgets.

    Attributes:
        scopes: The budgets.
        answer: Tokens that the answer may take.
        tokens, cost: Set aside for it; what it took, once that is known.
    """

    scopes: list[Scope]
    answer: int
    tokens: int
    cost: int


class Budgets:
    """All of them.

    Args:
        settings: The limits.
        database: Knows what was used.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(self, settings: ModelsSettings, database: Database, *, clock: Callable[[], int]) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._lock = asyncio.Lock()
        self._under_way: list[Share] = []

    def scopes(self, node: str, name: str, script: str) -> list[Scope]:
        """What of a question has a limit: `node` is its id, `name` its name."""
        known = self._settings
        found = [
            Scope(what="day", name="", id="", limit=known.day),
            Scope(what="node", name=name, id=node, limit=known.nodes.get(name, known.each_node)),
            Scope(what="script", name=script, id=script, limit=known.scripts.get(script, known.each_script)),
        ]
        return [scope for scope in found if scope.limit != Limit()]

    async def used(self, scope: Scope) -> tuple[int, int]:
        """Tokens and cost of today."""
        return await model_usage.used(self._database, day_of(self._clock()), **scope.of)

    async def today(self) -> list[tuple[Scope, int, int]]:
        """The budget of the day, of those that have a limit of their own, and of who has used anything today."""
        known, day = self._settings, day_of(self._clock())
        found = [(Scope(what="day", name="", id="", limit=known.day), *await model_usage.used(self._database, day))]
        for what, limits, each in (
            ("node", known.nodes, known.each_node),
            ("script", known.scripts, known.each_script),
        ):
            rows = await model_usage.sums(self._database, by=what, since=day, until=day)
            idle = limits.keys() - {str(row.get("name") or row[what]) for row in rows}
            for row in rows:
                name = str(row.get("name") or row[what])
                scope = Scope(what=what, name=name, id=row[what], limit=limits.get(name, each))
                found.append((scope, row["prompt_tokens"] + row["completion_tokens"], row["cost"]))
            found += [(Scope(what=what, name=name, id="", limit=limits[name]), 0, 0) for name in sorted(idle)]
        return [each for each in found if each[0].limit != Limit()]

    async def share(self, scopes: list[Scope], model: ModelSettings, *, prompt: int, most: int) -> Share:
        """Sets tokens aside for a question, until they are `given_back`.

        Args:
            prompt: Letters of the question.
            most: Tokens that the answer may take.

        Returns:
            The share; its `answer` is what the answer may take by the budgets, `most` at most.

        Raises:
            RefusedError: nothing is left for it.
        """
        asked = guessed(prompt)
        async with self._lock:
            for scope in scopes:
                most = min(most, await self._left(scope, model, asked))
                if most < 1:
                    raise RefusedError(f"budget: the budget of {scope} for today is used up")
            share = Share(scopes=scopes, answer=most, tokens=asked + most, cost=model.cost(asked, most))
            if scopes:
                self._under_way.append(share)
        return share

    def give_back(self, shares: Iterable[Share]) -> None:
        """What these questions have used is in the database by now."""
        for share in shares:
            if share in self._under_way:
                self._under_way.remove(share)

    async def _left(self, scope: Scope, model: ModelSettings, asked: int) -> int:
        """Tokens that an answer may take, after the question's own."""
        tokens, cost = await self.used(scope)
        for share in self._under_way:
            if scope in share.scopes:
                tokens, cost = tokens + share.tokens, cost + share.cost
        left = 1 << 31
        if scope.limit.tokens is not None:
            left = scope.limit.tokens - tokens - asked
        if scope.limit.cost is not None and (model.prompt_price or model.completion_price):
            rest = millionths(scope.limit.cost) - cost - model.cost(asked, 0)
            left = min(left, int(rest / model.completion_price) if model.completion_price else (1 << 31) * (rest > 0))
        return left
