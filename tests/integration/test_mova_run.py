# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools and language models over real HTTP servers, those that misbehave included."""

import asyncio
import contextlib
import json
import os
import pty
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.errors import InvalidError, RefusedError, UnreachableError
from ganglion.mova.chat import Chat
from ganglion.mova.ports import PromptReply, PromptRequest, ToolRequest
from ganglion.mova.tools import HttpTools
from support.mova import edge

Answer = tuple[int, dict[str, str], bytes]


class Server(ThreadingHTTPServer):
    """Answers as the test says, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], Answer] = lambda asked: (200, {}, b"")


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def _do(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        asked = {
            "method": self.command,
            "path": self.path,
            "headers": dict(self.headers),
            "body": self.rfile.read(length).decode(),
        }
        self.server.asked.append(asked)
        status, headers, body = self.server.answer(asked)
        self.send_response(status)
        headers = {"Content-Length": str(len(body)), **headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _do  # noqa: N815 (the names that http.server calls)

    def log_message(self, format: str, *args: object) -> None:
        """Keeps stderr for the tests."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def completion(content: str) -> Answer:
    body = {
        "model": "small-1",
        "choices": [{"message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": 21, "completion_tokens": 10, "total_tokens": 31},
    }
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


SCHEMA = {
    "type": "object",
    "properties": {"cause": {"type": "string", "enum": ["door"]}},
    "required": ["cause"],
    "additionalProperties": False,
}


async def test_a_prompt_is_a_chat_completion(server: Server) -> None:
    server.answer = lambda asked: completion('{"cause": "door"}')
    request = PromptRequest(prompt="Why?", schema=SCHEMA, tokens=40, temperature=0.2, system="Be short.")
    reply = await Chat(server.url + "/v1", "k1", "m1").prompt(request)
    assert reply == PromptReply(value={"cause": "door"}, tokens=31, model="small-1")
    (asked,) = server.asked
    assert (asked["method"], asked["path"]) == ("POST", "/v1/chat/completions")
    assert asked["headers"]["Authorization"] == "Bearer k1"
    assert json.loads(asked["body"]) == {
        "model": "m1",
        "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Why?"}],
        "temperature": 0.2,
        "max_tokens": 40,
        "stream": True,
        "stream_options": {"include_usage": True},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
    }


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        ((500, {}, b"boom"), UnreachableError, "HTTP status 500: boom"),
        ((429, {"Retry-After": "9"}, b""), UnreachableError, "HTTP status 429"),
        ((401, {}, b"no key"), RefusedError, "HTTP status 401: no key"),
        ((200, {}, b"not json"), InvalidError, "is not JSON: 'not json'"),
        ((200, {}, b'{"choices": []}'), InvalidError, "no chat completion"),
        ((200, {}, b"[]"), InvalidError, "no chat completion"),
        ((200, {"Content-Length": "500"}, b'{"cho'), UnreachableError, "gave no answer"),
        (completion("it was the door"), InvalidError, "not JSON: 'it was the door'"),
    ],
)
async def test_a_model_service_that_misbehaves_is_told_by_its_error(
    server: Server, answer: Answer, error: type[Exception], says: str
) -> None:
    server.answer = lambda asked: answer
    with pytest.raises(error, match=says):
        await Chat(server.url).prompt(PromptRequest(prompt="x", schema=SCHEMA, seconds=5))


async def test_a_slow_model_is_given_up_in_time(server: Server) -> None:
    release = threading.Event()

    def slow(asked: dict[str, Any]) -> Answer:
        release.wait(10)
        return completion("late")

    server.answer = slow
    with pytest.raises(UnreachableError, match=r"gave no answer (within 0\.2 s|: timed out)"):
        await Chat(server.url).prompt(PromptRequest(prompt="x", seconds=0.2))
    release.set()


async def test_nobody_there_is_unreachable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(UnreachableError, match="gave no answer"):
        await Chat(url).prompt(PromptRequest(prompt="x"))


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("ftp://me:secret@x/y?z", "ftp://x"),
        ("example.org/secret", "example.org"),
        ("me:secret@example.org", "example.org"),
        ("example.org?secret=http://y", "example.org"),
        ("", ""),
    ],
)
async def test_what_is_no_url_of_a_server_is_called_by_its_host_alone(url: str, called: str) -> None:
    with pytest.raises(InvalidError) as error:
        await Chat(url).prompt(PromptRequest(prompt="x"))
    assert str(error.value) == f"{called} is not an http or https server"


def tool(method: str, url: str, **parts: Any) -> ToolRequest:
    return ToolRequest(tool="t", method=method, url=url, **({"headers": {}, "parameters": {}} | parts))


async def test_a_tool_is_asked_as_its_document_says(server: Server) -> None:
    server.answer = lambda asked: (200, {"Content-Type": "application/json"}, b'{"ok": [1, null]}')
    tools = HttpTools()
    reply = await tools.call(tool("GET", server.url + "/a?x=1", parameters={"q": "Київ", "n": 3}, headers={"X-A": 5}))
    assert (reply.status, reply.body) == (200, {"ok": [1, None]})
    await tools.call(tool("POST", server.url, parameters={"q": "x", "n": None}))
    await tools.call(tool("PUT", server.url, parameters={"q": "x"}, body={"b": [True]}))
    await tools.call(tool("POST", server.url, body="plain", headers={"content-type": "text/csv"}))
    one, two, three, four = server.asked
    assert (one["path"], one["headers"]["X-A"]) == ("/a?x=1&q=%D0%9A%D0%B8%D1%97%D0%B2&n=3", "5")
    assert json.loads(two["body"]) == {"q": "x", "n": None}
    assert two["headers"]["Content-Type"] == "application/json"
    assert (three["path"], json.loads(three["body"])) == ("/?q=x", {"b": [True]})
    assert (four["body"], four["headers"]["content-type"]) == ("plain", "text/csv")


async def test_what_is_not_json_is_text_and_what_is_too_much_is_refused(server: Server) -> None:
    server.answer = lambda asked: (200, {}, "так".encode())
    assert (await HttpTools().call(tool("GET", server.url))).body == "так"
    server.answer = lambda asked: (200, {}, b"x" * 1_000_001)
    with pytest.raises(InvalidError, match="more than 1000000 bytes"):
        await HttpTools().call(tool("GET", server.url))


async def test_an_address_or_header_that_cannot_be_sent_is_invalid() -> None:
    for url in ("nothing", "http://", "http://127.0.0.1:99999/", "http://127.0.0.1:1/a b"):
        with pytest.raises((InvalidError, UnreachableError)):
            await HttpTools().call(tool("GET", url))
    with pytest.raises(InvalidError):
        await HttpTools().call(tool("GET", "http://127.0.0.1:1/", headers={"X": "a\r\nY: b"}))


async def test_a_server_that_trickles_does_not_hold_us_beyond_the_time(server: Server) -> None:
    stop = threading.Event()
    began = threading.Event()

    class Trickle(_Handler):
        def _do(self) -> None:
            self.send_response(200)
            self.end_headers()
            began.set()
            with contextlib.suppress(OSError):
                while not stop.wait(0.02):
                    self.wfile.write(b" ")

        do_GET = _do  # noqa: N815 (the name that http.server calls)

    server.RequestHandlerClass = Trickle
    with pytest.raises(UnreachableError, match=r"gave no answer within 0\.3 s"):
        await HttpTools(timeout=0.3).call(tool("GET", server.url))
    assert began.is_set()
    stop.set()


async def test_other_work_goes_on_while_a_tool_is_slow(server: Server) -> None:
    release = threading.Event()
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def slow(_: dict[str, Any]) -> Answer:
        loop.call_soon_threadsafe(asked.set)
        release.wait(10)
        return 200, {}, b""

    server.answer = slow
    call = asyncio.create_task(HttpTools().call(tool("GET", server.url)))
    await asyncio.wait_for(asked.wait(), 60)
    release.set()
    assert (await call).status == 200


def test_a_whole_protocol_runs_from_the_shell(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(asked: dict[str, Any]) -> Answer:
        if asked["path"] == "/v1/chat/completions":
            return completion(f"you said {len(asked['body']) > 0}")
        return 200, {}, b'{"available": true}' if len(server.asked) > 2 else b""

    first = iter([(503, {}, b"busy")])
    server.answer = lambda asked: next(first, None) or answer(asked)
    path = tmp_path / "shop.json"
    path.write_text(
        json.dumps(
            {
                "version": "2.2",
                "protocols": [
                    {
                        "name": "order",
                        "steps": [
                            {"id": "check", "action": "tool_api", "tool_api_id": "shop"},
                            {"id": "ask", "action": "prompt", "prompt": "There is {session.data.pizza}: {nothing}"},
                            {"id": "end", "action": "end"},
                        ],
                    }
                ],
                "tools": [
                    {
                        "id": "shop",
                        "name": "Shop",
                        "endpoint": server.url + "/check/{pizza}",
                        "method": "POST",
                        "parameters": {"size": "{size}"},
                        "response_mapping": {"free": "response"},
                    }
                ],
            }
        )
    )
    monkeypatch.setenv("GANGLION_LLM_URL", "http://127.0.0.1:1/never")
    words = ["mova", "run", str(path), "--set", "pizza=margherita", "--set", "size=3", "--llm", server.url + "/v1"]
    assert main([*words, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [(step["id"], step["status"], step["attempts"]) for step in data["steps"]] == [
        ("check", "completed", 2),
        ("ask", "completed", 1),
        ("end", "completed", 1),
    ]
    assert data["steps"][1]["result"] == {
        "model": "small-1",
        "tokens": 31,
        "result": "you said True",
        "missing": ["{nothing}"],
    }
    assert [asked["path"] for asked in server.asked] == [
        "/check/margherita",
        "/check/margherita",
        "/v1/chat/completions",
    ]
    assert json.loads(server.asked[1]["body"]) == {"size": 3}


ASKS = {
    "version": "2.2",
    "presets": {"terse": {"model": "terse-1", "max_tokens": 5, "system_message": "Be terse."}},
    "tools": [
        {
            "id": "shop",
            "name": "Shop",
            "endpoint": "",
            "headers": {"X-API-Key": "{key}"},
            "parameters": {"token": "{key}"},
        }
    ],
    "protocols": [
        {
            "name": "p",
            "steps": [
                {"id": "get", "action": "tool_api", "tool_api_id": "shop"},
                {"id": "ask", "action": "prompt", "prompt": "Why?"},
            ],
        }
    ],
}


@pytest.fixture
def asks(server: Server, tmp_path: Path) -> list[str]:
    """The words that run a document with a tool and a prompt against the server."""
    server.answer = lambda asked: completion("because") if asked["method"] == "POST" else (200, {}, b"{}")
    document = json.loads(json.dumps(ASKS))
    document["tools"][0]["endpoint"] = f"{server.url}/check"
    path = tmp_path / "asks.json"
    path.write_text(json.dumps(document))
    return ["run", str(path), "--llm", server.url, "--set", "key=s3cr3t"]


def test_the_model_is_chosen_from_the_shell_before_or_after_the_verb(
    asks: list[str], server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--llm-model", "m9", "--llm-temperature", "0.5", "--llm-max-tokens", "70", "--llm-timeout", "9"]
    for words in (["mova", *options, *asks], ["mova", *asks, *options]):
        assert main([*words, "--llm-api-key", "k-e-y"]) == 0
        asked = server.asked[-1]
        body = json.loads(asked["body"])
        assert (body["model"], body["temperature"], body["max_tokens"]) == ("m9", 0.5, 70)
        assert asked["headers"]["Authorization"] == "Bearer k-e-y"
        out, err = capsys.readouterr()
        assert "k-e-y" not in out + err
        assert "better set GANGLION_LLM_KEY" in err


def test_a_preset_of_the_document_is_for_prompts_that_name_none(
    asks: list[str], server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mova", *asks, "--llm-preset", "terse", "--llm-model", "m9"]) == 0
    body = json.loads(server.asked[-1]["body"])
    assert (body["model"], body["max_tokens"]) == ("terse-1", 5)
    assert body["messages"][0] == {"role": "system", "content": "Be terse."}
    assert main(["mova", *asks, "--llm-preset", "ters"]) == 1
    assert "there is no preset 'ters' (did you mean \"terse\"?)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--llm-temperature", "3"], "--llm-temperature 3: from 0 to 2"),
        (["--llm-max-tokens", "0"], "--llm-max-tokens 0: at least 1"),
        (["--llm-timeout", "0"], "--llm-timeout 0: more than 0"),
        (["--llm", "notaurl"], "the model service 'notaurl' is no URL: write it as http://"),
        (["--llm", "ftp://x"], "the model service 'ftp://x' is no URL"),
        (["--llm", "http://x:y"], "the model service 'http://x:y' is no URL"),
        (["--webhook-url", "http://x"], "--webhook-url is not known here: webhooks are sent by the gateway"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(
    asks: list[str], words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mova", *asks, *words]) == 2
    assert says in capsys.readouterr().err


def test_prompts_answers_and_calls_are_said_without_their_secrets(
    asks: list[str], server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mova", *asks, "--verbose"]) == 0
    err = capsys.readouterr().err
    port = server.url.rpartition(":")[2]
    assert err.splitlines() == [
        f"tool shop: GET http://127.0.0.1:{port}/check: HTTP status 200",
        "prompt: Why?",
        "answer: because",
    ]
    server.answer = lambda asked: (401, {}, b"who are\nyou?")
    assert main(["mova", *asks, "-v", "--llm-api-key", "k-e-y"]) == 1
    out, err = capsys.readouterr()
    assert f":{port}/check: HTTP status 401: who are you?" in err
    assert "shop answered with HTTP status 401: who are you?" in out
    assert main(["mova", "trace"]) == 0
    assert "shop answered with HTTP status 401: who are you?" in capsys.readouterr().out
    server.answer = lambda asked: (200, {"Content-Length": "9"}, b"short")
    assert main(["mova", *asks, "-v"]) == 1
    assert f":{port} gave no answer: " in (err := err + capsys.readouterr().err)
    assert "s3cr3t" not in err
    assert "k-e-y" not in err


def test_what_a_model_asks_for_is_said_and_why_it_was_not_sent(
    asks: list[str], server: Server, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    document = json.loads(Path(asks[1]).read_text())
    parameters = {"city": {"type": "string"}}
    document["tools"][0] |= {"endpoint": f"{server.url}/check", "headers": {}, "parameters": parameters}
    document["protocols"][0]["steps"] = [
        {"id": "ask", "action": "prompt", "prompt": "Why?", "tools": ["shop"], "continue_after_tools": True}
    ]
    Path(asks[1]).write_text(json.dumps(document))
    wanted = iter(['{"city": 7}', '{"city": "Kyiv"}'])

    def answer(asked: dict[str, Any]) -> Answer:
        if asked["path"] != "/chat/completions":
            return 200, {}, b"{}"
        if (arguments := next(wanted, None)) is None:
            return completion("because")
        call = {"id": "c", "type": "function", "function": {"name": "shop", "arguments": arguments}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        body = {"model": "small-1", "choices": [{"message": message, "finish_reason": "tool_calls"}]}
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    server.answer = answer
    assert main(["mova", *asks, "-v"]) == 0
    said = [re.sub(r"http://[^ ]*", "URL", line) for line in capsys.readouterr().err.splitlines()]
    assert [line for line in said if not line.startswith("prompt: ")] == [
        'the model asks for shop {"city": 7}',
        "tool shop: not called: arguments.city is not of type string",
        'the model asks for shop {"city": "Kyiv"}',
        "tool shop: GET URL HTTP status 200",
        "answer: because",
    ]


def test_each_step_is_said_as_it_ends_and_on_a_terminal_waits(
    asks: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["mova", *asks, "--step-by-step"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(" {")[0] for line in said] == [
        "step get (tool_api): completed",
        "step ask (prompt): completed",
    ]
    terminal, keyboard = pty.openpty()
    os.write(terminal, b"\n\n")
    with os.fdopen(keyboard) as typed:
        monkeypatch.setattr("sys.stdin", typed)
        assert main(["mova", *asks, "--step-by-step"]) == 0
        os.close(terminal)
    err = capsys.readouterr().err
    assert err.count("Enter carries it out") == 2
    assert err.index("step get (tool_api): Enter") < err.index("step get (tool_api): completed")


def test_what_a_branch_emits_reaches_the_step_of_another_that_waits_for_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "calls.yaml"
    path.write_text(
        edge(
            "- id: both\n"
            "  action: parallel\n"
            "  branches:\n"
            "    - [{id: hear, action: wait, event: door/open, timeout: 60s, save: who}]\n"
            "    - [{id: pause, action: wait, for: 10ms}, {id: say, action: emit, topic: door/open, value: Olha}]\n"
        )
    )
    assert main(["mova", "run", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["session"]["data"] == {"who": "Olha"}
    assert err.splitlines() == [
        "step hear waits for the event door/open, which only this run can emit here",
        "dry: would emit door/open Olha",
    ]


def test_the_result_is_written_to_a_file(asks: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    assert main(["mova", *asks, "--output", str(out), "--session-id", "s7", "--json"]) == 0
    assert json.loads(out.read_text()) == json.loads(capsys.readouterr().out)
    assert json.loads(out.read_text())["session_id"] == "s7"
    assert main(["mova", *asks, "-o", str(tmp_path)]) == 1
    assert "cannot be written" in capsys.readouterr().err
