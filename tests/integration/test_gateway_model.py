# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridge and a real server of the chat-completions API: what it says, and all the ways in which it does not."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ganglion.errors import GanglionError, InvalidError, RefusedError, UnreachableError
from ganglion_gateway.model.configuration import ModelSettings, ModelsSettings
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.url import DatabaseUrl
from support.asking import Asked, asking
from support.chat_server import KEY, MODEL, ChatServer, Say, chat_server
from support.waiting import until

SCHEMA = {"type": "object", "properties": {"urgent": {"type": "boolean"}}, "required": ["urgent"]}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open_(DatabaseUrl.file(tmp_path / "gateway.db")) as opened:
        yield opened


@pytest.fixture
async def chat() -> AsyncIterator[ChatServer]:
    async with chat_server() as server:
        yield server


@pytest.fixture
async def asked(chat: ChatServer, database: Database) -> AsyncIterator[Asked]:
    async with asking(database, *ModelsSettings.of_environment(chat.environment).models) as asked:
        yield asked


async def test_a_streamed_answer_is_read_by_its_schema(chat: ChatServer, asked: Asked) -> None:
    chat.says(Say(text='{"urgent": true}', piece=3))
    answer = await asked.ask(schema=SCHEMA, max_tokens=400, seconds=10, system="Be short.")
    assert answer == {
        "value": {"urgent": True},
        "text": '{"urgent": true}',
        "model": MODEL,
        "tokens": {"prompt": 21, "completion": 16},
        "calls": [],
    }
    [request] = chat.requests
    assert (request["model"], request["max_tokens"], request["stream"]) == (MODEL, 400, True)
    assert request["response_format"]["type"] == "json_schema"
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert asked.audit[0]["outcome"] == "answered"
    assert asked.audit[0]["tokens"] == {"prompt": 21, "completion": 16}


async def test_an_answer_without_schema_is_text(chat: ChatServer, asked: Asked) -> None:
    chat.says(Say(text="Двері відчинені."))
    assert (await asked.ask())["value"] == "Двері відчинені."


async def test_a_service_that_does_not_stream_or_count_is_understood(chat: ChatServer, asked: Asked) -> None:
    chat.says(Say(text="door", streams=False, usage=False))
    answer = await asked.ask()
    assert (answer["value"], answer["tokens"]) == ("door", {})


async def test_without_a_model_it_says_so(database: Database) -> None:
    async with asking(database) as asked:
        with pytest.raises(RefusedError, match="no_model: this"):
            await asked.ask()
    assert asked.audit[0]["outcome"] == "no_model"


def _event(data: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {data}\n\n".encode()


@pytest.mark.parametrize(
    ("say", "error", "code"),
    [
        (Say(status=429, text="slow down", retry_after=60), UnreachableError, "rate_limited"),
        (Say(status=500, text="oops"), UnreachableError, "model_error"),
        (Say(status=400, text=f"bad key {KEY}"), RefusedError, "model_refused"),
        (Say(status=404, text="no such model"), RefusedError, "model_refused"),
        (Say(text="0123456789" * 5, stop_after=3), UnreachableError, "incomplete"),
        (Say(text='{"urgent": tr', finish="length"), InvalidError, "truncated"),
        (Say(text="", finish="content_filter"), InvalidError, "filtered"),
        (Say(text="Sure! Here is JSON: {}"), InvalidError, "invalid_answer"),
        (Say(text='{"urgent": "very"}'), InvalidError, "invalid_answer"),
        (Say(body=b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"), UnreachableError, "incomplete"),
        (Say(body=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), UnreachableError, "bad_answer"),
        (Say(body=b"220 mail.example ESMTP\r\n"), UnreachableError, "incomplete"),
        (
            Say(body=b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {]\n\n"),
            UnreachableError,
            "bad_answer",
        ),
        (
            Say(body=b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {"error":{"message":"x"}}\n\n'),
            UnreachableError,
            "bad_answer",
        ),
        (
            Say(body=_event('{"error": {"message": "Incorrect API key provided: ' + KEY + '"}}')),
            UnreachableError,
            "bad_answer",
        ),
        (Say(body=_event("x" * 70 + KEY)), UnreachableError, "bad_answer"),  # its sentence ends within the key
        (Say(body=b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"), UnreachableError, "incomplete"),
        (Say(text="slow", pause=5), UnreachableError, "timeout"),
    ],
    ids=lambda value: (
        value.text[:12] or str(value.status) if isinstance(value, Say) else getattr(value, "__name__", value)
    ),
)
async def test_whatever_goes_wrong_has_a_code(
    chat: ChatServer, asked: Asked, say: Say, error: type[GanglionError], code: str
) -> None:
    chat.says(say)
    with pytest.raises(error) as caught:
        await asked.ask(schema=SCHEMA, seconds=2)
    assert str(caught.value).startswith(f"{code}: ")
    assert asked.audit[0]["outcome"] == code
    assert KEY[:8] not in json.dumps(asked.audit)
    assert KEY[:8] not in str(caught.value)


async def test_a_service_that_is_away_is_unreachable(database: Database) -> None:
    async with asking(database, ModelSettings(url="http://127.0.0.1:1/v1")) as asked:
        with pytest.raises(UnreachableError, match="unreachable: the model"):
            await asked.ask()


async def test_a_busy_service_is_asked_again_within_the_time(chat: ChatServer, asked: Asked) -> None:
    chat.says(Say(status=503), Say(status=429, retry_after=0), Say(text="door"))
    assert (await asked.ask(seconds=10))["value"] == "door"
    assert len(chat.requests) == 3
    assert len(asked.audit) == 1


async def test_a_wrong_key_is_told_to_the_operator(chat: ChatServer, database: Database) -> None:
    async with asking(database, ModelSettings(url=chat.url, key="sk-wrong", model=MODEL)) as asked:
        with pytest.raises(RefusedError, match="GANGLION_LLM_KEY"):
            await asked.ask()
    assert chat.strangers == 1


async def test_a_node_that_waits_no_more_is_written_down(chat: ChatServer, asked: Asked) -> None:
    chat.says(Say(text="slow", pause=5))
    asking = asyncio.create_task(asked.ask())
    await until(lambda: chat.requests, what="the question at the service")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert asked.audit[0]["outcome"] == "cancelled"


async def test_tokens_and_outcomes_are_counted(chat: ChatServer, asked: Asked) -> None:
    chat.says(Say(text="door"), Say(text="door", usage=False), Say(status=400))
    await asked.ask()
    await asked.ask()
    with pytest.raises(RefusedError):
        await asked.ask()
    exposition = asked.metrics.render().decode()
    assert 'ganglion_gateway_model_requests_total{outcome="answered"} 2.0' in exposition
    assert 'ganglion_gateway_model_requests_total{outcome="model_refused"} 1.0' in exposition
    assert 'ganglion_gateway_model_tokens_total{kind="completion"} 6.0' in exposition  # of one it is guessed


TOOL = {"id": "light.set", "description": "Sets a light", "parameters": {"type": "object"}}


async def test_tools_and_what_came_of_them_go_through(chat: ChatServer, asked: Asked) -> None:
    chat.says(Say(calls=(("c1", "light_set", '{"on": true}'),), finish="tool_calls"), Say(text="done"))
    answer = await asked.ask(tools=[TOOL], schema=SCHEMA)
    assert (answer["value"], answer["calls"]) == (None, [["c1", "light.set", {"on": True}]])
    answer = await asked.ask(tools=[TOOL], rounds=[[answer["calls"], [{"ok": True}]]])
    assert (answer["value"], answer["calls"]) == ("done", [])
    first, second = chat.requests
    assert first["tools"][0]["function"]["name"] == "light_set"
    assert second["messages"][-1] == {"role": "tool", "tool_call_id": "c1", "content": '{"ok": true}'}
    assert [detail["outcome"] for detail in asked.audit] == ["answered", "answered"]


async def test_a_model_that_keeps_to_no_bound_is_cut_at_its_tokens(chat: ChatServer, asked: Asked) -> None:
    chat.says(Say(text="x" * 8_640_000, piece=100, pause=0.001))
    with pytest.raises(InvalidError, match="truncated: the answer did not fit 20 tokens"):
        await asyncio.wait_for(asked.ask(max_tokens=20, seconds=60), 60)
