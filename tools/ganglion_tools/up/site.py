# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ganglion up` runs: starts the parts in order, says what runs where, watches them, stops them all."""

import asyncio
import contextlib
import fcntl
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganglion.cli.gateway_client import GatewayClient
from ganglion.config import brokers, state_folder
from ganglion.errors import GanglionError, NotFoundError, RefusedError, UnreachableError, UsageError
from ganglion.mqtt.url import BrokerUrl
from ganglion_tools import broker
from ganglion_tools.child import Child
from ganglion_tools.up.receiver import Receiver

NODES = ("host", "room", "fridge")
#: Where people look first.
BROKER_PORT, GATEWAY_PORT = 1883, 8470
_HERE = Path(__file__).parent


class Site:
    """One broker, one gateway, three nodes, one webhook receiver.

    Args:
        state: The folder that holds all that must be found again at the next start.
        broker: `nats`, `mosquitto` or a URL.
        webhook: Where alerts go; None for a receiver of ours that prints them.
        as_json: Say what happens as one JSON document a line on stdout.
    """

    def __init__(self, *, state: Path, broker: str, webhook: str | None, as_json: bool) -> None:
        self._state = state
        self._broker = broker
        self._webhook = webhook
        self._as_json = as_json
        self._children: list[Child] = []
        self._first_login: dict[str, str] | None = None  # of the gateway's first start
        self._ports = contextlib.ExitStack()
        self._stop = asyncio.Event()

    async def run(self, *, until_first_alert: bool) -> None:
        """Runs the site until Ctrl-C, SIGTERM, or with `until_first_alert` the end of one full pass.

        Raises:
            RefusedError: another `ganglion up` uses the same state folder.
            GanglionError: a part ended by itself; its name and the end of its log are in the message.
        """
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, self._stop.set)
        with self._locked(), self._ports:
            try:
                await self._supervise(until_first_alert)
            finally:
                await self._stop_all()

    async def _supervise(self, until_first_alert: bool) -> None:
        stopping = asyncio.create_task(self._stop.wait(), name="stop signal")
        work = asyncio.create_task(self._work(until_first_alert), name="site")
        await asyncio.wait({stopping, work}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not work.done():
            work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work

    async def _work(self, until_first_alert: bool) -> None:
        began = time.monotonic()
        since = time.time_ns()
        url = await self._start_broker()
        receiver = Receiver(self._state / "webhook-secret", on_alert=self._say_alert)
        hook = self._webhook or receiver.start()
        try:
            gateway = await self._start_gateway(url, hook, receiver.secret_file)
            await self._start_nodes(url, gateway)
            self._say_ready(str(BrokerUrl.parse(url)), gateway.url, hook, time.monotonic() - began)
            watch = [asyncio.create_task(self._watch(child), name=f"watch {child.name}") for child in self._children]
            if until_first_alert:
                watch.append(asyncio.create_task(self._first_alert(gateway, since), name="first alert"))
            done, rest = await asyncio.wait(watch, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            for task in done:
                task.result()
        finally:
            receiver.stop()

    async def _start_broker(self) -> str:
        """Its URL, when it lets us in."""
        if "://" in self._broker:
            brokers([self._broker])  # a password would be in the list of processes
            await broker.answers(BrokerUrl.parse(self._broker), timeout=5)
            return self._broker
        if self._broker not in broker.KINDS:
            raise UsageError(f"--broker {self._broker}: say {', '.join(broker.KINDS)} or a URL, as in mqtt://host:1883")
        port = self._ports.enter_context(broker.claimed_port(BROKER_PORT))
        argv = broker.command(self._broker, self._state / self._broker, port)
        await self._add(await Child.start(self._broker, argv, log=self._log(self._broker)))
        url = f"mqtt://127.0.0.1:{port}"
        await broker.answers(BrokerUrl.parse(url), timeout=10)
        return url

    async def _start_gateway(self, url: str, hook: str, secret: Path) -> GatewayClient:
        folder = self._state / "gateway"
        port = self._ports.enter_context(broker.claimed_port(GATEWAY_PORT))
        words = ["gateway", "--state", str(folder), "--port", str(port)]
        words += ["--webhook", hook, "--webhook-secret-file", str(secret), "--allow-private-webhooks"]
        child = await self._add(await Child.ganglion("gateway", *words, broker=url, log=self._log("gateway")))
        ready = await child.ready(timeout=30)
        self._first_login = ready.get("first_login")
        token_file = folder / "token"
        (self._state / "up.json").write_text(json.dumps({"gateway": ready["url"], "token_file": str(token_file)}))
        return GatewayClient(ready["url"], token_file.read_text().strip())

    async def _start_nodes(self, url: str, gateway: GatewayClient) -> None:
        keys = self._state / "enrol.key"
        if not all((self._state / "nodes" / name / "credential.cwt").exists() for name in NODES):
            body = {"uses": len(NODES), "ttl": "1h", "name": "ganglion up"}
            key = await asyncio.to_thread(gateway.post, "/api/v1/enrol-keys", body)
            keys.touch(mode=0o600)
            keys.write_text(key["key"])
        nodes = []
        for name in NODES:
            words = ["node", "run", str(_HERE / f"{name}.toml"), "--state", str(self._state / "nodes" / name)]
            words += ["--enrol-key-file", str(keys)]
            nodes.append(await self._add(await Child.ganglion(f"node {name}", *words, broker=url, log=self._log(name))))
        for node in nodes:  # all of them start meanwhile
            await node.ready(timeout=30)

    async def _add(self, child: Child) -> Child:
        self._children.append(child)
        return child

    async def _watch(self, child: Child) -> None:
        await child.wait()
        if not self._stop.is_set():
            raise GanglionError(child.obituary())

    async def _first_alert(self, gateway: GatewayClient, since: int) -> None:
        """Returns when an alert that began after `since` has passed every stage; then its trace is printed."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            try:
                trace = await asyncio.to_thread(gateway.get, "/api/v1/traces/last")
            except (NotFoundError, UnreachableError):
                continue
            lines = trace["lines"]
            if trace["event"]["timestamp"] >= since and lines and all(line["status"] == "done" for line in lines):
                self._say({"trace": trace}, "\none full pass: " + " → ".join(line["stage"] for line in lines))
                return
        raise UnreachableError("no alert passed from sensor to webhook within 90 s; see `ganglion trace --last`")

    async def _stop_all(self) -> None:
        # Nodes first, so that their last words still reach the gateway; the broker last.
        for child in reversed(self._children):
            await child.stop()
        self._children.clear()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._state.mkdir(parents=True, exist_ok=True)
        with (self._state / "up.lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise RefusedError(
                    f"another `ganglion up` (pid {file.read().strip()}) uses {self._state}; stop it, or give --state"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def _log(self, name: str) -> Path:
        return self._state / "logs" / f"{name}.log"

    def _say(self, document: dict[str, Any], text: str) -> None:
        if self._as_json:
            print(json.dumps(document, ensure_ascii=False), flush=True)
        else:
            print(text, flush=True)

    def _say_alert(self, event: dict[str, Any]) -> None:
        data = event.get("data", {})
        self._say(
            {"alert": event}, f"alert delivered to the webhook: {event.get('subject')} {json.dumps(data.get('value'))}"
        )

    def _say_ready(self, url: str, gateway: str, hook: str, seconds: float) -> None:
        token = (self._state / "gateway" / "token").read_text().strip()
        model = os.environ.get("GANGLION_LLM_URL")
        parts = {child.name: child.pid for child in self._children}
        text = f"""\
ready in {seconds:.1f} s

  broker      {url}
  gateway     {gateway}
  dashboard   {gateway}/login#token={token}
{self._first()}  nodes       host (this machine), room (sound and pictures), fridge (BME280, simulated chip)
  webhook     {hook}
  model       {model or "none: scripts take their `otherwise` branch; set GANGLION_LLM_URL to give them one"}
  state, logs {self._state}

try next{self._export(gateway)}
  ganglion devices list
  ganglion sim set fridge fridge.temperature 12    warms the fridge: an alert follows in a few seconds
  ganglion trace --last                            its path, from the sensor to the webhook

Ctrl-C stops everything."""
        self._say(
            {"ready": True, "seconds": seconds, "broker": url, "gateway": gateway, "webhook": hook, "pids": parts}, text
        )
        if self._as_json:
            print(text, file=sys.stderr)

    def _first(self) -> str:
        """The line with the password that the first start has made; it is shown this once."""
        if self._first_login is None:
            return ""
        user, password = self._first_login["user"], self._first_login["password"]
        return f"  login       {user}, for one time {password}\n"

    def _export(self, gateway: str) -> str:
        """The line for a shell whose commands would look for us in the usual folder; "" where we are there."""
        state = self._state.resolve()
        if state == state_folder().resolve():
            return ""
        token = shlex.quote(str(state / "gateway" / "token"))
        return f'\n  export GANGLION_GATEWAY={gateway} GANGLION_TOKEN="$(cat {token})"'
