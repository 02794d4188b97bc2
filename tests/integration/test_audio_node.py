# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that records on a rule keeps its recordings in its own state folder, and is stopped without losing one."""

import wave
from pathlib import Path

import ganglion_tools.up
from support.node import node
from support.waiting import until

ROOM = Path(ganglion_tools.up.__file__).parent / "room.wav"


async def test_a_recording_is_in_the_nodes_state_folder_and_whole_when_it_is_stopped(tmp_path: Path) -> None:
    config = f"""
[node]
name = "hall"

[sensor.mic]
kind = "audio"
source = "{ROOM}"
voice = "off"
loud = {{above = -30}}
record = {{when = "loud", before = "1s"}}
"""
    async with node(tmp_path, config) as hall:
        await hall.ready()
        folder = hall.state / "recordings" / "mic"
        await until(lambda: list(folder.glob("*.part")), within=60)
    (path,) = folder.iterdir()
    assert path.suffix == ".wav"
    with wave.open(str(path), "rb") as file:
        assert file.getnframes() >= 16_000
