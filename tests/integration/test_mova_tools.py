# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools over real HTTP servers: credentials, secrets, retries, contracts, and servers that misbehave in every way."""

import asyncio
import base64
import json
import logging
import ssl
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from ganglion import __version__
from ganglion.bus import Bus
from ganglion.cli.main import main
from ganglion.clock import Clock
from ganglion.errors import GanglionError, InvalidError, RefusedError, RemoteProtocolError, UnreachableError
from ganglion.mova.compile import compile
from ganglion.mova.http import LostError
from ganglion.mova.load import load
from ganglion.mova.once import run_once
from ganglion.mova.ports import ToolRequest
from ganglion.mova.secrets import Secrets
from ganglion.mova.stage import Stage
from ganglion.mova.tools import HttpTools
from ganglion.mova.virtual import VirtualLoop
from ganglion_micro.secret_text import SecretText
from support.certificates import make_certificates
from support.mova import edge
from support.rude_server import (
    RudeServer,
    drips,
    echoes,
    gives_tokens,
    head,
    raw,
    resets,
    rude_server,
    says,
    waits,
)

SECRET = "s3cret/with+signs 0123"
SECRETS = Secrets({"KEY": SECRET, "USER": "olha"}, "put it there")
KEY = SecretText(["", "KEY", ""])


@pytest.fixture
async def server() -> AsyncIterator[RudeServer]:
    async with rude_server() as rude:
        yield rude


def request(url: str | SecretText, method: str = "GET", **parts: Any) -> ToolRequest:
    return ToolRequest(tool="t", method=method, url=url, **({"headers": {}, "parameters": {}} | parts))


async def ask(url: str | SecretText, method: str = "GET", **parts: Any) -> Any:
    return await HttpTools(SECRETS, timeout=5).call(request(url, method, **parts))


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        ({"type": "api_key", "key": KEY}, "x-api-key", SECRET),
        ({"type": "api_key", "key": KEY, "header": "X-Mine"}, "x-mine", SECRET),
        ({"type": "bearer", "token": KEY}, "authorization", f"Bearer {SECRET}"),
        (
            {"type": "basic", "username": "olha", "password": KEY},
            "authorization",
            "Basic " + base64.b64encode(f"olha:{SECRET}".encode()).decode(),
        ),
    ],
)
async def test_credentials_go_where_their_type_says(
    server: RudeServer, auth: dict[str, Any], name: str, value: str
) -> None:
    server.does(says("ok"))
    await ask(server.url, auth=auth, headers={"AUTHORIZATION": "the document's own"} if name == "authorization" else {})
    (asked,) = server.asked
    assert asked.headers[name] == value


async def test_an_api_key_may_go_into_the_query(server: RudeServer) -> None:
    server.does(says("ok"))
    auth = {"type": "api_key", "key": KEY, "query": "api key"}
    await ask(f"{server.url}/a?x=1#part", auth=auth, parameters={"y": 2})
    assert server.asked[0].target == "/a?x=1&y=2&api+key=s3cret%2Fwith%2Bsigns+0123"


async def test_secrets_are_filled_in_when_the_request_is_sent(server: RudeServer) -> None:
    server.does(says("ok"))
    await ask(
        SecretText([f"{server.url}/bot", "KEY", "/x"]),
        "PUT",
        headers={"X-Key": SecretText(["a ", "KEY", ""])},
        parameters={"p": KEY, "plain": "{secret.KEY}"},
        body={"deep": [{"key": KEY}], "plain": "{secret.KEY}"},
    )
    (asked,) = server.asked
    assert asked.target.startswith("/bots3cret%2Fwith%2Bsigns%200123/x?p=s3cret%2Fwith%2Bsigns+0123&plain=%7Bsecret")
    assert asked.headers["x-key"] == f"a {SECRET}"
    assert json.loads(asked.body) == {"deep": [{"key": SECRET}], "plain": "{secret.KEY}"}


async def test_a_secret_that_is_missing_sends_nothing(server: RudeServer) -> None:
    with pytest.raises(InvalidError, match="there is no secret OTHER: put it there"):
        await ask(server.url, body={"a": SecretText(["", "OTHER", ""])})
    assert server.asked == []


def oauth2(token_url: str, **more: str) -> dict[str, Any]:
    return {"type": "oauth2", "token_url": token_url, "client_id": "me", "client_secret": KEY, **more}


async def test_oauth2_fetches_one_token_for_all_and_keeps_it(server: RudeServer) -> None:
    async with rude_server() as tokens:
        tokens.does(gives_tokens(3600, pause=0.05))
        server.does(echoes())
        tools = HttpTools(SECRETS)
        auth = oauth2(tokens.url, scope="read write")
        await asyncio.gather(*(tools.call(request(server.url, auth=auth)) for _ in range(5)))
        await tools.call(request(server.url, auth=auth))
        assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer token-1-0123456789"}
        (asked,) = tokens.asked
        assert asked.body == b"grant_type=client_credentials&scope=read+write"
        given = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()
        assert given == "me:s3cret%2Fwith%2Bsigns+0123"
        await tools.call(request(server.url, auth=oauth2(tokens.url)))  # another scope is another token
        assert len(tokens.asked) == 2


async def test_an_oauth2_token_that_is_over_is_fetched_anew(server: RudeServer) -> None:
    async with rude_server() as tokens:
        tokens.does(gives_tokens(0))
        server.does(says("ok"))
        tools = HttpTools(SECRETS)
        for _ in range(3):
            await tools.call(request(server.url, auth=oauth2(tokens.url)))
        assert [asked.headers["authorization"][:14] for asked in server.asked] == [
            "Bearer token-1",
            "Bearer token-2",
            "Bearer token-3",
        ]


async def test_a_401_fetches_a_new_token_once(server: RudeServer) -> None:
    async with rude_server() as tokens:
        tokens.does(gives_tokens(None))
        server.does(says("ok"), says("no", 401), says("ok"), says("no", 401))
        tools = HttpTools(SECRETS)
        auth = oauth2(tokens.url)
        assert (await tools.call(request(server.url, auth=auth))).status == 200
        assert (await tools.call(request(server.url, "POST", auth=auth))).status == 200
        assert len(tokens.asked) == 2
        assert (await tools.call(request(server.url, auth=auth))).status == 401
        assert len(tokens.asked) == 3
        assert len(server.asked) == 5


@pytest.mark.parametrize(
    ("behaviour", "error", "message"),
    [
        (says({"error": "invalid_client"}, 401), RefusedError, "gave no token: invalid_client"),
        (says({"error": SECRET}, 400), RefusedError, "gave no token: HTTP status 400"),
        (says("busy", 503, Retry_After="7"), UnreachableError, "gave no token: HTTP status 503"),
        (says("<html>", 200), InvalidError, "no bearer token"),
        (says({"access_token": 7}), InvalidError, "no bearer token"),
        (says({"access_token": "x", "token_type": "mac"}), InvalidError, "no bearer token"),
        (resets(), UnreachableError, "gave no answer"),
    ],
)
async def test_a_token_service_that_misbehaves_sends_nothing_on(
    server: RudeServer, behaviour: Any, error: type[GanglionError], message: str
) -> None:
    async with rude_server() as tokens:
        tokens.does(behaviour)
        with pytest.raises(error, match=message) as caught:
            await ask(server.url, "POST", auth=oauth2(tokens.url))
        assert SECRET not in str(caught.value)
        if error is UnreachableError:
            assert caught.value.retry  # nothing of the tool's own was sent
    assert server.asked == []


async def test_a_username_with_a_colon_cannot_be_said(server: RudeServer) -> None:
    with pytest.raises(InvalidError, match="no colon"):
        await ask(server.url, auth={"type": "basic", "username": "a:b", "password": KEY})


async def test_a_header_that_would_make_two_is_not_sent(server: RudeServer) -> None:
    for headers in ({"X": "a\r\nY: b"}, {"X Y": "a"}, {"X": "ключ"}):
        with pytest.raises(InvalidError, match="has a character that it may not have"):
            await ask(server.url, headers=headers)
    assert server.asked == []


async def test_a_path_may_have_letters_of_any_script(server: RudeServer) -> None:
    server.does(says("ok"))
    await ask(f"{server.url}/Київ і New York?q=a%20b c")
    assert server.asked[0].target == "/%D0%9A%D0%B8%D1%97%D0%B2%20%D1%96%20New%20York?q=a%20b%20c"


#: name -> (what the server does, the error of a GET or its body)
RUDE: dict[str, tuple[Any, Any]] = {
    "reset": (resets(), (LostError, "gave no answer")),
    "half a body": (
        raw(head(200, 100, {"Content-Type": "application/json"}) + b'{"a": '),
        (LostError, "IncompleteRead"),
    ),
    "half a chunk": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc"),
        (LostError, "gave no answer"),
    ),
    "no status line": (raw(b"220 mail.example ESMTP\r\n\r\n"), (LostError, "gave no answer")),
    "endless header": (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000), (LostError, "gave no answer")),
    "wrong JSON": (
        says('{"a": 1', Content_Type="application/json"),
        (RemoteProtocolError, "not the JSON that it says it is"),
    ),
    "no number": (says('{"a": NaN}', Content_Type="application/json"), (RemoteProtocolError, "not the JSON")),
    "JSON that is no UTF-8": (says(b'"\xff"', Content_Type="application/json"), (RemoteProtocolError, "not the JSON")),
    "deep JSON": (says("[" * 40 + "]" * 40, Content_Type="application/json"), (RemoteProtocolError, "deeper than 32")),
    "endless depth": (says("[" * 100_000, Content_Type="application/json"), (RemoteProtocolError, "not the JSON")),
    "ten megabytes": (says(b"x" * 10_000_000), (InvalidError, "says more than 1000000 bytes")),
    "redirect": (says("", 302, Location="http://127.0.0.1:1/"), (RefusedError, "leads elsewhere with HTTP status 302")),
    "invalid UTF-8": (says(b"\xff text"), "\ufffd text"),
    "JSON without saying so": (says("[1]"), [1]),
    "what looks like JSON": (says("{no"), "{no"),
    "nothing at all": (says("", Content_Type="application/json"), ""),
    "byte order mark": (says(b"\xef\xbb\xbf[1]", Content_Type="application/json"), [1]),
}


@pytest.mark.parametrize("name", RUDE)
async def test_a_server_that_misbehaves_is_an_error_or_an_answer(server: RudeServer, name: str) -> None:
    behaviour, expected = RUDE[name]
    server.does(behaviour)
    if not isinstance(expected, tuple):
        assert (await ask(server.url)).body == expected
        return
    error, message = expected
    with pytest.raises(error, match=message) as caught:
        await ask(server.url)
    assert caught.value.retry is (error in (LostError, RemoteProtocolError))
    if caught.value.retry:
        with pytest.raises(error) as caught:
            await ask(server.url, "POST", body="x")
        assert not caught.value.retry  # it may have been carried out


@pytest.mark.parametrize("behaviour", ["slow headers", "slow body", "drip"])
async def test_a_slow_server_is_given_up_in_time(server: RudeServer, behaviour: str) -> None:
    server.does(
        {"slow headers": waits(server), "slow body": waits(server, head(200, 10) + b"abc"), "drip": drips(server)}[
            behaviour
        ]
    )
    with pytest.raises(LostError, match=r"gave no answer within 0\.\d+ s"):
        await ask(server.url, seconds=0.2)


async def test_nobody_there_is_tried_again_whatever_the_method() -> None:
    for method in ("GET", "POST"):
        with pytest.raises(UnreachableError, match="gave no answer") as caught:
            await ask("http://127.0.0.1:1/", method)
        assert caught.value.retry


async def test_a_certificate_that_nobody_here_knows_is_refused(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    async with rude_server(context) as server:
        server.does(says("ok"))
        with pytest.raises(RefusedError, match="has no certificate that is trusted here"):
            await ask(server.url, auth={"type": "bearer", "token": KEY})
        assert server.asked == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "-3"}, 0),
        ({"Retry_After": "soon"}, 0),
        ({"Retry_After": formatdate(1_000_090, usegmt=True), "Date": formatdate(1_000_000, usegmt=True)}, 90),
        ({"Retry_After": formatdate(1_000_000, usegmt=True), "Date": formatdate(1_000_090, usegmt=True)}, 0),
        ({}, 0),
    ],
)
async def test_a_server_says_when_to_come_again(server: RudeServer, headers: dict[str, str], seconds: float) -> None:
    server.does(says("slow down", 429, **headers))
    assert (await ask(server.url)).retry_after == seconds


SPOKEN = """
    headers: {{X-Key: "{{secret.KEY}}", X-Both: "{{secret.USER}}:{{secret.KEY}}"}}
    parameters: {{q: "{{secret.KEY}}"}}
    body: {{key: "{{secret.KEY}}", outside: "{{event.value}}"}}
    authentication: {auth}
"""
AUTHS = (
    '{type: api_key, key: "{secret.KEY}", query: key}',
    '{type: bearer, token: "{secret.KEY}"}',
    '{type: basic, username: "{secret.USER}", password: "{secret.KEY}"}',
    '{type: oauth2, token_url: "TOKENS", client_id: me, client_secret: "{secret.KEY}"}',
)
EVERY_WAY = [*RUDE, "echo", "echo 500", "slow"]


@pytest.mark.parametrize("auth", AUTHS)
@pytest.mark.parametrize("name", EVERY_WAY)
async def test_no_secret_is_in_an_episode_a_log_or_an_error(
    server: RudeServer, name: str, auth: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ways = {"echo": echoes(), "echo 500": echoes(500), "slow": waits(server, b"HTTP/1.1 200 " + SECRET.encode())}
    server.does(ways[name] if name in ways else RUDE[name][0])
    async with rude_server() as tokens:
        tokens.does(gives_tokens(3600))
        rest = SPOKEN.format(auth=auth.replace("TOKENS", tokens.url))
        url = f"{server.url}/{{secret.KEY}}"
        text = edge(
            "- {id: call, action: tool_api, tool_api_id: t, budget: {seconds: 0.3}, save: said}",
            head=f'tools:\n  - id: t\n    name: t\n    method: PUT\n    endpoint: "{url}"{rest}',
            protocol="error_handling: {retry_count: 0}",
        )
        plan = compile(load(text, file="x.yaml"))
        loop = VirtualLoop()
        stage = Stage(Bus(), loop, {})
        loop.close()
        event = {"id": "e", "source": "s", "topic": "t", "value": "{secret.KEY}", "payload": None, "timestamp": 0}
        episode, data = await run_once(
            plan, "main", bus=stage.bus, event=event, session=None, ports=stage, clock=Clock(), tools=HttpTools(SECRETS)
        )
    assert json.loads(server.asked[0].body) == {"key": SECRET, "outside": "{secret.KEY}"}
    told = json.dumps([episode, data]) + caplog.text
    encoded = base64.b64encode(f"olha:{SECRET}".encode()).decode()
    for secret in (SECRET, "s3cret%2F", encoded, "token-1", "olha"):
        assert secret not in told


async def run(text: str, **values: str) -> dict[str, Any]:
    plan = compile(load(text, file="x.yaml"))
    loop = VirtualLoop()
    stage = Stage(Bus(), loop, {})
    loop.close()
    event = {"id": "e", "source": "s", "topic": "t", "value": None, "payload": None, "timestamp": 0}
    session = {"session_id": "s", "data": dict(values)}
    episode, _ = await run_once(
        plan, "main", bus=stage.bus, event=event, session=session, ports=stage, clock=Clock(), tools=HttpTools(SECRETS)
    )
    return episode


def plain(url: str, method: str = "GET", more: str = "") -> str:
    return edge(
        "- {id: call, action: tool_api, tool_api_id: t}",
        head=f'tools: [{{id: t, name: t, method: {method}, endpoint: "{url}"{more}}}]',
        protocol="policies: {retry: {backoff_ms: 1, max_attempts: 3}}",
    )


async def test_a_busy_server_is_asked_again_when_it_says_so(server: RudeServer) -> None:
    server.does(says("slow down", 429, Retry_After="0"), says({"a": 1}))
    episode = await run(plain(server.url, "POST"))
    (step,) = episode["steps"]
    assert (episode["status"], step["attempts"], step["detail"]["result"]) == ("completed", 2, {"a": 1})


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"error": "no city \x1b[31m", "more": "x" * 500, "seen": SECRET}, ': {"error": "no city \\u001b[31m", "more"'),
        (f"no\n\tsuch \x1b[31m city, {SECRET}{'x' * 500}", ": no such [31m city, {secret.KEY}xxx"),
        (b"\x89PNG\xff", ""),
        ("", ""),
    ],
)
async def test_an_error_shows_how_the_answer_begins_and_no_secret_of_it(
    server: RudeServer, body: Any, shown: str
) -> None:
    server.does(says(body, 404))
    episode = await run(plain(server.url, more=', headers: {X: "{secret.KEY}"}'))
    said = episode["steps"][0]["detail"]["error"].removeprefix("t answered with HTTP status 404")
    assert said[: len(shown)] == shown
    assert bool(said) is bool(shown)
    assert len(said) <= 202
    assert SECRET not in json.dumps(episode)


async def test_a_request_says_who_sends_it_unless_its_tool_does(server: RudeServer) -> None:
    server.does(says("a"), says("b"))
    await ask(server.url)
    await ask(server.url, headers={"user-agent": "mine/1"})
    assert [each.headers["user-agent"] for each in server.asked] == [f"ganglion/{__version__}", "mine/1"]


async def test_a_server_that_wants_to_be_left_alone_for_too_long_fails_the_step(server: RudeServer) -> None:
    server.does(says("slow down", 429, Retry_After="86400"))
    episode = await run(plain(server.url))
    assert episode["error"] == "step call failed: t answered with HTTP status 429: slow down, and asks to wait 86400 s"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("method", "status", "tries"),
    [
        ("GET", 503, 3),
        ("GET", 502, 3),
        ("GET", 501, 1),
        ("GET", 404, 1),
        ("DELETE", 500, 3),
        ("POST", 503, 3),
        ("POST", 408, 3),
        ("POST", 500, 1),
        ("POST", 504, 1),
        ("PATCH", 502, 1),
    ],
)
async def test_only_what_may_be_done_again_is_tried_again(
    server: RudeServer, method: str, status: int, tries: int
) -> None:
    server.does(says("no", status))
    episode = await run(plain(server.url, method))
    assert episode["error"] == f"step call failed: t answered with HTTP status {status}: no"
    assert len(server.asked) == tries


CONTRACT = """
version: "2.2"
classes:
  protocol: {{name: main, steps: [{{id: call, action: tool_api, tool_api_id: order}}]}}
  tool_api:
    id: order
    method: POST
    url: "{url}/v1/order"
    body: {{size: "{{size}}"}}
    response_mapping: {{number: response.id}}
  contract:
    name: shop
    endpoint: "{url}/v1"
    schema:
      request: {{properties: {{size: {{enum: [small, large]}}}}}}
      response: {{type: object, properties: {{id: {{pattern: "^o-\\\\d+$"}}}}, required: [id]}}
    auth: {{type: api_key, credentials: {{key: "{{secret.KEY}}"}}}}
"""


async def test_a_contract_is_kept_on_both_sides(server: RudeServer) -> None:
    text = CONTRACT.format(url=server.url)
    server.does(says({"id": "o-17"}), says({"id": "17"}))
    episode = await run(text, size="huge")
    assert episode["error"] == (
        "step call failed: the contract shop does not allow what goes to order: size is none of the values allowed"
    )
    assert server.asked == []
    assert (await run(text, size="small"))["status"] == "completed"
    assert server.asked[0].headers["x-api-key"] == SECRET
    episode = await run(text, size="small")
    assert episode["error"] == (
        "step call failed: the contract shop does not allow what came from order: id does not match the pattern"
    )
    assert len(server.asked) == 2


def test_a_secret_comes_from_a_file_or_the_environment_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    document = tmp_path / "x.yaml"

    async def once(words: list[str]) -> tuple[int, RudeServer]:
        async with rude_server() as server:
            server.does(echoes())
            document.write_text(plain(server.url, more=', headers: {X: "{secret.KEY}"}'))
            return await asyncio.to_thread(main, ["mova", "run", str(document), "--json", *words]), server

    code, server = asyncio.run(once([]))
    assert code == 1
    assert "there is no secret KEY: set GANGLION_SECRET_<NAME>" in json.loads(capsys.readouterr().out)["error"]
    monkeypatch.setenv("GANGLION_SECRET_KEY", "from-the-environment")
    code, server = asyncio.run(once(["--verbose"]))
    assert (code, server.asked[0].headers["x"]) == (0, "from-the-environment")
    said = capsys.readouterr()
    assert "from-the-environment" not in said.out + said.err
    assert "{secret.KEY}" in said.out
    file = tmp_path / "secrets.toml"
    file.touch(0o600)
    file.write_text('KEY = "from-the-file"\n')
    code, server = asyncio.run(once(["--secrets", str(file)]))
    assert (code, server.asked[0].headers["x"]) == (0, "from-the-file")
    kept = "".join(path.read_text() for path in (tmp_path / "state").rglob("*.json"))
    assert kept
    assert "from-the" not in kept
