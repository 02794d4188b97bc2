# SPDX-License-Identifier: GPL-3.0-or-later
"""A serial port that a node lends at its console: who writes, what is kept, and a cable that is pulled."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ganglion import config
from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.node.console.echoed import Echoed
from ganglion.node.console.lending import LONGEST_PAUSE, _pieces
from ganglion.node.console.output import KEPT, Output
from ganglion.node.node import Node
from support.lent import Lender, peer
from support.waiting import until


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Lender]:
    made = Lender(tmp_path)
    made.console.attach()
    try:
        yield made
    finally:
        await made.console.aclose()
        made.cable.close()


async def test_bytes_go_there_and_come_back_whatever_they_are(world: Lender) -> None:
    opened = await world.open("a")
    assert (opened["writes"], opened["port"]["there"], opened["port"]["settings"]["baudrate"]) == (True, True, 115200)
    every = bytes(range(256))
    assert await world.write("a", every) == {"at": 256, "there": True}
    assert await world.heard() == every
    assert await world.write("a", every + b"more") == {"at": 260, "there": True}, "what comes twice is written once"
    assert await world.heard() == b"more"
    assert (await world.write("a", b"12345", at=258, pauses=[[3, 0.01], [4, 0]]))["at"] == 263
    said = b""
    while len(said) < 3:
        said += await world.heard()
    assert said == b"345"
    for pauses in ([[9, 1]], [[1]], [[2, 0.1], [1, 0.1]], 7, [[1, -1]]):
        with pytest.raises(InvalidError, match="pauses"):
            await world.write("a", b"xyz", at=263, pauses=pauses)
    with pytest.raises(InvalidError, match="bytes are missing: 263 were written"):
        await world.write("a", b"x", at=300)
    world.cable.write(every)
    came = await world.ask("read", "a", seen=opened["port"]["seen"], wait=0.5)
    assert (came["data"], came["port"]["missed"]) == (every, 0)
    assert await world.set("a", baudrate=9600, xonxoff=True) | {"seen": 0} == {
        "there": True,
        "settings": opened["port"]["settings"] | {"baudrate": 9600, "xonxoff": True},
        "lines": opened["port"]["lines"],
        "seen": 0,
        "lacks": [],
    }
    assert (await world.set("a", dtr=False))["lacks"] == ["dtr"], "a pty has none"
    for wrong in ({"baudrate": 0}, {"parity": "X"}, {"dtr": 1}):
        with pytest.raises(InvalidError):
            await world.set("a", **wrong)
    for data in ("é", 7, "A" * 9000):
        with pytest.raises(InvalidError, match="data"):
            await world.console._lending.write({"id": "a" * 8, "by": "a", "at": 263, "data": data}, peer())


async def test_one_writes_and_leaves_the_port_as_it_was(world: Lender) -> None:
    await world.open("w", watch=True)
    await world.open("a")
    opened = await world.open("b")
    assert (opened["writer"], opened["writes"]) == ("a@gateway", False)
    for tried in (world.write("b", b"x"), world.set("b", baudrate=9600)):
        with pytest.raises(RefusedError, match="a@gateway writes here, and you may only read until you take over"):
            await tried
    await world.set("a", baudrate=9600)
    assert (await world.open("b", take=True))["writes"]
    lent = world.console._desks.ports["boiler"].lent
    assert lent is not None
    assert (await world.open("w", watch=True))["port"]["settings"]["baudrate"] == 115200
    with pytest.raises(RefusedError, match="a serial port has no lines"):
        await world.ask("line", "b", line="status")
    with pytest.raises(RefusedError, match="a serial port has no shell"):
        await world.ask("shell", "b")
    listed = (await world.console._lending.listed({}, peer()))["ports"]
    assert [(each["name"], each["about"], each["is_open"], each["writer"]) for each in listed] == [
        ("boiler", "the boiler", True, "b@gateway")
    ]
    for who in "abw":
        await world.ask("close", who)
    await until(lambda: not lent.is_open, what="the port is let go of")
    assert (await world.open("c"))["port"]["there"], "and is to be had again"


async def test_a_port_that_another_has_or_that_is_gone_is_listed_so(world: Lender) -> None:
    async def listed() -> dict[str, Any]:
        found: dict[str, Any] = (await world.console._lending.listed({}, peer()))["ports"][0]
        return found

    with world.cable.port.open("rb+", buffering=0) as line:
        other = await asyncio.create_subprocess_exec("sleep", "60", stdin=line)
    try:
        found = await listed()
    finally:
        other.kill()
        await other.wait()
    assert (found["is_there"], found["in_use_by"]) == (True, f"sleep (process {other.pid})")
    world.cable.pull()
    found = await listed()
    assert (found["is_there"], found["in_use_by"]) == (False, "")


async def test_who_asks_while_the_port_is_let_go_of_is_told(world: Lender, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.open("a")
    lent = world.console._desks.ports["boiler"].lent
    assert lent is not None
    assert lent._thread is not None
    lent._over.set()
    lent._thread.join(60)
    monkeypatch.setattr(type(lent), "is_open", True)  # as it was when the look was made
    with pytest.raises(UnreachableError, match="is closed"):
        await lent.do(lambda link: link.settings())


async def test_who_may_not_or_is_idle_has_it_no_more(world: Lender) -> None:
    with pytest.raises(NotFoundError, match="lends no port 'oven'; it lends boiler"):
        await world.ask("open", "a", port="oven")
    with pytest.raises(InvalidError, match="leaf or port"):
        await world.ask("open", "a", port="boiler", leaf="garden")
    world.denied.add("boiler")
    with pytest.raises(RefusedError):
        await world.open("a")
    world.denied.clear()
    await world.open("a")
    world.denied.add("boiler")
    with pytest.raises(RefusedError):
        await world.write("a", b"x")
    world.denied.clear()
    with pytest.raises(NotFoundError, match=r"is over: 'console\.open' is refused"):
        await world.ask("read", "a")
    await world.open("b")
    for _ in range(40):
        world.now += 25
        world.console.forget()
        if world.now < 900:
            await world.ask("read", "b")
    with pytest.raises(NotFoundError, match="nothing was entered for 900 s"):
        await world.write("b", b"x")


async def test_a_port_that_something_else_has_is_refused(world: Lender) -> None:
    world.users[str(world.cable.port.resolve())] = "sensor.meter"
    with pytest.raises(RefusedError, match=r"ttyUSB0 is in use by sensor\.meter of this node"):
        await world.open("a")
    assert world.console._sessions == {}
    world.users.clear()
    world.cable.pull()
    with pytest.raises(NotFoundError, match="there is no port"):
        await world.open("a")
    world.cable.plug()
    assert (await world.open("a"))["port"]["there"]


async def test_a_cable_that_is_out_is_told_and_the_session_goes_on(world: Lender) -> None:
    opened = await world.open("a")
    world.cable.pull()
    came: dict[str, Any] = {"port": {"there": True}, "next": opened["after"]}
    while came["port"]["there"]:
        came = await world.ask("read", "a", after=came["next"], wait=0.5)
    assert await world.write("a", b"lost") == {"at": 0, "there": False}
    with pytest.raises(UnreachableError, match="ttyUSB0 is gone"):
        await world.open("a")
    world.cable.plug()
    while not came["port"]["there"]:
        came = await world.ask("read", "a", after=came["next"], wait=0.5)
    assert (await world.open("a"))["new"] is False
    assert await world.write("a", b"here") == {"at": 4, "there": True}
    assert await world.heard() == b"here"


async def test_what_was_typed_is_kept_as_far_as_the_device_has_shown_it(world: Lender) -> None:
    opened = await world.open("a")
    assert opened["port"]["written"] == 0
    await world.write("a", b"login admin\rhunter2\r")
    world.cable.write(b"login admin\r\npassword: \r\n> ")
    await world.ask("read", "a", seen=opened["port"]["seen"], wait=0.5)
    world.now += 10
    await world.ask("close", "a")
    assert next(each for each in world.kept() if each["what"] == "typed")["lines"] == ["login admin"]
    assert sum(each.get("bytes", 0) for each in world.kept()) == len("hunter2\r")
    assert "hunter2" not in world.record.read_text()


def test_a_device_has_the_time_between_bytes_that_it_was_given() -> None:
    assert _pieces(b"12345", [[3, 0.5], [4, 9]]) == [(0, b"123", 0.5), (3, b"4", LONGEST_PAUSE - 0.5), (4, b"5", 0.0)]
    assert _pieces(b"12345", []) == [(0, b"12345", 0.0)]


def test_what_of_the_node_uses_a_port_is_known(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(
        '[node]\nname = "n"\n[sensor.gps]\nkind = "nmea"\nport = "/dev/ttyS97"\n'
        '[leaves]\nserial = ["/dev/ttyS98"]\n[mqtt]\nbroker = "mqtt://127.0.0.1:1"\n[mesh]\nid = "lbs5gsjx4rbmc"\n'
    )
    node = Node(config.load(tmp_path / "node.toml"), tmp_path / "state")
    assert node._port_users() == {"/dev/ttyS97": "sensor.gps", "/dev/ttyS98": "[leaves]"}


def test_lines_are_kept_without_their_secrets() -> None:
    echoed = Echoed()
    for line in (b"set wifi_password swordfish", b"remove this\x7f\x7f\x7f\x7fit"):
        echoed.typed(line + b"\r", 0.0)
    echoed.heard(b"> set wifi_password swordfish\r\n> remove this\x08\x08\x08\x08it\r\n> remove it\r\n")
    assert echoed.lines(0.0) == (["set wifi_password (hidden)", "remove it"], 0)
    echoed.typed(b"\x00" * 5000, 0.0)
    assert echoed.lines(9.0, is_over=True) == ([], 5000)


def test_what_is_said_faster_than_it_leaves_is_counted() -> None:
    output = Output()
    output.add(b"x" * KEPT)
    assert output.since(0, 10) == (b"x" * 10, 10, 0)
    output.add(b"more")
    assert output.since(0, 2) == (b"xx", 6, 4)
    assert output.since(KEPT, 10) == (b"more", KEPT + 4, 0)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('prt = "/dev/ttyUSB0"', r'serial.boiler.prt: unknown key; did you mean "port"\?'),
        ("", "serial.boiler.port: this key is required"),
        ('port = "ttyUSB0"', "port must be a path"),
        ('port = "/dev/ttyUSB0"\nbaud = 1', "baud is 50 or more"),
        ('port = "/dev/ttyUSB0"\nabout = "a\\nb"', "about is one line"),
    ],
)
def test_what_is_wrong_in_the_table_is_named(table: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(f'[node]\nname = "n"\n[serial.boiler]\n{table}\n')
    with pytest.raises(InvalidError, match=said):
        config.load(tmp_path / "node.toml")
