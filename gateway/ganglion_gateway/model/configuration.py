# SPDX-License-Identifier: GPL-3.0-or-later
"""Which language models there are, what they cost and how much of them may be used: from a file, or the environment."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ganglion.errors import InvalidError, UsageError, unread, unreadable
from ganglion.settings import duration_field, nearest, read
from ganglion.units import SECOND

#: Letters of a model's name, as the database keeps it.
MAX_NAME = 128
#: What a million tokens may cost, and what a day may: sums of it are whole numbers of 64 bits in millionths.
_MAX_PRICE, _MAX_COST = 1e6, 1e12
_TABLES = ("currency", "model", "budget", "cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """A service that speaks the chat-completions API, and what is asked of it.

    Attributes:
        url: Its base, as in `http://127.0.0.1:11434/v1`, or the whole of `…/chat/completions`.
        key: The bearer token; "" for none.
        key_file: The file that it is read from, beside the configuration where it is no whole path.
        model: What the service calls it; "" for the service's own.
        name: What scripts and people call it; "" for `model`, or for the service's host where that is "".
        prompt_price: Of a million tokens of a question.
        completion_price: Of a million tokens of an answer.
        within: Nanoseconds until the next model is asked; 0 for an equal share of the question's time.
    """

    url: str
    key: str = field(default="", repr=False)
    key_file: str = ""
    model: str = ""
    name: str = ""
    prompt_price: float = 0.0
    completion_price: float = 0.0
    within: int = duration_field("0s")

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_url = False
        if not is_url or not _is_word(self.url):
            raise InvalidError(f"{self.url!r} is no URL: give it as https://host/v1 or http://127.0.0.1:11434/v1")
        if self.key and not _is_word(self.key):
            raise InvalidError(f"the key of {self.called} is not one word of ASCII: put it alone into its file")
        if parts.username is not None or parts.password is not None:
            raise InvalidError("the URL of a model holds a user or password: put what it needs into key_file")
        if not all(0 <= price <= _MAX_PRICE for price in (self.prompt_price, self.completion_price)):
            raise InvalidError(f"the prices of {self.called} are 0 to {_MAX_PRICE:g}, each of a million tokens")
        if len(self.called) > MAX_NAME:
            raise InvalidError(f"a model's name has at most {MAX_NAME} letters")

    @property
    def called(self) -> str:
        """Its name for scripts and people."""
        return self.name or self.model or str(urlsplit(self.url).hostname)

    def cost(self, prompt: int, completion: int) -> int:
        """What so many tokens cost, in millionths of what the prices are in."""
        return round(prompt * self.prompt_price + completion * self.completion_price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What may be used in a day of UTC.

    Attributes:
        tokens: Of questions and answers; None for any number.
        cost: In what the prices are in; None for any.
    """

    tokens: int | None = None
    cost: float | None = None

    def __post_init__(self) -> None:
        if (self.tokens or 0) < 0 or not 0 <= (self.cost or 0) <= _MAX_COST:
            raise InvalidError(f"a budget is 0 or more, and a cost at most {_MAX_COST:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSettings:
    """All limits of a day.

    Attributes:
        tokens, cost: Of everything together, as in `Limit`.
        each_node, each_script: Of every one that has no limit of its own.
        node, script: Of those of these names.
    """

    tokens: int | None = None
    cost: float | None = None
    each_node: dict[str, Any] = field(default_factory=dict)
    each_script: dict[str, Any] = field(default_factory=dict)
    node: dict[str, Any] = field(default_factory=dict)
    script: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """Answers that are given again to the same question.

    Attributes:
        ttl: Nanoseconds that one is kept; 0 for no cache.
        url: `redis://…` where it is kept; "" for the database. It may hold a password.
    """

    ttl: int = duration_field("0s")
    url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsSettings:
    """All of it.

    Attributes:
        models: The first is asked where a script names none; where one does not answer, the next one is.
        day: The limit of everything together.
        each_node, each_script: Limits of those that have none of their own.
        nodes, scripts: Limits by name.
        cache: Whether answers are kept.
        currency: What the prices are in, for people.
    """

    models: tuple[ModelSettings, ...] = ()
    day: Limit = Limit()
    each_node: Limit = Limit()
    each_script: Limit = Limit()
    nodes: Mapping[str, Limit] = field(default_factory=dict)
    scripts: Mapping[str, Limit] = field(default_factory=dict)
    cache: CacheSettings = CacheSettings()
    currency: str = "USD"

    @property
    def name(self) -> str:
        """What is asked, for people; "" where there is no model."""
        return self.models[0].called if self.models else ""

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> "ModelsSettings":
        """The one model of `GANGLION_LLM_URL`, `GANGLION_LLM_KEY`, `GANGLION_LLM_MODEL`; none without a URL.

        Raises:
            UsageError: the URL is not one of http or https, or the key is no word.
        """
        url, key, model = (environment.get(f"GANGLION_LLM_{word}", "").strip() for word in ("URL", "KEY", "MODEL"))
        if not url:
            return cls()
        try:
            return cls(models=(ModelSettings(url=url, key=key, model=model),))
        except InvalidError as error:
            word = "KEY" if str(error).startswith("the key") else "URL"
            raise UsageError(f"GANGLION_LLM_{word}: {error}") from None

    @classmethod
    def of_file(cls, path: Path) -> "ModelsSettings":
        """From TOML.

        Raises:
            NotFoundError: the file is not there.
            InvalidError: it or a key's cannot be read, or holds what is none of these; the place is named.
        """
        try:
            table = tomllib.loads(path.read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise unreadable(error, str(path)) from None
        except tomllib.TOMLDecodeError as error:
            raise InvalidError(f"is not TOML: {error}", where=str(path)) from None
        where = f"{path}: "
        for key in table:
            if key not in _TABLES:
                raise InvalidError(f"unknown key{nearest(key, _TABLES)}", where=f"{where}{key}")
        listed = table.get("model", [])
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            raise InvalidError("models stand each under [[model]]", where=f"{where}model")
        models = tuple(_model(each, f"{where}model[{i}]", path.parent) for i, each in enumerate(listed))
        names = [model.called for model in models]
        if twice := next((name for i, name in enumerate(names) if name in names[:i]), None):
            raise InvalidError(f"two models are called {twice!r}: give each a name", where=f"{where}model")
        currency = table.get("currency", "USD")
        if not isinstance(currency, str) or not 0 < len(currency) <= 16 or not currency.isprintable():
            raise InvalidError("must be a word of 1 to 16 letters", where=f"{where}currency")
        budget = read(BudgetSettings, _table(table, "budget", where), f"{where}budget")
        cache = read(CacheSettings, _table(table, "cache", where), f"{where}cache")
        return cls(
            models=models,
            day=Limit(tokens=budget.tokens, cost=budget.cost),
            each_node=read(Limit, budget.each_node, f"{where}budget.each_node"),
            each_script=read(Limit, budget.each_script, f"{where}budget.each_script"),
            nodes=_limits(budget.node, f"{where}budget.node"),
            scripts=_limits(budget.script, f"{where}budget.script"),
            cache=cache,
            currency=currency,
        )


def millionths(cost: float) -> int:
    """A limit of cost as costs are counted."""
    return round(cost * 1_000_000)


def seconds(model: ModelSettings, left: float, models: int) -> float:
    """How long a model has for its answer, of the seconds that are left for so many models."""
    return min(left, model.within / SECOND) if model.within and models > 1 else left / models


def _model(table: dict[str, Any], where: str, folder: Path) -> ModelSettings:
    if "key" in table:
        raise InvalidError("a key does not stand here: name the file that has it in key_file", where=f"{where}.key")
    made = read(ModelSettings, table, where)
    if not made.key_file:
        return made
    path = folder / made.key_file
    try:
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(f"{path} {unread(error)}", where=f"{where}.key_file") from None
    try:
        return replace(made, key=key)
    except InvalidError as error:
        raise InvalidError(str(error), where=f"{where}.key_file") from None


def _is_word(text: str) -> bool:
    """Whether a header, or the first line of a request, can have it: else it would be told what is wrong with it."""
    return text.isascii() and text.isprintable() and " " not in text


def _limits(table: dict[str, Any], where: str) -> dict[str, Limit]:
    limits = {}
    for name, each in table.items():
        if not isinstance(each, dict):
            raise InvalidError("must be a table with tokens, cost or both", where=f"{where}.{name}")
        limits[name] = read(Limit, each, f"{where}.{name}")
    return limits


def _table(table: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise InvalidError("must be a table", where=f"{where}{key}")
    return value
