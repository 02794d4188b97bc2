# SPDX-License-Identifier: GPL-3.0-or-later
"""A model asked over the chat-completions API as it streams: cut at its budget, offered tools, not simply believed."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ganglion.errors import GanglionError, InvalidError, RefusedError, UnreachableError
from ganglion.mova.chat import Chat
from ganglion.mova.http import BusyError
from ganglion.mova.ports import PromptRequest
from support.chat_server import KEY, MODEL, ChatServer, Say, chat_server

SCHEMA = {"type": "object", "properties": {"urgent": {"type": "boolean"}}, "required": ["urgent"]}
TOOLS = [
    {"id": "calendar.add", "description": "Adds an event", "parameters": {"type": "object", "properties": {"day": {}}}},
    {"id": "calendar_add", "description": "", "parameters": {"type": "object"}},
]


@pytest.fixture
async def chat() -> AsyncIterator[ChatServer]:
    async with chat_server() as server:
        yield server


async def ask(chat: ChatServer, **parts: Any) -> Any:
    return await Chat(chat.url, KEY, MODEL).prompt(PromptRequest(**({"prompt": "Why?", "seconds": 5.0} | parts)))


async def test_an_answer_is_read_as_it_is_said(chat: ChatServer) -> None:
    chat.says(Say(text='{"urgent": true}', piece=3))
    reply = await ask(chat, schema=SCHEMA, tokens=40)
    assert (reply.value, reply.model, reply.tokens, list(reply.calls)) == ({"urgent": True}, MODEL, 37, [])
    (request,) = chat.requests
    assert (request["stream"], request["stream_options"]) == (True, {"include_usage": True})


async def test_a_service_that_does_not_stream_or_count_is_understood(chat: ChatServer) -> None:
    chat.says(Say(text="двері", streams=False, usage=False))
    reply = await ask(chat)
    assert (reply.value, reply.tokens) == ("двері", None)


async def test_a_slow_model_is_cut_at_its_seconds(chat: ChatServer) -> None:
    chat.says(Say(text="a word after the other", piece=1, pause=0.1))
    with pytest.raises(UnreachableError, match=r"gave no answer within 0\.3 s"):
        await ask(chat, seconds=0.3)


async def test_a_model_that_keeps_to_no_bound_is_cut_at_its_tokens(chat: ChatServer) -> None:
    """It would speak for a day; each part that comes has a token at least."""
    chat.says(Say(text="x" * 8_640_000, piece=100, pause=0.001))
    with pytest.raises(InvalidError, match="did not fit 20 tokens"):
        await asyncio.wait_for(ask(chat, tokens=20, seconds=60.0), 60)


@pytest.mark.parametrize("streams", [True, False])
async def test_a_model_may_call_tools_and_be_told_what_came_of_it(chat: ChatServer, streams: bool) -> None:
    calls = (("c1", "calendar_add", '{"day": "sunday"}'), ("", "calendar_add_2", ""))
    chat.says(Say(calls=calls, streams=streams, finish="tool_calls"), Say(text="done"))
    reply = await ask(chat, tools=TOOLS)
    expected = [["c1", "calendar.add", {"day": "sunday"}], ["call_2", "calendar_add", {}]]
    assert (reply.value, reply.calls) == (None, expected)
    reply = await ask(chat, tools=TOOLS, rounds=[[reply.calls, [{"ok": True}, "busy"]]])
    assert (reply.value, list(reply.calls)) == ("done", [])
    first, second = chat.requests
    assert [tool["function"]["name"] for tool in first["tools"]] == ["calendar_add", "calendar_add_2"]
    assert first["tools"][0]["function"]["parameters"] == TOOLS[0]["parameters"]
    user, assistant, one, two = second["messages"]
    assert user == {"role": "user", "content": "Why?"}
    assert [(call["id"], call["function"]["name"]) for call in assistant["tool_calls"]] == [
        ("c1", "calendar_add"),
        ("call_2", "calendar_add_2"),
    ]
    assert json.loads(assistant["tool_calls"][0]["function"]["arguments"]) == {"day": "sunday"}
    assert (one, two) == (
        {"role": "tool", "tool_call_id": "c1", "content": '{"ok": true}'},
        {"role": "tool", "tool_call_id": "call_2", "content": "busy"},
    )


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@pytest.mark.parametrize(
    ("say", "error", "message"),
    [
        (Say(text="0123456789" * 5, stop_after=3), UnreachableError, "gave no answer"),
        (Say(body=STREAM), UnreachableError, "stopped in the middle"),
        (Say(body=STREAM + b'data: {"choices": [{"delta": {"content": "ha'), UnreachableError, "stopped in the middle"),
        (Say(body=STREAM + b"data: {]\n\n"), InvalidError, "is not JSON"),
        (Say(body=STREAM + b'data: {"error": {"message": "overloaded"}}\n\n'), InvalidError, "says: overloaded"),
        (Say(body=b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"), UnreachableError, "IncompleteRead"),
        (Say(text='{"urgent": tr', finish="length"), InvalidError, "did not fit"),
        (Say(text="", finish="content_filter"), InvalidError, "withheld"),
        (Say(text="  "), InvalidError, "said nothing"),
        (Say(text="Sure! {}"), InvalidError, "not JSON: 'Sure! {}'"),
        (Say(text="[" * 40 + "]" * 40), InvalidError, "not JSON"),
        (Say(text='{"a": Infinity}'), InvalidError, "not JSON"),
        (Say(calls=(("c", "rm", "{}"),)), InvalidError, "calls 'rm', which it was not offered"),
        (Say(calls=(("c", "calendar_add", "{day"),)), InvalidError, "gives to calendar.add is not JSON"),
        (Say(calls=(("c", "calendar_add", "[1]"),)), InvalidError, "gives to calendar.add is no map"),
        (Say(calls=(("c", "calendar_add", "{}"),) * 40), InvalidError, "more than 32 tools at once"),
        (Say(status=401, text=f"bad key {KEY}"), RefusedError, "HTTP status 401"),
        (Say(status=404, text="no model"), RefusedError, "HTTP status 404"),
        (Say(status=500, text=f"{KEY} broke it"), UnreachableError, "HTTP status 500"),
    ],
)
async def test_whatever_a_model_service_does_ends_in_a_clear_error(
    chat: ChatServer, say: Say, error: type[GanglionError], message: str
) -> None:
    chat.says(say)
    with pytest.raises(error, match=message) as caught:
        await ask(chat, schema=SCHEMA, tools=TOOLS)
    assert KEY not in str(caught.value)


async def test_a_busy_service_says_when_to_come_again(chat: ChatServer) -> None:
    chat.says(Say(status=429, text="slow down", retry_after=9))
    with pytest.raises(BusyError) as caught:
        await ask(chat)
    assert (caught.value.after, caught.value.retry) == (9.0, True)
