# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks, where a proxy is in between: it is believed from the networks that are named, and nobody else is."""

import argparse
from typing import Any

import pytest

from ganglion.errors import UsageError
from ganglion_gateway import command
from ganglion_gateway.server import configuration

NAMED = ["--trusted-proxy", "10.1.0.0/16", "--trusted-proxy", "192.0.2.7", "--trusted-proxy", "fd00::/8"]


def settings(*words: str) -> Any:
    parser = argparse.ArgumentParser()
    command.arguments(parser, argparse.ArgumentParser(add_help=False))
    return command.settings(parser.parse_args(list(words)))


async def seen(words: list[str], address: str, **headers: str) -> tuple[str, str]:
    """The address and scheme that the application sees of a request from an address."""
    found: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.update(scope)

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    config = configuration(app, settings(*words))
    config.load()
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: Any = {"type": "http", "client": (address, 1), "scheme": "http", "headers": raw}
    await config.loaded_app(scope, nothing, nothing)
    return found["client"][0], found["scheme"]


@pytest.mark.parametrize("proxy", ["10.1.2.3", "192.0.2.7", "fd00::1", "::ffff:10.1.2.3", "::ffff:192.0.2.7"])
async def test_a_trusted_proxy_says_who_asks_and_how(proxy: str) -> None:
    said = {"x_forwarded_for": "198.51.100.1, 203.0.113.9, 10.1.9.9", "x_forwarded_proto": "https"}
    assert await seen(NAMED, proxy, **said) == ("203.0.113.9", "https"), "the first is what the client says of itself"


@pytest.mark.parametrize(
    ("words", "address"), [(NAMED, "10.2.0.1"), (NAMED, "192.0.2.8"), (NAMED, "127.0.0.1"), ([], "127.0.0.1")]
)
async def test_nobody_else_is_believed(words: list[str], address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    said = {"x_forwarded_for": "203.0.113.9", "x_forwarded_proto": "https"}
    assert await seen(words, address, **said) == (address, "http")


@pytest.mark.parametrize(
    ("given", "why"), [("proxy", "a network as"), ("10.1.0.1/16", "host bits"), ("0.0.0.0/0", "believe anybody")]
)
def test_what_is_no_network_of_a_proxy_is_refused(given: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        settings("--trusted-proxy", given)
