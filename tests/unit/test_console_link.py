# SPDX-License-Identifier: GPL-3.0-or-later
"""cli.console_link: what a person is told where there is no console."""

from typing import cast

import pytest

from ganglion.cli.console_link import Link
from ganglion.cli.gateway_client import GatewayClient
from ganglion.errors import NotFoundError


class Gateway:
    """One whose every answer is this."""

    def __init__(self, said: str) -> None:
        self._said = said

    def command(self, *words: object, **options: object) -> None:
        raise NotFoundError(self._said)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("no method console.open; known are log, status", "patch has no console, as .* `ganglion call patch log"),
        ("there is no method 'console.open'; known are log", "patch has no console"),
        ("there is no node 'patch'", "there is no node 'patch'"),
    ],
)
def test_a_board_has_no_console_and_has_a_log(said: str, told: str) -> None:
    with pytest.raises(NotFoundError, match=told):
        Link(cast(GatewayClient, Gateway(said)), "patch").open()
