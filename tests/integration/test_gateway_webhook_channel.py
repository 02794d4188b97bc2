# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to an endpoint over real sockets: kept open, proved by TLS, cut off when nobody wants it any more."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ganglion_gateway.webhook import connection, signature
from ganglion_gateway.webhook.attempt import Attempt, Sender, sample
from ganglion_gateway.webhook.channel import Channel
from support.certificates import make_certificates
from support.waiting import until

_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Endpoint:
    """Answers each request with what `answer` gives; None for nothing at all."""

    def __init__(self, answer: Callable[[int], bytes | None], *, closes: bool) -> None:
        self._answer = answer
        self._closes = closes
        self.port = 0
        self.connections = 0
        self.heads: list[str] = []
        self.gone = asyncio.Event()
        self.serving: set[asyncio.Task[None] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self.serving.add(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                await reader.readexactly(int(head.partition("content-length:")[2].partition("\r\n")[0]))
                self.heads.append(head)
                if (answer := self._answer(len(self.heads))) is not None:
                    writer.write(answer)
                    await writer.drain()
                    if self._closes:
                        break
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        self.gone.set()


@asynccontextmanager
async def endpoint(
    answer: Callable[[int], bytes | None] = lambda number: _OK,
    *,
    closes: bool = False,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> AsyncIterator[Endpoint]:
    there = Endpoint(answer, closes=closes)
    server = await asyncio.start_server(there.serve, host, 0, ssl=tls)
    there.port = server.sockets[0].getsockname()[1]
    try:
        yield there
    finally:
        server.close()
        await asyncio.wait_for(asyncio.gather(*there.serving), 30)


def channel(url: str, *, allow_private: bool = True, headers: dict[str, str] | None = None) -> Channel:
    row: dict[str, Any] = {"id": "wh_1", "url": url, "secret": signature.new_secret(), "former_secret": None}
    row["allow_private"] = allow_private
    return Channel(Sender(row, mesh="m", agent="test", clock=time.time_ns, headers=lambda event, to: headers or {}))


async def sent(url: str, count: int = 1, **given: Any) -> list[Attempt]:
    made: list[Attempt] = []
    with channel(url, **given) as opened:
        await opened.send([sample(number) for number in range(count)], made, goes_on=lambda: True)
    return made


async def test_a_connection_is_kept_between_messages() -> None:
    async with endpoint() as there:
        made = await sent(f"http://127.0.0.1:{there.port}/x", 20)
    assert [attempt.status for attempt in made] == [200] * 20
    assert (there.connections, len(there.heads)) == (1, 20)
    assert "expect:" not in there.heads[0]
    assert there.heads[0].startswith("post /x http/1.1\r\n")


async def test_a_connection_that_the_endpoint_has_closed_is_made_anew() -> None:
    async with endpoint(closes=True) as there:
        made = await sent(f"http://127.0.0.1:{there.port}/", 3)
    assert [attempt.error for attempt in made] == [""] * 3
    assert there.connections == 3


async def test_a_connection_that_is_not_kept_is_closed_at_once() -> None:
    made: list[Attempt] = []
    close = b"HTTP/1.1 204 Done\r\nconnection: close\r\n\r\n"
    async with endpoint(lambda number: close) as there:
        with channel(f"http://127.0.0.1:{there.port}/") as opened:
            await opened.send([sample(1)], made, goes_on=lambda: True)
            await asyncio.wait_for(there.gone.wait(), 30)
    assert made[0].status == 204


async def test_nothing_is_sent_behind_what_failed() -> None:
    async with endpoint(lambda number: b"HTTP/1.1 503 No\r\ncontent-length: 0\r\nretry-after: 7\r\n\r\n") as there:
        (attempt,) = await sent(f"http://127.0.0.1:{there.port}/", 3)
    assert (attempt.status, attempt.error, attempt.retry_after) == (503, "HTTP status 503", 7_000_000_000)


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async with endpoint() as other:
        moved = f"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:{other.port}/\r\ncontent-length: 0\r\n\r\n".encode()
        async with endpoint(lambda number: moved) as there:
            (attempt,) = await sent(f"http://127.0.0.1:{there.port}/")
    assert attempt.error == "HTTP status 307, and redirects are not followed"
    assert other.connections == 0


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with endpoint() as proxy, endpoint() as there:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        (attempt,) = await sent(f"http://127.0.0.1:{there.port}/")
    assert (attempt.error, there.connections, proxy.connections) == ("", 1, 0)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_however_a_private_address_is_written_it_is_not_knocked_at(host: str) -> None:
    async with endpoint() as there:
        (attempt,) = await sent(f"http://{host}:{there.port}/", allow_private=False)
    assert "which is not a public address; allow_private says that this is fine" in attempt.error
    assert there.connections == 0


async def test_an_endpoint_has_to_prove_its_name_by_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    async with endpoint(tls=context) as there:
        (stranger,) = await sent(f"https://localhost:{there.port}/")
        monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
        (known,) = await sent(f"https://localhost:{there.port}/")
        (misnamed,) = await sent(f"https://127.0.0.1:{there.port}/")
    assert (stranger.status, misnamed.status, known.status) == (None, None, 200)
    assert "certificate" in stranger.error.lower()
    assert "certificate" in misnamed.error.lower() or "127.0.0.1" in misnamed.error
    assert len(there.heads) == 1, "nothing was said to who did not prove its name"


async def test_an_answer_that_is_too_long_is_left_but_counts() -> None:
    long = b"HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n" + bytes(200_000)
    async with endpoint(lambda number: long) as there:
        made = await sent(f"http://127.0.0.1:{there.port}/", 2)
    assert [attempt.error for attempt in made] == ["", ""]
    assert there.connections == 2


@pytest.mark.parametrize("value", ["a\r\nx-forged: y", "a\nb", "a\0b"])
async def test_no_header_is_slipped_in(value: str) -> None:
    async with endpoint() as there:
        (attempt,) = await sent(f"http://127.0.0.1:{there.port}/", headers={"traceparent": value})
    assert attempt.error == "ValueError: the header traceparent has a line break in it"
    assert there.connections == 0


async def test_what_nobody_listens_to_says_why() -> None:
    async with endpoint() as there:
        port = there.port
    (attempt,) = await sent(f"http://127.0.0.1:{port}/")
    assert (attempt.status, attempt.error) == (None, "Connection refused")


async def test_who_does_not_answer_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_POST", 400)
    async with endpoint(lambda number: None) as there:
        (attempt,) = await sent(f"http://127.0.0.1:{there.port}/")
    assert (attempt.status, attempt.error[:16]) == (None, "no answer within")


async def test_who_is_cancelled_keeps_what_was_made_and_cuts_off_what_is_under_way() -> None:
    made: list[Attempt] = []
    async with endpoint(lambda number: _OK if number <= 2 else None) as there:
        with channel(f"http://127.0.0.1:{there.port}/") as opened:
            sending = asyncio.create_task(
                opened.send([sample(number) for number in range(5)], made, goes_on=lambda: True)
            )
            await until(lambda: len(there.heads) == 3, what="a third message under way")
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            await asyncio.wait_for(there.gone.wait(), 30)
    assert [attempt.status for attempt in made] == [200, 200], "the one that was cut off says nothing of the endpoint"
    assert len(there.heads) == 3
