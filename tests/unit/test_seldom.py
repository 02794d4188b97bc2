# SPDX-License-Identifier: GPL-3.0-or-later
"""What fails again and again fills no log."""

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ganglion import config
from ganglion.bus import Bus
from ganglion.node import shared
from ganglion.node.node import Node
from ganglion.node.seldom import Seldom
from ganglion.node.shared import Shared
from ganglion.node.taps import Taps
from support.waiting import until


def test_a_line_is_due_once_a_minute_and_each_for_itself() -> None:
    now = [0.0]
    seldom = Seldom(lambda: now[0])
    due = []
    for now[0] in (0, 1, 59, 60, 61, 200):
        due.append((seldom.due("a"), seldom.due("b") if now[0] else None))
    assert due == [(True, None), (False, True), (False, False), (True, False), (False, True), (True, True)]


def test_keys_that_others_choose_fill_no_log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(shared, "MAX_KEYS", 2)
    monkeypatch.setattr(shared, "now_at", lambda state, change: 1)
    bus = Bus()
    state: Any = SimpleNamespace(watchers=[], author=lambda kid: ("", ""))
    mesh: Any = SimpleNamespace(state=state, rights=None, on_request=lambda *words, **more: None)
    Shared(mesh, bus, Taps(bus), lambda: 1)
    heard: list[str] = []
    bus.subscribe("kv/#", lambda event: heard.append(event.topic))
    for i in range(100):
        for watch in state.watchers:
            watch(SimpleNamespace(key=f"key {i % 50}\n", kid=b""))
    assert set(heard) == {"kv/key 0\n", "kv/key 1\n"}
    assert len(caplog.records) == 1
    assert "\n" not in caplog.records[0].getMessage()


async def test_a_part_that_fails_each_time_is_said_once_and_the_others_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "node.toml").write_text('[node]\nname = "kitchen"\n')
    node = Node(config.load(tmp_path / "node.toml"), tmp_path / "state")
    failed, advanced = [], []

    def fails() -> None:
        failed.append(1)
        raise RuntimeError("a tap is broken")

    monkeypatch.setattr(node._taps, "forget", fails)
    monkeypatch.setattr(node._bus, "advance", advanced.append)
    with caplog.at_level(logging.ERROR):
        watching = asyncio.create_task(node._watch())
        await until(lambda: len(failed) > 3)
        watching.cancel()
    assert len(advanced) >= 3
    assert caplog.text.count("looking at what is due (taps) failed") == 1
