# SPDX-License-Identifier: GPL-3.0-or-later
"""node.leaf_line: messages over a real pty, with a cable that is pulled, a port that is taken, and a full queue."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from ganglion.device.port import Port, open_port
from ganglion.errors import GanglionError
from ganglion.node import leaf_line
from ganglion.node.leaf_line import Back, LeafLine
from ganglion_micro.framing import Unframer, framed
from support.cable import Cable
from support.waiting import until


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaf_line, "_AGAIN", (0.05, 0.1))


class Heard:
    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.back: Back | None = None

    def __call__(self, data: bytes, back: Back) -> None:
        self.messages.append(data)
        self.back = back


@asynccontextmanager
async def running(line: LeafLine) -> AsyncIterator[None]:
    task = asyncio.create_task(line.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def came(cable: Cable, unframer: Unframer, count: int) -> list[bytes]:
    """So many messages at the far end."""
    got: list[bytes] = []

    def more() -> bool:
        got.extend(unframer.feed(cable.read(0.05)))
        return len(got) >= count

    await until(more, what=f"{count} messages")
    return got


async def test_messages_go_both_ways_beside_text_and_the_cable_may_be_pulled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="ganglion.node.leaf_line")
    cable, heard = Cable(tmp_path), Heard()
    async with running(LeafLine(str(cable.port), 115200, heard)):
        await until(lambda: "A leaf may speak" in caplog.text, what="the port is open")
        cable.write(b"MicroPython says ~ hello\r\n" + framed(b"one") + b"Traceback:\r\n" + framed(bytes(range(256))))
        await until(lambda: len(heard.messages) == 2, what="both messages")
        assert heard.messages == [b"one", bytes(range(256))]
        await until(lambda: "Traceback:" in caplog.text, what="the text")
        assert "MicroPython says ~ hello" in caplog.text
        assert heard.back is not None
        heard.back(b"\x03" * 1000)
        assert await came(cable, Unframer(), 1) == [b"\x03" * 1000]

        cable.pull()
        await until(lambda: "is gone: is the cable loose" in caplog.text, what="the cable is missed")
        heard.back(b"into the void")
        await until(lambda: "there is no port" in caplog.text, what="the port is missed")
        cable.plug()
        await until(lambda: caplog.text.count("A leaf may speak") == 2, what="it is open again")
        cable.write(framed(b"two"))
        await until(lambda: heard.messages[-1] == b"two", what="the message after that")
        assert caplog.text.count("there is no port") == 1, "it is said once"
        cable.pull()


async def test_the_port_is_one_processs_and_is_had_when_it_is_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="ganglion.node.leaf_line")
    cable, heard = Cable(tmp_path), Heard()
    other = open_port(str(cable.port))
    async with running(LeafLine(str(cable.port), 115200, heard)):
        await until(lambda: "is in use by" in caplog.text, what="it is refused the port")
        other.close()
        await until(lambda: "A leaf may speak" in caplog.text, what="the port")
        with pytest.raises(GanglionError, match="is in use by"):
            await asyncio.to_thread(open_port, str(cable.port))
    cable.pull()


async def test_what_a_slow_line_has_no_room_for_is_dropped_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="ganglion.node.leaf_line")
    cable, heard = Cable(tmp_path), Heard()
    line = LeafLine(str(cable.port), 115200, heard)
    async with running(line):
        await until(lambda: "A leaf may speak" in caplog.text, what="the port is open")
        cable.write(framed(b"one"))
        await until(lambda: heard.back is not None, what="a message")
        assert heard.back is not None
        for i in range(100):
            heard.back(bytes([i]) * 200)
            heard.back(b"\0" * 200)  # a copy of the first, which is under way
        assert 0 < line.dropped <= 84 + 100
        got = await came(cable, Unframer(), 16)
        assert got[:16] == [bytes([i]) * 200 for i in range(16)]
    cable.pull()


async def test_a_board_that_prints_without_an_end_does_not_fill_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG, logger="ganglion.node.leaf_line")
    monkeypatch.setattr(leaf_line, "_LINES", 0.5)
    monkeypatch.setattr(leaf_line, "_BURST", 5.0)
    cable, heard = Cable(tmp_path), Heard()
    async with running(LeafLine(str(cable.port), 115200, heard)):
        await until(lambda: "A leaf may speak" in caplog.text, what="the port is open")
        for _ in range(50):
            cable.write(b"a line\x1b[2J of many\r\n" * 4)
        cable.write(framed(b"one"))
        await until(lambda: bool(heard.messages), what="the message behind")
        assert 0 < caplog.text.count("a line\N{REPLACEMENT CHARACTER}[2J of many") < 50

        def tells() -> bool:
            cable.write(b"later\n")
            return ": later" in caplog.text

        await until(tells, what="a line that is kept again")
        assert "lines are left out here, as the board says so many" in caplog.text


async def test_a_port_is_not_closed_while_something_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG, logger="ganglion.node.leaf_line")
    cable, heard = Cable(tmp_path), Heard()
    writing, closed = threading.Event(), threading.Event()
    write, close = Port.write, Port.close
    under_way: list[bool] = []

    def slow(self: Port, data: bytes) -> None:
        writing.set()
        closed.wait(1.5)  # longer than who reads takes to see that it is over
        write(self, data)
        writing.clear()

    def noted(self: Port) -> None:
        if self.name == str(cable.port):  # and not that of a test before, whose thread has yet to see its end
            under_way.append(writing.is_set())
            closed.set()
        close(self)

    monkeypatch.setattr(Port, "write", slow)
    monkeypatch.setattr(Port, "close", noted)
    async with running(LeafLine(str(cable.port), 115200, heard)):
        await until(lambda: "A leaf may speak" in caplog.text, what="the port is open")
        cable.write(framed(b"one"))
        await until(lambda: bool(heard.messages), what="the message")
        assert heard.back is not None
        heard.back(b"two")
        await until(writing.is_set, what="it is being written")
    await until(closed.is_set, what="the port is closed")
    assert under_way == [False]
