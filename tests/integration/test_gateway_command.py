# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion gateway` as a process: how it starts, refuses to start, serves and stops."""

import asyncio
import json
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from support.brokers import Broker
from support.certificates import make_certificates
from support.chat_server import KEY, Say, chat_server
from support.gateway import NO_BROKER, process, start

SECRET = "whsec_" + "A" * 43 + "="


def ganglion(*words: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ganglion", "gateway", *words], text=True, capture_output=True, timeout=timeout
    )


async def test_it_says_when_it_is_ready_and_ends_when_it_is_told(broker: Broker, tmp_path: Path) -> None:
    async with process(tmp_path / "state", broker.url) as gateway:
        assert gateway.ready["ready"] is True
        assert gateway.ready["connected"] is True
        assert gateway.url.startswith("http://127.0.0.1:")
        assert (await gateway.http.get("/health/ready")).json()["status"] == "ok"
        assert (await gateway.http.get("/api/v1/nodes")).json() == {"nodes": [], "next": None}
        began = time.monotonic()
        assert await gateway.end(signal.SIGTERM) == 0
        assert time.monotonic() - began < 15


async def test_a_request_under_way_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async with process(tmp_path / "state") as gateway:
        host, port = gateway.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        began = time.monotonic()
        assert await gateway.end(signal.SIGINT) == 0
        assert time.monotonic() - began < 15
        writer.close()
        await reader.read()


async def test_it_answers_and_ends_while_the_dashboard_is_loaded_for_the_first_who_looks(tmp_path: Path) -> None:
    async with process(tmp_path / "state") as gateway:
        looks = asyncio.create_task(gateway.http.get("/", timeout=60))
        await asyncio.sleep(0)
        assert (await gateway.http.get("/health/live")).status_code == 200
        assert await gateway.end(signal.SIGTERM) == 0
        await asyncio.gather(looks, return_exceptions=True)  # a page or none: it is the end that counts


async def test_without_a_broker_it_starts_and_says_that_it_is_degraded(tmp_path: Path) -> None:
    async with process(tmp_path / "state", NO_BROKER) as gateway:
        assert gateway.ready["connected"] is False
        assert (await gateway.http.get("/health/ready")).json() == {
            "status": "degraded",
            "checks": {"database": "ok", "broker": "away", "parts": "ok"},
        }
        assert (await gateway.http.get("/health/startup")).json() == {"status": "ok"}


async def test_a_broker_that_comes_later_is_found(broker: Broker, tmp_path: Path) -> None:
    await broker.stop()
    async with process(tmp_path / "state", broker.url) as gateway:
        assert gateway.ready["connected"] is False
        await broker.start()
        async with asyncio.timeout(60):
            while (await gateway.http.get("/health/ready")).json()["status"] != "ok":
                pass


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--host", "0.0.0.0"], 2, "--insecure-listen"),
        (["--host", "::"], 2, "--insecure-listen"),
        (["--host", "gateway.example"], 2, "--insecure-listen"),
        (["--tls-certificate", "c.pem"], 2, "go together"),
        (["--allow-private-webhooks"], 2, "--webhook"),
        (["--port", "70000"], 2, "--port"),
        (["--webhook", "http://example.org/"], 2, "not https"),
        (["--webhook", "https://example.org/", "--webhook-secret-file", "/nowhere"], 3, "does not exist"),
        (["--broker", "http://x"], 2, "broker"),
        (["--broker", "mqtt://a", "--broker", "mqtt://me:secret@b"], 2, "account=FILE"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_remedy(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    done = ganglion("--state", str(tmp_path / "state"), "--port", "0", *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


async def test_a_port_that_is_taken_is_named_before_anything_is_started(tmp_path: Path) -> None:
    async with process(tmp_path / "state") as gateway:
        port = gateway.url.rpartition(":")[2]
        done = await asyncio.to_thread(ganglion, "--state", str(tmp_path / "other"), "--port", port)
        assert done.returncode == 4
        assert port in done.stderr
        assert not (tmp_path / "other").exists()
        done = await asyncio.to_thread(ganglion, "--state", str(tmp_path / "state"), "--port", "0")
        assert done.returncode == 4
        assert "another gateway" in done.stderr


async def test_the_environment_names_the_model_and_no_secret_is_logged(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    async with chat_server() as chat:
        chat.says(Say(status=400, text=f"bad key {KEY}"))
        words = ["--webhook", "https://hooks.example.org/", "--webhook-secret-file", str(secret), "--log", "debug"]
        async with process(tmp_path / "state", NO_BROKER, *words, environment=chat.environment) as gateway:
            assert gateway.ready["model"] == "parrot-1"
            async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as stranger:
                await stranger.post("/login", data={"token": gateway.token})
                await stranger.post("/login", data={"token": "gt_wrong"})
            key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
            await gateway.end()
            log = gateway.log.read_text()
    assert "listening" in log
    for word in (KEY, SECRET, gateway.token, key):
        assert word not in log


async def test_a_log_for_collectors_is_one_document_a_line(tmp_path: Path) -> None:
    async with process(tmp_path / "state", NO_BROKER, "--log-json") as gateway:
        await gateway.end()
        events = [json.loads(line)["event"] for line in gateway.log.read_text().splitlines()]
    assert "listening" in events


async def test_with_a_certificate_it_serves_https_and_marks_its_cookie(tmp_path: Path) -> None:
    files = make_certificates(tmp_path)
    words = ["--tls-certificate", str(files.certificate), "--tls-key", str(files.key)]
    async with process(tmp_path / "state", NO_BROKER, *words) as gateway:
        assert gateway.url.startswith("https://")
        url = gateway.url.replace("127.0.0.1", "localhost")
        trust = ssl.create_default_context(cafile=str(files.authority))
        async with httpx.AsyncClient(base_url=url, verify=trust, trust_env=False) as browser:
            entered = await browser.post("/login", data={"token": gateway.token})
        assert "secure" in entered.headers["set-cookie"].lower()


async def test_sockets_and_static_files_ask_for_a_token_too(tmp_path: Path) -> None:
    async with process(tmp_path / "state") as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as stranger:
            page = (await gateway.http.get("/")).text
            static = next(part for part in page.split('"') if part.startswith("/_nicegui/") and part.endswith(".js"))
            for path in ("/", "/metrics", "/openapi.json", "/docs", "/favicon.ico", static):
                assert (await stranger.get(path)).status_code == 401, path
            assert (await gateway.http.get(static)).status_code == 200
            polling = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
            assert (await stranger.get(polling)).status_code == 401
            assert (await stranger.post(polling, content=b"40")).status_code == 401
        assert await _handshake(gateway.url, "") == 401
        assert await _handshake(gateway.url, gateway.token) == 101


async def _handshake(url: str, token: str) -> int:
    """The status of a WebSocket's opening handshake (RFC 6455 section 4)."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    writer.write(
        f"GET /_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\n{bearer}"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    status = int((await reader.readline()).split()[1])
    writer.close()
    await writer.wait_closed()
    return status


async def test_it_is_ready_soon_and_again_on_the_same_state(tmp_path: Path) -> None:
    first = await start(tmp_path / "state", NO_BROKER)
    token, mesh = first.token, first.ready["mesh"]
    assert await first.end(signal.SIGKILL) == -signal.SIGKILL
    second = await start(tmp_path / "state", NO_BROKER)
    assert (second.token, second.ready["mesh"]) == (token, mesh)
    assert await second.end() == 0
