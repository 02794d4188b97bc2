# SPDX-License-Identifier: GPL-3.0-or-later
"""GPIO lines that a node and its watchdog share: what the one has let go of the other does not keep."""

import errno
from pathlib import Path
from typing import Any

import gpiod
import pytest

from ganglion.guardian import Actuators
from ganglion.guardian.actuator import build
from ganglion.guardian.watchdog import Watchdog
from support.fake_gpiod import Chip
from support.waiting import until_answered

S = 1_000_000_000


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> Any:
    chip = Chip("/dev/gpiochip0", lines=8)
    monkeypatch.setattr(gpiod, "request_lines", chip.request_lines)
    monkeypatch.setattr(gpiod, "Chip", chip.opened)
    return chip


async def test_a_line_that_fails_once_is_made_safe(chip: Any, tmp_path: Path) -> None:
    ns = 0
    tables = {"pump": {"line": 3}, "valve": {"line": 4, "active_low": True}}
    made = {name: build(name, {"driver": "gpio", **table}) for name, table in tables.items()}
    watchdog = Watchdog(tmp_path / "lock")
    acts = Actuators(made, monotonic=lambda: ns, watchdog=watchdog)
    await acts.start()
    for name in tables:
        assert (await acts.actuate(name, True, owner="anna")).accepted
    assert chip.high == {3}
    chip.fails = OSError(errno.EIO, "Input/output error")
    assert not (await acts.actuate("pump", False, owner="anna")).accepted
    chip.fails = None

    async def safe() -> bool:
        nonlocal ns
        ns += 60 * S  # until the next retry
        await acts.tick()
        return 3 not in chip.high

    await until_answered(safe, what="the pump is off")
    assert [status.certain for status in acts.status()] == [True, True]
    assert len(watchdog._writes) == 2, "and is watched again"
    holds = watchdog._process
    assert holds is not None
    await acts.stop()
    assert chip.held(3)
    holds.kill()  # as the next node does
    holds.wait(10)
