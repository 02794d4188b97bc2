# SPDX-License-Identifier: GPL-3.0-or-later
"""Several models, what they cost and what may be used of them: against real servers of the API, a database, a Redis."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from ganglion.errors import InvalidError, RefusedError, UnreachableError, UsageError
from ganglion.mesh.member import Peer
from ganglion.units import SECOND
from ganglion_gateway.model.answers import Answers
from ganglion_gateway.model.configuration import CacheSettings, Limit, ModelSettings, ModelsSettings
from ganglion_gateway.store import model_usage
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.url import DatabaseUrl
from support.asking import NODE, Asked, asking
from support.chat_server import KEY, MODEL, ChatServer, Say, chat_server
from support.redis_server import redis_server
from support.waiting import until

TODAY = "2026-11-22"
NOON = 1_795_348_800 * SECOND
HALL = cast(Peer, SimpleNamespace(node_id="h" * 26, name="hall"))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open_(DatabaseUrl.file(tmp_path / "gateway.db")) as opened:
        yield opened


@pytest.fixture
async def either(store_url: DatabaseUrl) -> AsyncIterator[Database]:
    """A database of each kind, for what asks it the most."""
    async with Database.open_(store_url) as opened:
        yield opened


@pytest.fixture
async def chat() -> AsyncIterator[ChatServer]:
    async with chat_server() as server:
        yield server


@pytest.fixture
async def other() -> AsyncIterator[ChatServer]:
    async with chat_server() as server:
        yield server


def model(chat: ChatServer, name: str = "", **more: Any) -> ModelSettings:
    return ModelSettings(url=chat.url, key=KEY, model=MODEL, name=name, **more)


async def used_up(asked: Asked, **params: Any) -> None:
    """Asks until it is refused."""
    for _ in range(20):
        await asked.ask(**params)


async def usage(database: Database, by: str = "model", day: str = TODAY) -> dict[str, list[int]]:
    rows = await model_usage.sums(database, by=by, since=day, until=day)
    return {row[by]: [row[name] for name in model_usage.COUNTS] for row in rows}


@pytest.mark.parametrize(
    "say",
    [
        Say(status=500),
        Say(status=401),
        Say(body=b"220 mail ESMTP\r\n"),
        Say(body=b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd"),
        Say(text="0123456789" * 5, stop_after=3),
    ],
)
async def test_where_a_model_fails_the_next_one_answers(
    chat: ChatServer, other: ChatServer, database: Database, say: Say
) -> None:
    chat.says(say)
    other.says(Say(text="door"))
    async with asking(database, model(chat, "small"), model(other, "large")) as asked:
        answer = await asked.ask(seconds=20)
    assert answer["value"] == "door"
    [detail] = asked.audit
    assert detail["outcome"] == "answered"
    assert [each["model"] for each in detail["tried"]] == ["small"]


async def test_a_model_that_hangs_leaves_time_for_the_next_one(
    chat: ChatServer, other: ChatServer, database: Database
) -> None:
    chat.says(Say(text="slow", pause=30))
    async with asking(database, model(chat, "small", within=SECOND // 5), model(other, "large")) as asked:
        assert (await asked.ask(seconds=30))["value"] == "hello"
    assert asked.audit[0]["tried"] == [{"model": "small", "outcome": "timeout"}]


async def test_a_node_that_asks_much_leaves_room_for_another(chat: ChatServer, database: Database) -> None:
    chat.says(Say(text="slow", pause=600))
    async with asking(database, model(chat)) as asked:
        many = [asyncio.create_task(asked.ask(seconds=200)) for _ in range(20)]
        await until(lambda: len(chat.requests) >= 4, what="some of them are under way")
        chat.says(Say(text="door"))
        async with asyncio.timeout(60):
            assert (await asked.ask(by=HALL, seconds=200))["value"] == "door"
        for each in many:
            each.cancel()
        await asyncio.gather(*many, return_exceptions=True)


async def test_what_fails_here_is_not_written_down_as_answered(
    chat: ChatServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Answers, "keep", fail)
    async with asking(database, model(chat)) as asked:
        with pytest.raises(OSError, match="no space"):
            await asked.ask()
        assert [detail["outcome"] for detail in asked.audit] == ["failed"]
        assert asked.metrics.prompts.labels("failed")._value.get() == 1


async def test_what_was_answered_wrongly_is_not_asked_elsewhere(
    chat: ChatServer, other: ChatServer, database: Database
) -> None:
    chat.says(Say(text="not JSON"))
    async with asking(database, model(chat, "small"), model(other, "large")) as asked:
        with pytest.raises(InvalidError, match="invalid_answer"):
            await asked.ask(schema={"type": "object"})
    assert other.requests == []


async def test_where_all_fail_the_first_one_says_why(chat: ChatServer, other: ChatServer, database: Database) -> None:
    chat.says(Say(status=429, retry_after=60))
    other.says(Say(status=401))
    async with asking(database, model(chat, "small"), model(other, "large")) as asked:
        with pytest.raises(UnreachableError, match="rate_limited"):
            await asked.ask(seconds=5)
    assert [each["outcome"] for each in asked.audit[0]["tried"]] == ["rate_limited", "model_refused"]


async def test_a_script_names_a_model_and_gets_it_first(
    chat: ChatServer, other: ChatServer, database: Database
) -> None:
    other.says(Say(text="door"))
    async with asking(database, model(chat, "small"), model(other, "large")) as asked:
        assert (await asked.ask(model="large"))["value"] == "door"
        assert (await asked.ask(model="some-other"))["value"] == "hello"
    assert (other.requests[0]["model"], chat.requests[0]["model"]) == (MODEL, "some-other")


async def test_tokens_and_cost_are_counted_by_model_script_node_and_day(chat: ChatServer, either: Database) -> None:
    chat.says(Say(text="door"))
    priced = model(chat, "small", prompt_price=1.0, completion_price=5.0)
    async with asking(either, priced, clock=lambda: NOON) as asked:
        await asked.ask()
        await asked.ask(by=HALL, script="other")
    assert asked.audit[0]["cost"] == pytest.approx((21 * 1 + 4 * 5) / 1e6)
    assert await usage(either) == {"small": [2, 0, 42, 8, 82]}
    assert set(await usage(either, "script")) == {"watch", "other"}
    assert set(await usage(either, "node")) == {NODE.node_id, HALL.node_id}
    assert await usage(either, "day") == {TODAY: [2, 0, 42, 8, 82]}


async def test_half_an_answer_costs_what_is_guessed_of_it(chat: ChatServer, database: Database) -> None:
    chat.says(Say(text="0123456789" * 5, stop_after=6))
    async with asking(database, model(chat, "small", completion_price=3.0), clock=lambda: NOON) as asked:
        with pytest.raises(UnreachableError, match="incomplete"):
            await asked.ask(seconds=2)
    assert asked.audit[0]["guessed"] is True
    [[questions, _, prompt, completion, cost]] = (await usage(database)).values()
    assert (questions, completion, cost) == (1, 10, 30)
    assert prompt > 0


async def test_a_script_that_has_used_up_its_day_is_refused_also_after_a_restart_and_not_tomorrow(
    chat: ChatServer, either: Database
) -> None:
    now = NOON
    limits: dict[str, Any] = {"scripts": {"watch": Limit(tokens=80)}, "clock": lambda: now}
    async with asking(either, model(chat), **limits) as asked:
        await asked.ask()  # 21 tokens and 5
        await asked.ask()
        assert chat.requests[1]["max_tokens"] < chat.requests[0]["max_tokens"] < 80
    async with asking(either, model(chat), **limits) as asked:
        await asked.ask()
        with pytest.raises(RefusedError, match="budget: the budget of the script watch for today is used up"):
            await asked.ask()
        assert asked.audit[-1]["outcome"] == "budget"
        assert (await asked.ask(script="other"))["value"] == "hello"
        now += 86400 * SECOND
        assert (await asked.ask())["value"] == "hello"


async def test_nodes_have_budgets_of_their_own_and_all_together_one(chat: ChatServer, database: Database) -> None:
    limits: dict[str, Any] = {"each_node": Limit(tokens=60), "nodes": {"hall": Limit(tokens=5000)}}
    async with asking(database, model(chat), day=Limit(tokens=120), **limits) as asked:
        await asked.ask()
        with pytest.raises(RefusedError, match="the node fridge"):
            await used_up(asked, script="another")
        with pytest.raises(RefusedError, match="everything together"):
            await used_up(asked, by=HALL)
        [day, *rest] = await asked.budgets.today()
        assert (day[0].what, day[1] <= 120) == ("day", True)
        assert {str(scope) for scope, _, _ in rest} >= {"the node hall"}


async def test_many_at_once_do_not_exceed_a_budget(chat: ChatServer, database: Database) -> None:
    chat.says(Say(text="hello", pause=0.01))
    long = "Why? " * 20  # the server counts 21 tokens of any question
    async with asking(database, model(chat), day=Limit(tokens=200)) as asked:
        asks = (asked.ask(prompt=long, max_tokens=20) for _ in range(20))
        answers = await asyncio.gather(*asks, return_exceptions=True)
        [(_, tokens, _)] = await asked.budgets.today()
    assert {type(each) for each in answers} == {dict, RefusedError}
    assert tokens <= 200


async def test_what_is_too_dear_goes_to_a_model_that_costs_nothing(
    chat: ChatServer, other: ChatServer, database: Database
) -> None:
    dear = model(chat, "dear", prompt_price=1_000.0, completion_price=10_000.0)
    async with asking(database, dear, model(other, "own"), day=Limit(cost=0.3)) as asked:
        await asked.ask()
        assert len(chat.requests) == 1
        for _ in range(4):
            await asked.ask()
        [(_, _, cost)] = await asked.budgets.today()
    assert cost <= 300_000
    assert other.requests
    assert asked.audit[-1]["tried"] == [{"model": "dear", "outcome": "budget"}]


async def test_the_same_question_is_answered_from_the_cache_while_it_is_fresh(
    chat: ChatServer, either: Database
) -> None:
    now = NOON
    tool = {"id": "light", "description": "", "parameters": {"type": "object"}}
    chat.says(Say(text="door"), Say(calls=(("c1", "light", '{"on": true}'),), finish="tool_calls"), Say(text="late"))
    kept = CacheSettings(ttl=600 * SECOND)
    async with asking(either, model(chat, completion_price=9.0), cache=kept, clock=lambda: now) as asked:
        first = await asked.ask()
        again = await asked.ask(by=HALL)
        assert (again["value"], again["tokens"], first["value"]) == ("door", {}, "door")
        assert (asked.audit[1]["cached"], asked.audit[1]["cost"]) == (True, 0)
        calls = [(await asked.ask(prompt="Light!", tools=[tool]))["calls"] for _ in range(2)]
        assert calls == [[["c1", "light", {"on": True}]]] * 2
        now += 601 * SECOND
        assert (await asked.ask())["value"] == "late"
    assert len(chat.requests) == 3
    assert (await usage(either))[MODEL][:2] == [5, 2]


async def test_what_no_one_may_use_is_not_kept(chat: ChatServer, database: Database) -> None:
    chat.says(Say(text="no"), Say(text="{}"))
    async with asking(database, model(chat), cache=CacheSettings(ttl=600 * SECOND)) as asked:
        with pytest.raises(InvalidError):
            await asked.ask(schema={"type": "object"})
        assert (await asked.ask(schema={"type": "object"}))["value"] == {}


async def test_the_cache_may_be_in_redis_and_nothing_waits_for_one_that_is_away(
    chat: ChatServer, database: Database, tmp_path: Path
) -> None:
    async with redis_server(tmp_path / "redis", password="swordfish") as redis:
        url = redis.url.replace("//", "//:swordfish@")
        kept = CacheSettings(ttl=600 * SECOND, url=url)
        chat.says(Say(text="door"), Say(text="window"))
        for _ in range(2):  # another gateway, with its own database or a restart
            async with asking(database, model(chat), cache=kept) as asked:
                assert (await asked.ask())["value"] == "door"
        assert len(chat.requests) == 1
        async with asking(database, model(chat), cache=kept) as asked:
            await redis.stop()
            with capture_logs() as log:
                assert (await asked.ask())["value"] == "window"
            assert [line["event"] for line in log].count("cache away") == 1, "it is left alone for a while"
            assert "swordfish" not in json.dumps(log) + repr(kept)


FILE = """
currency = "EUR"

[[model]]
name = "own"
url = "http://127.0.0.1:11434/v1"
model = "llama3.2:3b"
within = "20s"

[[model]]
url = "https://api.example.org/v1"
model = "large-2"
key_file = "large.key"
prompt_price = 0.15
completion_price = 1

[budget]
cost = 2.5
each_node = {tokens = 100_000}
script = {watch = {tokens = 20_000, cost = 0.5}}

[cache]
ttl = "10m"
"""


def test_a_file_says_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(FILE)
    (tmp_path / "large.key").write_text(f"{KEY}\n")
    known = ModelsSettings.of_file(tmp_path / "models.toml")
    assert [each.called for each in known.models] == ["own", "large-2"]
    assert (known.models[0].within, known.models[1].key, known.currency) == (20 * SECOND, KEY, "EUR")
    assert (known.day, known.each_node) == (Limit(cost=2.5), Limit(tokens=100_000))
    assert known.scripts == {"watch": Limit(tokens=20_000, cost=0.5)}
    assert known.cache.ttl == 600 * SECOND
    assert KEY not in repr(known)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[modl]", 'models.toml: modl: unknown key; did you mean "model"?'),
        ("model = 1", "models stand each under"),
        ('[[model]]\nname = "x"', "model[0].url: this key is required"),
        ('[[model]]\nurl = "ftp://x"', "no URL"),
        ('[[model]]\nurl = "https://u:p@x/v1"', "key_file"),
        ('[[model]]\nurl = "https://x/v1"\nkey = "sk-1"', "model[0].key: a key does not stand here"),
        ('[[model]]\nurl = "https://x/v1"\nkey_file = "nowhere"', "key_file"),
        ('[[model]]\nurl = "https://x/v1"\nprompt_price = -1', "0 to 1e+06"),
        ('[[model]]\nurl = "https://x/v1"\n[[model]]\nurl = "https://x/v2"', "two models are called 'x'"),
        ("[budget]\ntokens = -1", "0 or more"),
        ("[budget.script]\nwatch = 3", "budget.script.watch"),
        ("[budget]\neach_node = {token = 3}", "tokens"),
        ("currency = ''", "currency"),
        ("[[model", "is not TOML"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "models.toml").write_text(text)
    with pytest.raises(InvalidError) as caught:
        ModelsSettings.of_file(tmp_path / "models.toml")
    assert said in str(caught.value)
    assert "sk-1" not in str(caught.value)


def test_a_wrong_url_in_the_environment_is_said() -> None:
    with pytest.raises(UsageError, match="GANGLION_LLM_URL"):
        ModelsSettings.of_environment({"GANGLION_LLM_URL": "localhost:11434"})
    assert ModelsSettings.of_environment({}).models == ()


async def test_no_key_is_in_the_log_whatever_the_service_says(chat: ChatServer, database: Database) -> None:
    chat.says(Say(status=400, text=f"bad key {KEY}"))
    with capture_logs() as log:
        async with asking(database, model(chat)) as asked:
            with pytest.raises(RefusedError):
                await asked.ask()
    assert KEY not in json.dumps([log, asked.audit])
