# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion console NODE`: a node's log and its methods from a shell, through a gateway and a broker."""

import asyncio
import json
import logging
import re
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ganglion.node.console import Console
from ganglion.node.console.looks import RATE, ROOM
from ganglion.node.console.record import Record
from support.brokers import Broker, mosquitto_broker, nats_broker
from support.console_node import console, in_terminal
from support.gateway import Process, process
from support.mesh import Gateway, enrolled, running
from support.node import CHIP, NodeProcess, node
from support.waiting import until, until_answered

SHELL = """
[console]
shell = true
"""


@asynccontextmanager
async def fridge(folder: Path, broker: Broker, gateway: Process, more: str = "") -> AsyncIterator[NodeProcess]:
    (folder / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
    async with node(folder, CHIP.format(name="fridge", broker=broker.url, more=more)) as here:
        await here.ready()

        async def known() -> bool:
            answer = await gateway.http.get("/api/v1/nodes/fridge")
            return bool(answer.status_code == 200 and answer.json()["online"])

        await until_answered(known, what="the gateway knows the node")
        yield here


def kept(here: NodeProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (here.state / "console.log").read_text().splitlines()]


async def test_the_log_is_shown_and_lines_are_carried_out(broker: Broker, tmp_path: Path) -> None:
    async with process(tmp_path / "gateway", broker.url) as gateway, fridge(tmp_path, broker, gateway) as here:
        cast = tmp_path / "session.cast"
        async with console(gateway, "fridge", "--record", str(cast)) as one:
            logged = await one.says("ganglion.")
            assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", logged["time"])
            one.enter("help sim")
            listed = await one.shows("help", line="help sim")
            assert [each["name"] for each in listed["result"]["methods"]] == ["sim.set"]
            one.enter("sim.set sensor=fridge.temperature value=9.5")
            done = await one.shows("a method", line="sim.set sensor=fridge.temperature value=9.5")
            assert done["result"] == {"sensor": "fridge.temperature", "value": 9.5}
            one.enter("kv.list password=hunter2")
            await one.says("unknown parameter 'password'", "error")
            one.enter("kv.list key=wifi_password value=hunter3")
            await one.says("unknown parameter 'key'", "error")
            one.enter("gk1_" + "a" * 53)
            await one.says("there is no method", "error")
            one.enter("status")
            assert (await one.shows("status", line="status"))["result"]["node"] == "fridge"
            one.enter("log debug")
            await one.shows("a level", line="log debug")
            for wrong, said in (
                ("sim.set sensr=1", "unknown parameter 'sensr'"),
                ("dance", "there is no method 'dance'"),
                ("shell", "[console]"),
                ("bus.event id=1", "is not for a line of a console"),
                ("console.close id=1", "is not for a line of a console"),
                ("ping 'data", "no closing quotation"),
                ("log loud", "is no level"),
            ):
                one.enter(wrong)
                await one.says(said, "error")
            code, error = await one.ended()
            assert (code, error) == (2, "")
        what = [each["what"] for each in kept(here)]
        assert what == ["open", *["line"] * 14, "end"]
        assert {each["who"] for each in kept(here)} == {"admin@gateway"}
        assert "kv.list password=(hidden)" in {each.get("line") for each in kept(here)}
        assert "kv.list key=wifi_password value=(hidden)" in {each.get("line") for each in kept(here)}
        kept_and_recorded = (here.state / "console.log").read_text() + cast.read_text()
        assert not [each for each in ("hunter2", "hunter3", "gk1_a") if each in kept_and_recorded]
        header, *events = [json.loads(line) for line in cast.read_text().splitlines()]
        assert (header["version"], header["title"]) == (2, "fridge")
        assert {each[1] for each in events} == {"o", "i"}
        assert "9.5" in "".join(each[2] for each in events)
        entries = (await gateway.http.get("/api/v1/audit", params={"action": "node.command", "limit": 200})).json()
        methods = {each["detail"]["method"] for each in entries["entries"]}
        assert methods == {"console.open", "console.line", "console.close"}


async def test_one_writes_and_the_policy_is_asked_for_each_line(tmp_path: Path) -> None:
    async with (
        mosquitto_broker(tmp_path) as broker,
        process(tmp_path / "gateway", broker.url) as gateway,
        fridge(tmp_path, broker, gateway) as here,
        console(gateway, "fridge") as one,
        console(gateway, "fridge") as other,
    ):
        reads = lambda terminal: any(each.get("writer") for each in terminal.shown)  # noqa: E731
        await until(lambda: reads(one) or reads(other), what="one of them is told that he may only read")
        first, second = (other, one) if reads(one) else (one, other)
        second.enter("status")
        await second.says("admin@gateway writes here, and you may only read until you take over", "error")
        first.enter("sensors.read sensor=fridge.humidity")
        await first.shows("the writer", line="sensors.read sensor=fridge.humidity")
        await second.says("admin@gateway> sensors.read sensor=fridge.humidity")
        async with console(gateway, "fridge", "--take") as third:
            third.enter("status")
            await third.shows("who has taken over", line="status")
            await first.says("has taken over from admin@gateway, who may only read now")
            first.enter("status")
            await first.says("writes here, and you may only read", "error")
            assert (await third.ended())[0] == 0
        async with console(gateway, "fridge", "--watch") as watching:
            await watching.shows("who writes, and that is nobody", writer=None)
            watching.child.terminate()
            await watching.ended_by_itself()
        first.enter("sensors.read sensor=fridge.pressure")
        await first.shows("who writes again, for nobody else does", line="sensors.read sensor=fridge.pressure")

        rules = [
            {"name": "all", "who": "role:gateway", "may": "call", "what": "*"},
            {"name": "speak", "who": "role:node", "may": ["call", "say", "send"], "what": "*"},
            {"name": "no-sim", "who": "*", "may": "call", "what": "sim.*", "deny": True},
            {
                "name": "own",
                "who": "*",
                "may": "call",
                "what": "console.open",
                "deny": True,
                "params": {"take": True},
            },
        ]
        made = (await gateway.http.post("/api/v1/mesh/policy", json={"rules": rules})).json()

        async def held() -> bool:
            answer = await gateway.http.get("/api/v1/nodes/fridge/calls/mesh.statistics")
            return bool(answer.json()["result"]["policy"] == made["version"])

        await until_answered(held, what="the node has the policy")
        first.enter("sim.set sensor=fridge.temperature value=9")
        await first.says("'sim.set' is refused to gateway: the rule 'no-sim' denies it", "error")
        async with console(gateway, "fridge", "--take") as fourth:
            code, error = await fourth.ended()
            assert (code, "the rule 'own' denies it" in error) == (4, True)

        here.process.kill()
        code, error = await second.ended_by_itself()
        assert (code, "fridge does not answer 'console.read'" in error) == (5, True)


async def test_a_shell_is_on_the_node_and_ends_with_the_session(tmp_path: Path) -> None:
    async with (
        mosquitto_broker(tmp_path) as broker,
        process(tmp_path / "gateway", broker.url) as gateway,
        fridge(tmp_path, broker, gateway, SHELL) as here,
        console(gateway, "fridge") as one,
    ):
        await one.says("ganglion.")
        one.enter("shell")
        one.enter("stty size; tty; sleep 1234 & echo $(( 6 * 7 ))=; ps -o pid= -p $$ > here")
        shell = lambda: "".join(each.get("shell", "") for each in one.shown)  # noqa: E731
        await until(lambda: "42=" in shell() and "24 80" in shell() and "/dev/pts/" in shell(), what=shell())
        one.enter("seq 100000 | tail -n +2 | head -n 30000; echo done $((1+1))")
        await until(lambda: "done 2" in shell(), what="all that it says, slowly")
        assert [int(each) for each in shell().split() if each.isdecimal()][-30001:-1] == list(range(2, 30002))
        one.enter("stty -echo; echo $((1+2))?; read word; stty echo; echo ${#word}")
        await until(lambda: "3?" in shell(), what="it is asked for a password")
        one.enter("correct horse")
        code, error = await one.ended()
        assert (code, error) == (0, "")
        assert "13" in shell()
        await until(lambda: kept(here)[-1]["what"] == "end", what="the session is over")
        typed = [line for each in kept(here) if each["what"] == "typed" for line in each["lines"]]
        assert "correct horse" not in typed
        assert any("stty size" in each for each in typed)
        async with in_terminal(gateway, "fridge") as two:
            two.types("shell\n")
            await two.shows("a shell on the node; Ctrl-] ends it with the console")
            two.types("echo $((40 + 2)).\r")
            await two.shows("42.")
            two.types("\x1d")
            assert await two.ended() == 0


async def test_in_a_terminal_a_node_that_comes_back_is_found_again(tmp_path: Path) -> None:
    async with (
        nats_broker(tmp_path) as broker,
        process(tmp_path / "gateway", broker.url) as gateway,
        fridge(tmp_path, broker, gateway) as here,
        in_terminal(gateway, "fridge", "--timestamps") as one,
    ):
        await one.shows("console of fridge; `help` says what can be entered, Ctrl-] ends")
        one.types("status\n")
        await one.shows('"node": "fridge"')
        one.types("reboot")
        await one.shows("reboot")
        one.types("\x03")
        await one.shows("^C\r\n")
        one.types("help sim\n")
        await one.shows("sim.set")
        here.process.kill()
        await one.shows("trying again, Ctrl-] ends")
        async with node(tmp_path, CHIP.format(name="fridge", broker=broker.url, more="")) as again:
            await again.ready()
            await one.shows("-- fridge is there again")
            one.types("sensors.read sensor=fridge.humidity\n")
            await one.shows('"unit": "%"')
            one.types("\x1d")
            assert await one.ended() == 0
            assert kept(again)[-1]["why"] == "it was closed"


async def test_what_is_typed_for_a_shell_is_no_line_when_the_node_was_away(tmp_path: Path) -> None:
    async with (
        mosquitto_broker(tmp_path) as broker,
        process(tmp_path / "gateway", broker.url) as gateway,
        fridge(tmp_path, broker, gateway, SHELL) as here,
        in_terminal(gateway, "fridge") as one,
    ):
        one.types("shell\n")
        await one.shows("a shell on the node; Ctrl-] ends it with the console")
        one.types("echo $((40 + 2)).\r")
        await one.shows("42.")
        here.process.send_signal(signal.SIGSTOP)
        await one.shows("trying again, Ctrl-] ends")
        here.process.send_signal(signal.SIGCONT)
        await one.shows("-- fridge is there again")
        one.types("echo $((50 + 3)).\r")
        await one.shows("53.")
        assert "line" not in {each["what"] for each in kept(here)[2:]}

        here.process.kill()
        await until(lambda: one.text.count("trying again, Ctrl-] ends") == 2, what="that it is away again")
        one.types("ping data=for-the-shell\r")
        async with node(tmp_path, CHIP.format(name="fridge", broker=broker.url, more=SHELL)) as again:
            await again.ready()
            await one.shows("-- the shell is over, and what was typed meanwhile is dropped; `shell` opens another")
            one.types("status\n")
            await one.shows('"node": "fridge"')
            one.types("\x1d")
            assert await one.ended() == 0
            assert "for-the-shell" not in (again.state / "console.log").read_text()


async def test_a_flood_of_log_leaves_the_mesh_room(broker: Broker, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, broker.url)
    pump = gateway.node("pump")
    console = Console(
        pump.perform,
        permit=pump.permit,
        leaves=None,
        record=Record(tmp_path / "console.log", lambda: 1),
        shell=False,
        where="node.toml",
        idle=900,
    )
    console.serve(pump.on_request)
    console.attach()
    over = threading.Event()
    log = logging.getLogger("ganglion.flood")
    log.propagate = False  # the other handlers of a test keep everything
    log.addHandler(console.tail)

    def flood() -> None:
        while not over.wait(0.001):
            for i in range(20):
                log.warning("%d %s", i, "x" * 100)

    flooding = threading.Thread(target=flood, daemon=True)
    try:
        async with running(gateway.client, pump):
            await enrolled(pump)
            ask = partial(gateway.client.request, to="pump", timeout=60)
            session = {"id": "a" * 16}
            after = (await ask("console.open", session))["after"]
            flooding.start()
            began, letters, lost = time.monotonic(), 0, 0
            for _ in range(12):
                came = await ask("console.read", {**session, "after": after, "wait": 4.0})
                after, lost = came["next"], lost + came["lost"]
                letters += sum(len(text) for _, _, text in came["lines"])
                assert await ask("ping", {"data": b"x"}), "others are served meanwhile"
            assert lost > 0
            assert letters <= RATE * (time.monotonic() - began) + 2 * ROOM
    finally:
        over.set()
        await asyncio.to_thread(flooding.join, 60)
        log.removeHandler(console.tail)
        log.propagate = True  # for the tests that come after this one
        await console.aclose()
