# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ganglion flash` says on the way, as documents, and something that happens when it says so."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from ganglion.cli.flash_report import Shown


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    out = capsys.readouterr().out
    return [json.loads(line) for line in out.splitlines()]


def did(said: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["part"], each["does"]) for each in said if each.get("event") == "step"]


@contextmanager
def told(monkeypatch: pytest.MonkeyPatch, event: str, then: Callable[[], object]) -> Iterator[None]:
    """Does something when the command says so."""
    shown = Shown.__call__

    def call(self: Shown, said: Mapping[str, Any]) -> None:
        shown(self, said)
        if said["event"] == event:
            then()

    with monkeypatch.context() as patched:
        patched.setattr(Shown, "__call__", call)
        yield
