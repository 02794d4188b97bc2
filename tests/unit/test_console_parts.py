# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's console is made of: what its log keeps, what a line says, its record, and the log of a leaf."""

import asyncio
import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from ganglion.console.kept import Kept
from ganglion.errors import InvalidError, NotFoundError, UnreachableError
from ganglion.node.console import record as records
from ganglion.node.console.leaf import follow
from ganglion.node.console.lines import LONGEST, parameters, shown, words
from ganglion.node.console.record import Record
from ganglion.node.console.tail import KEPT, Lines, Tail


def test_lines_are_bounded_and_numbered_and_say_what_is_lost() -> None:
    lines = Lines(lambda: None)
    for i in range(200):
        lines.add(f"{i} ".ljust(1000, "x"), logging.DEBUG if i % 2 else logging.INFO)
    found, following, lost = lines.since(0, logging.INFO, 10**9)
    there = KEPT // 1024
    assert (following, lost, len(found)) == (200, 200 - there, there // 2)
    assert all(line.level == logging.INFO for line in found)
    some, on, lost = lines.since(lost, logging.DEBUG, 2500)
    assert (len(some), on, lost) == (2, 200 - there + 2, 0)
    assert lines.since(200, logging.DEBUG, 100) == ([], 200, 0)
    lines.add("y" * 10_000 + "end", logging.ERROR)
    ((line,), _, _) = lines.since(200, logging.DEBUG, 1)
    assert (len(line.text), line.text[-3:]) == (2000, "end")
    assert lines.before(5) == 196


async def test_any_thread_logs_and_who_waits_is_woken() -> None:
    tail = Tail()
    tail.attach()
    try:
        log = logging.getLogger("ganglion.test")
        tail.lower(logging.DEBUG)
        thread = threading.Thread(target=lambda: [log.debug("line %d", i) for i in range(500)])
        waiting = asyncio.create_task(tail.news(60))
        await asyncio.sleep(0)
        thread.start()
        await asyncio.wait_for(waiting, 60)
        await asyncio.to_thread(thread.join, 60)
        found, _, _ = tail.lines.since(0, logging.DEBUG, 10**9)
        assert [line.text for line in found] == [f"ganglion.test: line {i}" for i in range(500)]
        tail.handle(logging.LogRecord("ganglion.test", logging.INFO, "", 1, "%d", ("no number",), None))
        assert tail.lines.since(500, logging.DEBUG, 100)[0][0].text == "ganglion.test: %d"
        tail.lower(None)
        assert not log.isEnabledFor(logging.DEBUG)
    finally:
        tail.detach()


def test_a_line_is_kept_without_its_secrets() -> None:
    for line, kept in (
        ("sim.set sensor=a value=9.5", "sim.set sensor=a value=9.5"),
        ("wifi.join ssid=home password='a b'", "wifi.join ssid=home password=(hidden)"),
        ("wifi.join psk=12345678", "wifi.join psk=(hidden)"),
        ("""x.y with='{"token": "a", "n": [1]}'""", 'x.y with={"token": "(hidden)", "n": [1]}'),
        ("x.y url=https://me:word@host/", "x.y url=(hidden)"),
        ("x.y key=sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x.y key=(hidden)"),
        ("help sim.set", "help sim.set"),
        ("x.y password='a", "x.y (hidden)"),
        ("x.y =a", "x.y (hidden)"),
    ):
        assert shown(line) == kept
    assert parameters(words("x 'a={\"b\": 1}' c=d")[1:]) == {"a": {"b": 1}, "c": "d"}
    with pytest.raises(InvalidError, match="at most 4096"):
        words("x" * (LONGEST + 1))


def test_the_record_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "BYTES", 1000)
    record = Record(tmp_path / "console.log", lambda: 7)
    for i in range(100):
        record.add("line", "ann", "s", line=f"{i} \udcff")
    assert {path.name for path in tmp_path.iterdir()} == {"console.log", "console.log.1"}
    assert all(path.stat().st_size <= 1000 and path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())
    last = json.loads((tmp_path / "console.log").read_text().splitlines()[-1])
    assert (last["at"], last["who"], last["line"]) == (7, "ann", "99 \udcff")
    Record(tmp_path / "none" / "console.log", lambda: 7).add("open", "ann", "s")  # is logged, and ends nothing


def test_notes_of_sessions_before_take_no_place_of_the_log() -> None:
    lines = Lines(lambda: None)
    for i in range(60):
        lines.add(f"line {i}", logging.INFO)
        lines.add("ann writes now")
    began = lines.before(0)
    lines.add("bob> status")
    found, _, lost = lines.since(lines.before(50), logging.INFO, 10**6, noted=began)
    assert [line.text for line in found] == [*(f"line {i}" for i in range(10, 60)), "bob> status"]
    assert (lost, lines.before(0), lines.before(1000)) == (0, 121, 0)


async def test_a_leafs_log_is_followed_over_silence_and_restart() -> None:
    lines, asked = Lines(lambda: None), []
    answers: list[Any] = [
        {"lines": ["1 info a", "2 error b"], "next": 40},
        {"lines": ["9 info c token=hunter2"], "next": 43},
        UnreachableError("garden is away"),
        UnreachableError("garden is away"),
        {"lines": ["0 dinner"], "next": 1},
        NotFoundError("no method log"),
    ]

    async def ask(method: str, params: dict[str, Any]) -> Any:
        asked.append(params["after"])
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    await follow("garden", lines, ask)
    found, _, _ = lines.since(0, 0, 10**6)
    assert [(line.text, line.level) for line in found] == [
        ("1 a", logging.INFO),
        ("2 b", logging.ERROR),
        ("2 lines of garden are lost", 100),
        ("9 c token=(hidden)", logging.INFO),
        ("garden is away", 100),
        ("garden answers again", 100),
        ("garden has restarted", 100),
        ("0 dinner", logging.INFO),
        ("garden shows no log: no method log", 100),
    ]
    assert asked == [0, 40, 43, 43, 43, 1]
    answers.append({"lines": ["1 info old"]})
    await follow("garden", lines, ask)
    assert "update it" in lines.since(9, 0, 100)[0][0].text


def test_what_a_shell_echoes_is_recorded_without_secrets_however_it_comes() -> None:
    said = b'$ export DB_PASSWORD=hunter76\r\n$ echo "token: hunter77"\r\ntoken: hunter77\r\n$ ls -l'
    kept = Kept()
    text = b"".join(kept.take(bytes([octet])) for octet in said) + kept.end()
    assert text.startswith(b"$ export DB_PASSWORD=(hidden)\r\n$ echo ")
    assert b"hunter" not in text
    assert text.endswith(b"token: (hidden)\r\n$ ls -l")
