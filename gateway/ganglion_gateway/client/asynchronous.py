# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of the gateway for asyncio: the same questions as `ganglion.client.sync`, over httpx, and channels."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, TypeVar
from weakref import WeakSet

import httpx

from ganglion.client.call import JSON, LINES, MAX_ANSWER, Answers, Call
from ganglion.client.sync import SILENCE, TIMEOUT, Progress, checked
from ganglion.errors import GanglionError, UnreachableError
from ganglion_gateway.client.channels import Channels

T = TypeVar("T")


class AsyncGatewayClient:
    """One gateway, until the block ends.

    Args:
        url: `http://host:port` or https.
        token: The bearer token.
        verify: An SSL context, where the certificate is none that the system knows.
        transport: What carries requests in place of a connection, as into an application of this process.

    Raises:
        UsageError: the URL is none of http or https, or the token is no header value.
    """

    def __init__(
        self, url: str, token: str, *, verify: Any = True, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.url = checked(url, token)
        self._token = token
        self._answers = Answers(self.url, "this program" if token else "")
        # As the other: neither proxies nor redirects see the token
        self._http = httpx.AsyncClient(
            base_url=self.url, verify=verify, transport=transport, trust_env=False, follow_redirects=False
        )
        self._verify = verify
        self._followed: WeakSet[Channels] = WeakSet()

    async def __aenter__(self) -> "AsyncGatewayClient":
        """The client."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes its connections."""
        for each in list(self._followed):
            await each.aclose()
        await self._http.aclose()

    async def ask(self, call: Call[T]) -> T:
        """The answer to a question. Raises: see `ganglion.client.sync.GatewayClient.ask`."""
        async with self._opened(call, TIMEOUT + call.patience) as response:
            return self._answers.read(call, response.status_code, await _body(response))

    async def pages(self, call: Call[Any], name: str) -> AsyncIterator[Any]:
        """What the list called `name` holds, page after page. Raises: see `ask`."""
        cursor = ""
        while True:
            page = await self.ask(call.page(cursor) if cursor else call)
            for each in self._answers.listed(call, page, name):
                yield each
            following = page.get("next")
            if not following or following == cursor:
                return
            cursor = str(following)

    async def told(self, call: Call[T], on_progress: Progress) -> T:
        """As `ask`, for what the gateway tells of on the way: `done`, `total`, `text`, any of them."""
        async for line in self.follow(call):
            if "progress" in line:
                on_progress(line["progress"])
            elif "problem" in line:
                raise self._answers.error(int(line["problem"]["status"]), line["problem"])
            else:
                answer: Any = line
                result: T = answer
                return result
        raise UnreachableError(f"the gateway at {self.url} broke off its answer")

    async def follow(self, call: Call[Any]) -> AsyncIterator[dict[str, Any]]:
        """Documents as they come, a line each, until the gateway ends. Raises: see `ask`."""
        async with self._opened(call, SILENCE, LINES) as response:
            if not response.is_success:
                raise self._answers.problem(response.status_code, await _body(response))
            try:
                async for line in response.aiter_lines():
                    if line.strip():
                        yield self._answers.document(line.encode())
            except httpx.HTTPError as error:
                raise UnreachableError(f"the gateway at {self.url} broke off its answer: {error}") from None

    def channels(self, *filters: str, after: str | None = None) -> Channels:
        """What is said on channels, as it is said; after a break it goes on behind the last that was told.

        A message has `channel`, `data` and `token`. Where something was missed for good, `{"type": "missed"}` comes.
        A loop over it may be left at any time.

        Args:
            after: The token of the last message that was seen before.

        Raises:
            RefusedError: as it is read: the token is not known, or may not follow these.
        """
        url = f"ws{self.url.removeprefix('http')}/ws"
        secure = {} if not url.startswith("wss") or self._verify is True else {"ssl": self._verify}
        made = Channels(url, self._token, filters, after=after, answers=self._answers, options=secure)
        self._followed.add(made)
        return made

    @asynccontextmanager
    async def _opened(self, call: Call[Any], timeout: float, accept: str = JSON) -> AsyncIterator[httpx.Response]:
        headers = call.headers(self._token, accept)
        try:
            async with self._http.stream(
                call.method, call.target, content=call.data, headers=headers, timeout=timeout
            ) as response:
                yield response
        except httpx.HTTPError as error:
            raise UnreachableError(f"no gateway answers at {self.url}: {error or type(error).__name__}") from None


async def _body(response: httpx.Response) -> bytes:
    data = b""
    async for part in response.aiter_bytes():
        data += part
        if len(data) > MAX_ANSWER:
            raise GanglionError(f"what answers at {response.url.host} is no gateway of ours: its answer has no end")
    return data
