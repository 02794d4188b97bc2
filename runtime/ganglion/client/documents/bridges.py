# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks out and in, dead letters, and language models."""

from typing import Any, Literal, NotRequired, TypedDict

_OfClass = TypedDict("_OfClass", {"class": str})


class Lane(TypedDict):
    """How an endpoint does: `circuit` is open while it is not tried, and `due` when it is next.

    `error` is why the last attempt of the gateway that answers has failed.
    """

    circuit: Literal["closed", "half_open", "open"]
    failures: int
    due: int | None
    error: str


class Head(TypedDict):
    """The message that is tried until it is delivered or dead, while all others wait behind it."""

    message: str
    event: str
    attempts: int
    due: int
    created: int
    error: str


class Webhook(TypedDict):
    """Where events go.

    `messages` counts those of each state, `state` is null while nothing is delivered to it, `head` where nothing waits.
    """

    id: str
    name: str
    url: str
    classes: list[str]
    allow_http: bool
    allow_private: bool
    enabled: bool
    paused: bool
    created: int
    former_until: int | None
    messages: dict[str, int]
    state: Lane | None
    head: Head | None


class NewWebhook(Webhook):
    """One with a secret that was made now and is shown this once."""

    secret: str


class Webhooks(TypedDict):
    """A page of webhooks, the oldest first."""

    webhooks: list[Webhook]
    next: str | None


class Tested(TypedDict):
    """What came of a test; `took` in nanoseconds."""

    webhook: str
    delivered: bool
    status: int | None
    error: str
    took: int


class Attempt(TypedDict):
    """An attempt to deliver; `status` is null where nothing answered."""

    at: int
    took: int
    status: int | None
    error: str


class Message(TypedDict):
    """An event on its way to a webhook."""

    message: str
    event: str
    state: Literal["pending", "delivered", "dead"]
    attempts: int
    due: int
    created: int
    ended: int | None
    last_attempt: Attempt | None


class WholeMessage(_OfClass):
    """One with its event and every attempt."""

    message: str
    event: str
    state: Literal["pending", "delivered", "dead"]
    attempts: int
    due: int
    created: int
    ended: int | None
    topic: str
    value: Any
    node: str
    timestamp: int
    attempted: list[Attempt]


class Messages(TypedDict):
    """A page of them, the newest first."""

    messages: list[Message]
    next: str | None


class WebhookName(TypedDict):
    """Whose message it is."""

    id: str
    name: str


class DeadLetter(_OfClass):
    """A message that was given up."""

    message: str
    event: str
    topic: str
    node: str
    timestamp: int
    attempts: int
    created: int
    ended: int | None
    webhook: WebhookName
    last_attempt: Attempt | None


class WholeDeadLetter(DeadLetter):
    """One with its event and every attempt."""

    value: Any
    source: str
    run: str
    attempted: list[Attempt]


class DeadLetters(TypedDict):
    """A page of them, the newest first."""

    messages: list[DeadLetter]
    next: str | None


class Replayed(TypedDict):
    """How many are tried again."""

    replayed: int


class Dropped(TypedDict):
    """How many were thrown away."""

    dropped: int


class Hook(_OfClass):
    """Who may tell the gateway of events, at `path`; `fault` is why none of them reaches `node` now."""

    id: str
    name: str
    scheme: Literal["standard", "hmac"]
    header: str
    topic: str
    node: str
    rate: int
    created: int
    former_until: int | None
    path: str
    fault: str


class NewHook(Hook):
    """One with a secret that was made now and is shown this once."""

    secret: str


class Hooks(TypedDict):
    """A page of hooks, the oldest first."""

    hooks: list[Hook]
    next: str | None


class Model(TypedDict):
    """A language model; prices are of a million tokens."""

    name: str
    model: str
    url: str
    prompt_price: float
    completion_price: float


class ModelCache(TypedDict):
    """Where answers are kept, and for how many nanoseconds."""

    ttl: int
    kept_in: Literal["redis", "database"]


class Used(TypedDict):
    """What was used."""

    tokens: int
    cost: float


class Budget(TypedDict):
    """What may be used in a day, and what of it was today; null is no limit."""

    of: str
    name: str
    tokens: int | None
    cost: float | None
    used: Used


class Models(TypedDict):
    """A page of language models, in the order in which they are asked."""

    models: list[Model]
    currency: str
    cache: ModelCache | None
    budgets: list[Budget]
    next: str | None


class Usage(TypedDict):
    """What was used of a day, node, script or model, which is under its name."""

    questions: int
    cached: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    day: NotRequired[str]
    node: NotRequired[str]
    name: NotRequired[str]
    script: NotRequired[str]
    model: NotRequired[str]


class Usages(TypedDict):
    """A page of what was used in some days."""

    by: Literal["day", "node", "script", "model"]
    since: str
    until: str
    currency: str
    usage: list[Usage]
    next: str | None
