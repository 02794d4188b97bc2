# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and other services say to a node: intents and webhooks, and the runs that come of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ganglion.errors import InvalidError, NotFoundError
from ganglion.mesh.parameters import takes
from ganglion.mesh.progress import report
from ganglion.mova.plan import Plan
from ganglion.mova.shell import ScriptRunner
from ganglion.node.payload import check
from ganglion_micro import plan as p
from ganglion_micro.effects import Done

if TYPE_CHECKING:
    from ganglion.intent.patterns import Intent

#: Letters of what somebody says at once.
MAX_TEXT = 2000
#: Seconds that an answer waits for the runs that it has begun; those that take longer go on.
PATIENCE = 20.0
#: Bytes of the intents that the gateway is shown. A message of the mesh has 64 KiB, of which what was said may be 8.
MAX_SHOWN = 48 * 1024
#: Bytes that the head of a text or list takes in CBOR at most, within `MAX_SHOWN`.
_HEAD = 3

#: Asks the gateway: the text, and `[name, patterns]` of each intent. It gives `{"intent", "by", "confidence"}`.
Ask = Callable[[str, list[list[Any]]], Awaitable[dict[str, Any]]]


class Hearing:
    """Takes what is said to the scripts of a node.

    Args:
        runner: Runs them.
        ask: Who is asked which intent a text has, where no pattern knows; None for nobody.
    """

    def __init__(self, runner: ScriptRunner, ask: Ask | None) -> None:
        self._runner = runner
        self._ask = ask
        self._listed: dict[str, list[list[Any]]] = {}
        self._names: dict[str, list[list[Any]]] = {}
        self._webhooks: dict[str, list[str]] = {}
        self._intents: Any = None

    def serve(self, on_request: Callable[..., None]) -> None:
        """Registers the methods, by `MeshClient.on_request` or what is called like it."""
        on_request("scripts.say", self.say, summary="say something (text, session_id) to the scripts")
        on_request("scripts.intents", self.intents, summary="the intents that the scripts have")
        on_request("scripts.webhook", self.webhook, summary="begin what a webhook (webhook, payload) triggers")

    def add(self, plan: Plan) -> None:
        """Takes the intents and webhooks of a script, in place of those that the one of its name had."""
        self._listed[plan.name], self._names[plan.name] = plan.body[p.INTENTS], plan.body[p.NAMES]
        hooks = [each[p.TOPIC] for each in plan.body[p.TRIGGERS] if each[p.SOURCE] == p.WEBHOOK]
        self._webhooks[plan.name] = [topic.removeprefix("webhook/") for topic in hooks]
        self._intents = None

    def remove(self, name: str) -> None:
        """Forgets the intents and webhooks of a script."""
        del self._listed[name], self._names[name], self._webhooks[name]
        self._intents = None

    @takes("text", "session_id")
    async def say(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """The method `scripts.say`: recognises the intent of a text, and begins what it triggers.

        Args:
            params: `text`, and if it goes on with a session its `session_id`.

        Returns:
            `{"recognition": …, "runs": [{"script", "protocol", "run", "status", "error", "said"}], "ignored": …}`,
            where `said` has what steps have logged and models have answered, and `ignored` counts protocols that were
            busy, or had done it before.

        Raises:
            InvalidError: there is no text, or too long a one.
            NotFoundError: no script here has intents.
        """
        # Most nodes are never spoken to
        from ganglion.intent.order import Guess, recognise

        text, session_id = _text(params, "text", MAX_TEXT), _text(params, "session_id", 64, needed=False)
        intents = self._known()
        asked = self._ask

        notes: list[str] = []

        async def gateway(text: str) -> Guess:
            assert asked is not None  # else it is not among those that are asked
            shown, left = fitting(intents.by_name.values())
            if left:
                notes.append(f"the gateway was asked without {left} of the names and patterns: no more fit")
            answer = await asked(text, shown)
            return Guess(answer.get("intent"), str(answer.get("by")), float(answer.get("confidence") or 0.0))

        now = datetime.now(UTC).astimezone()
        found = await recognise(intents, text, [] if asked is None else [gateway], now=now)
        answer = found.data()
        answer["notes"] = notes + answer["notes"]
        if found.intent is None:
            return {"recognition": answer, "runs": [], "ignored": 0}
        report(text=f"understood: {found.intent}")
        begun = await self._begin(f"intent/{found.intent}", _with(found.event(), session_id), "intent")
        return {"recognition": answer, **begun}

    @takes()
    async def intents(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """The method `scripts.intents`: `{"intents": …}` with the names of those that scripts here have, none twice."""
        return {"intents": sorted({each[0] for several in self._listed.values() for each in several})}

    @takes("webhook", "payload")
    async def webhook(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """The method `scripts.webhook`: begins what a webhook triggers.

        Args:
            params: `webhook`, its name; `payload`, any value that JSON can say.

        Returns:
            `{"runs": …, "ignored": …}` as of `say`.

        Raises:
            InvalidError: there is no name, or the payload is no such value.
            NotFoundError: no script here listens to it.
        """
        name, payload = _text(params, "webhook", 80), params.get("payload")
        try:
            check(payload)
        except ValueError as error:
            raise InvalidError(f"cannot be taken: {error}", where="payload") from None
        known = sorted({each for several in self._webhooks.values() for each in several})
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "there is none"
            raise NotFoundError(f"no script of this node listens to the webhook {name!r}; {there}")
        return await self._begin(f"webhook/{name}", payload, "webhook")

    async def _begin(self, topic: str, value: Any, source: str) -> dict[str, Any]:
        before = self._runner.statistics().ignored
        outcomes = self._runner.announce(topic, value, source)
        ignored = self._runner.statistics().ignored - before
        return {"runs": await _ended(outcomes), "ignored": ignored}

    def _known(self) -> Any:
        if self._intents is None:
            from ganglion.mova.intents import made

            listed = [each for several in self._listed.values() for each in several]
            if not listed:
                raise NotFoundError("no script of this node has intents")
            first: dict[str, list[Any]] = {}
            for each in listed:  # two scripts may listen to one intent; the first says what people say
                first.setdefault(each[0], each)
            self._intents = made(first.values(), [each for several in self._names.values() for each in several])
        return self._intents


def fitting(intents: "Iterable[Intent]") -> tuple[list[list[Any]], int]:
    """`[name, patterns]` of each intent in at most `MAX_SHOWN` bytes, and how many names and patterns are left out.

    Names go first, then the first pattern of each intent, then the second, …
    """
    room, left = MAX_SHOWN - _HEAD, 0
    shown: list[list[Any]] = []
    waiting: list[tuple[list[str], Iterator[str]]] = []
    for intent in intents:
        size = len(intent.name.encode()) + 3 * _HEAD  # the pair, the name, the list of its patterns
        if size > room:
            left += 1 + len(intent.patterns)
            continue
        room -= size
        patterns: list[str] = []
        shown.append([intent.name, patterns])
        waiting.append((patterns, iter(intent.patterns)))
    while waiting:
        more = []
        for patterns, rest in waiting:
            if (pattern := next(rest, None)) is None:
                continue
            more.append((patterns, rest))
            size = len(pattern.encode()) + _HEAD
            if size > room:
                left += 1
                continue
            room -= size
            patterns.append(pattern)
        waiting = more
    return shown, left


def _with(said: dict[str, Any], session_id: str) -> dict[str, Any]:
    return {**said, "session_id": session_id} if session_id else said


async def _ended(outcomes: "list[asyncio.Future[Done]]") -> list[dict[str, Any]]:
    for outcome in outcomes:
        outcome.add_done_callback(lambda _: report(sum(map(asyncio.Future.done, outcomes)), total=len(outcomes)))
    if outcomes:
        await asyncio.wait(outcomes, timeout=PATIENCE)
    return [_told(each) for each in outcomes]


def _told(outcome: "asyncio.Future[Done]") -> dict[str, Any]:
    if not outcome.done():
        return {"status": "running"}
    if outcome.cancelled():
        return {"status": "cancelled"}
    episode = outcome.result().episode
    told = {"run": episode["id"], **{key: episode[key] for key in ("script", "protocol", "status", "error")}}
    return told | {"said": list(_said(episode["steps"]))}


def _said(steps: list[dict[str, Any]]) -> Iterator[str]:
    """What a run says to people: its log, and what a model has answered."""
    for step in steps:
        said = step["detail"].get({"log": "message", "prompt": "result"}.get(step["action"], ""))
        if isinstance(said, str):
            yield said


def _text(params: dict[str, Any], name: str, most: int, *, needed: bool = True) -> str:
    value = params.get(name, "")
    if not isinstance(value, str) or len(value) > most or (needed and not value.strip()):
        raise InvalidError(f"must be text of {'1 to' if needed else 'at most'} {most} letters", where=name)
    return value
