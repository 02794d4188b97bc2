# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent on a real MicroPython as a full member of the mesh: a key of its own, a real broker, a real gateway."""

from pathlib import Path

from support.brokers import Broker
from support.full_board import garden


async def test_a_board_enrols_and_its_readings_come(broker: Broker, tmp_path: Path, firmware: Path) -> None:
    async with garden(broker, tmp_path, firmware) as it:
        await it.board.on()
        node = await it.joined()
        assert (node["board"], node["sw"]) == ("pico-w", "0.1.0")
        assert round(node["sensors"]["soil"]["value"]) == 50
