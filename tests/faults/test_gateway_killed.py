# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway as a process, killed between an event and its webhook: the webhook goes out all the same."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from ganglion.cli.gateway_client import GatewayClient
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion_gateway.webhook.signature import new_secret
from support.brokers import nats_broker
from support.mesh import enrolled, running
from support.receiver import Answer, Receiver, receiver
from support.waiting import until

ROOT = Path(__file__).parents[2]


class Gateway:
    """`ganglion gateway` on a state folder that outlives it."""

    def __init__(self, folder: Path, broker: str, hook: Receiver) -> None:
        self._state = folder / "gateway-state"
        self._log = folder / "gateway.log"
        secret = folder / "webhook-secret"
        secret.write_text(hook.secret)
        words = ["gateway", "--state", str(self._state), "--broker", broker, "--port", "0", "--webhook", hook.url]
        words += ["--webhook-secret-file", str(secret), "--allow-private-webhooks"]
        self._command = [sys.executable, "-m", "ganglion", *words]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> GatewayClient:
        """Starts it; returns when it says that it is ready."""
        path = os.pathsep.join(str(ROOT / part) for part in ("runtime", "firmware", "gateway", "tools"))
        environment = {**os.environ, "PYTHONPATH": path}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=asyncio.subprocess.PIPE, stderr=log, env=environment
            )
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 60)
        assert line, self._log.read_text()[-2000:]
        return GatewayClient(json.loads(line)["url"], (self._state / "token").read_text().strip())

    async def end(self, how: signal.Signals) -> int:
        """Sends the signal; returns the exit code."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        return await asyncio.wait_for(self._process.wait(), 60)


async def test_an_event_that_was_stored_reaches_its_webhook_though_the_gateway_is_killed(tmp_path: Path) -> None:
    async with nats_broker(tmp_path) as broker, receiver(new_secret()) as hook:
        hook.answers.append(Answer(0, hang=True))
        gateway = Gateway(tmp_path, broker.url, hook)
        api = await gateway.start()
        key = await asyncio.to_thread(api.post, "/api/v1/enrol-keys", {"uses": 1, "ttl": "1h"})
        node = MeshClient(
            transport=MqttTransport(broker.url), state=tmp_path / "node", name="fridge", enrol_key=key["key"]
        )
        stored: list[str] = []
        node.on_stored = stored.append
        async with running(node):
            await enrolled(node)
            event = node.publish_event("alert", {"topic": "alert/fridge", "value": 8.5, "source": "t", "run": ""})
            await until(lambda: event in stored, what="the event stored")
            await until(lambda: hook.attempts, what="the webhook under way")
            await gateway.end(signal.SIGKILL)
            assert hook.taken == []
            api = await gateway.start()
            try:
                await until(lambda: hook.taken, within=60, what="the webhook taken")
                trace = await asyncio.to_thread(api.get, "/api/v1/traces/last")
            finally:
                assert await gateway.end(signal.SIGTERM) == 0
    assert set(hook.taken) == {event}
    assert len({attempt.message for attempt in hook.attempts}) == 1
    assert hook.forged == 0
    assert trace["event"]["id"] == event
